/** Every link of scenarios of the library as pcapng, read by Wireshark: nothing malformed, all sums right. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { SECOND } from '../../../src/network/time.js';
import { runScenario } from '../../../src/simulator/run/run.js';
import { loadScenario } from '../../../src/simulator/scenario/load.js';
import { linkNames } from '../../../src/simulator/scenario/links.js';
import { root } from '../../house/tree.js';
import { missing } from '../../support/program.js';

const skip = missing('tshark');
// Wireshark sums up what an ICMP error quotes of a segment as if that were all of it.
const BAD = [
  '_ws.malformed',
  ...['ip', 'icmp', 'gre'].map((protocol) => `${protocol}.checksum.status == "Bad"`),
  ...['tcp', 'udp'].map((protocol) => `(${protocol}.checksum.status == "Bad" and not icmp)`),
];
/** The same segment is seen on several links: its stream is not to be put together. */
const CHECKS = [
  ...['-o', 'tcp.desegment_tcp_streams:FALSE'],
  ...['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]),
  ...['sip', 'tls'].flatMap((protocol) => ['--disable-protocol', protocol]),
];

function tshark(file: string, filter: string, ...more: readonly string[]): string[] {
  const args = [...CHECKS, '-r', file, '-Y', filter, ...more];
  const run = spawnSync('tshark', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout.split('\n').filter((line) => line !== '');
}

for (const [name, seconds] of [
  ['dsr-without-clamp', 6],
  ['tunnel-in-tunnel', 6],
  ['cni-v1-vlan', 70],
  ['cni-v1-lacp', 2],
  ['cni-express', 4],
] as const) {
  t.test(name, { skip }, async (t) => {
    const path = join(t.testdir(), 'links.pcapng');
    const file = join(root, 'scenarios', `${name}.yaml`);
    const scenario = loadScenario(file);
    const names = linkNames(scenario);
    const captures = names.map((link) => ({ link, path }));
    const { links } = await runScenario(scenario, { file, until: seconds * SECOND, captures });
    t.same(tshark(path, BAD.join(' or ')), []);
    const seen = tshark(path, 'frame', '-T', 'fields', '-e', 'frame.interface_name');
    for (const link of names) {
      const packets = links.find((one) => one.name === link)?.packets ?? 0;
      t.equal(seen.filter((one) => one === link).length, packets, `${link}: each packet that was counted`);
    }
    t.ok(seen.length > 100);
    if (name !== 'cni-v1-vlan') return;
    const tags = tshark(path, 'vlan', '-T', 'fields', '-e', 'frame.interface_name', '-e', 'vlan.id');
    t.ok(tags.length > 10, 'the tag of the circuit');
    t.ok(tags.every((line) => line.startsWith('cni_1.')));
  });
}

/** Wireshark's opinion of what hosts, routers and the edge between them send. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { SECOND } from '../../../src/network/time.js';
import { NetworkCapture } from '../../../src/simulator/capture/network-capture.js';
import { createTraffic } from '../../../src/simulator/traffic/create-traffic.js';
import { missing } from '../../support/program.js';
import { path } from '../node/lab.js';
import { hostPair, routerSpec, siteLab } from '../node/site-lab.js';
import { flood, ping, tcp, traceroute, udp } from './specs.js';

const skip = missing('tshark');
/** The same segment is seen on several links: its stream is not to be put together. */
const CHECKS = [
  ...['-o', 'tcp.desegment_tcp_streams:FALSE'],
  ...['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]),
];
const BAD = [
  '_ws.malformed',
  ...['ip', 'tcp', 'udp', 'icmp', 'icmpv6', 'gre'].map((protocol) => `${protocol}.checksum.status == "Bad"`),
].join(' or ');

function tshark(file: string, filter: string): string[] {
  // What a flood carries is no DNS, whatever its port.
  const others = ['dns', 'ntp'].flatMap((protocol) => ['--disable-protocol', protocol]);
  const run = spawnSync('tshark', [...CHECKS, ...others, '-r', file, '-Y', filter], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout.split('\n').filter((line) => line !== '');
}

t.test('a site behind the edge: tunnels, DSR, floods, pings, traceroute', { skip }, async (t) => {
  const file = join(t.testdir(), 'site.pcapng');
  const lab = siteLab({
    site: {
      routers: [routerSpec({ mss_clamp: { uplink: 1436, tunnel: null } })],
      lan: path({ loss: 0.01, mtu: 1500 }),
    },
  });
  const capture = await NetworkCapture.create(file, 0);
  lab.down.capture = capture.tap('down');
  lab.up.capture = capture.tap('up');
  for (const link of lab.site.links) link.capture = capture.tap(link.name);
  const traffic = await createTraffic(
    [
      tcp('client', 'web', { connections: 5, upload: 50_000, download: 200_000 }),
      tcp('client', 'web', { name: 'refused', port: 81 }),
      udp('client', 'web', { flows: 5, size: 1700, echo: true }),
      ping('client', 'web', { size: 1000 }),
      traceroute('client', 'web'),
      flood('syn', ['client'], 'web', 50),
      flood('reflection', ['client'], 'web', 50),
    ],
    lab.hosts,
  );
  for (const one of traffic) one.start();
  lab.world.scheduler.run(20 * SECOND);
  capture.commit();
  t.equal(lab.recorder.connections.closed, 5);
  t.same(tshark(file, BAD), []);
  t.ok(tshark(file, 'gre and tcp').length > 100);
  t.ok(tshark(file, 'tcp.analysis.retransmission').length > 0, 'what was lost was sent again');
  t.ok(tshark(file, 'icmp.type == 11 or icmp.type == 3').length > 1);
  t.equal(tshark(file, 'tcp.flags.syn == 1 and tcp.options.mss_val == 1436').length > 0, true);
});

t.test('a clean connection is one to Wireshark too', { skip }, async (t) => {
  for (const address of ['198.18.0.', '2001:db8::']) {
    const file = join(t.testdir(), 'pair.pcapng');
    const lab = hostPair({ a: { addresses: [`${address}1`] }, b: { addresses: [`${address}2`] } });
    const capture = await NetworkCapture.create(file, 0);
    lab.there.capture = capture.tap('there');
    lab.back.capture = capture.tap('back');
    const traffic = await createTraffic([tcp('a', 'b', { upload: 300_000, download: 300_000 })], lab.hosts);
    traffic[0]!.start();
    lab.world.scheduler.run(10 * SECOND);
    capture.commit();
    t.same(tshark(file, `${BAD} or tcp.analysis.flags and not tcp.analysis.window_update`), []);
    t.equal(tshark(file, 'tcp.connection.fin or tcp.flags.fin == 1').length, 2);
  }
});

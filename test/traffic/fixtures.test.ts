/** What a new user sees first: fixtures/demo.yaml and fixtures/demo.pcap. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { DEMO_CAPTURE, DEMO_CONFIG, writeDemoCapture } from '../../scripts/demo-capture.js';
import { loadConfig } from '../../src/config/load.js';
import { DROP_REASONS } from '../../src/dataplane/verdicts.js';
import { checkConfig } from '../../src/network/check.js';
import { replay } from '../../src/replay/replay.js';

t.test('the demo capture is fresh', async (t) => {
  const path = join(t.testdir(), 'demo.pcap');
  await writeDemoCapture(path);
  t.ok(readFileSync(path).equals(readFileSync(DEMO_CAPTURE)), 'npm run generated writes what is there');
  t.ok(statSync(DEMO_CAPTURE).size < 1_000_000, 'and it is small');
});

t.test('the demo configuration has neither errors nor warnings', (t) => {
  const { counts } = checkConfig(loadConfig(DEMO_CONFIG));
  t.match(counts, { error: 0, warning: 0 });
  t.end();
});

t.test('the demo shows everything', async (t) => {
  const result = await replay({ config: loadConfig(DEMO_CONFIG), underlay: [DEMO_CAPTURE] });
  t.ok(result.received >= 4000 && result.received <= 5000, `${result.received} packets`);
  const seen = new Set(Object.entries(result.dropped.reasons).flatMap(([name, n]) => (n > 0 ? [name] : [])));
  const silent = DROP_REASONS.map(({ name }) => name).filter((name) => !seen.has(name));
  // link_unsupported takes a capture of several link types, no_route the overlay, no_buffer a lack of memory.
  t.same(silent, ['link_unsupported', 'no_route', 'no_buffer']);
  t.ok(result.dropped.total < result.received * 0.1, 'most packets are good');
  for (const [name, { decapsulated, encapsulated }] of Object.entries(result.tunnels)) {
    t.ok(decapsulated.packets > 100 && encapsulated.packets > 100, `tunnel ${name} is busy`);
  }
  t.ok(result.mss_clamped > 50 && result.fragmented > 20 && result.icmp_errors > 5);
  const file = readFileSync(DEMO_CAPTURE);
  let tagged = 0;
  for (let at = 24; at < file.length; at += 16 + file.readUInt32LE(at + 8)) {
    if (file.readUInt32LE(at + 8) >= 18 && file.readUInt16BE(at + 16 + 12) === 0x8100) tagged++;
  }
  t.ok(tagged > 100, `${tagged} frames have a VLAN tag`);
});

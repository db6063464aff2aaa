/** Events and traffic that scenarios of the library do not have, each with what it does to a whole run. */
import { join } from 'node:path';
import t from 'tap';
import { createCapture } from '../../../src/device/capture/capture-writer.js';
import { runScenario } from '../../../src/simulator/run/run.js';
import type { Results } from '../../../src/simulator/run/results.js';
import { parseScenario } from '../../../src/simulator/scenario/load.js';
import { buildPacket } from '../../../src/wire/build.js';
import { circuits, oneTunnel } from './scenarios.js';

async function run(text: string, file = 'test.yaml'): Promise<Results> {
  return runScenario(parseScenario(text, file), { file });
}

function failures({ expectations }: Results): string[] {
  return expectations.flatMap(({ passed, name, found }) => (passed ? [] : [`${name}: ${found}`]));
}

function drops({ drops: all }: Results, reason: string, node: string): number {
  return all.find((one) => one.reason === reason && one.node === node)?.packets ?? 0;
}

t.test('each way in which a path degrades', async (t) => {
  const cases: [string, (results: Results) => boolean][] = [
    ['delay: 50ms', ({ traffic: [pings] }) => pings!.rtt!.most - pings!.rtt!.least > 0.09],
    ['jitter: 20ms', ({ traffic: [pings] }) => pings!.rtt!.most - pings!.rtt!.least > 0.01],
    ['reorder: 50%', ({ traffic: [pings] }) => pings!.rtt!.most - pings!.rtt!.least > 0.001],
    ['loss: 30%', (results) => drops(results, 'link_loss', 'r1.isp.down') > 20],
    ['rate: 64kbps, queue: 3kB', (results) => drops(results, 'queue_full', 'r1.isp.down') > 5],
    [
      'mtu: 1000',
      (results) =>
        drops(results, 'path_mtu_exceeded', 'r1.isp.down') > 0 &&
        results.traffic[1]!.connections!.completed === 5,
    ],
    [
      'mtu: 1000, too_big: filter',
      (results) =>
        drops(results, 'path_mtu_exceeded', 'r1.isp.down') > 0 &&
        results.traffic[1]!.connections!.completed < 5,
    ],
  ];
  for (const [path, shows] of cases) {
    const results = await run(oneTunnel([], [`{ at: 2s, degrade: r1.isp, ${path} }`]));
    t.ok(shows(results), path);
    t.equal(results.timeline[0]!.outcome, 'done');
    const mended = await run(
      oneTunnel(['{ reach: pings, from: 6s }'], [`{ at: 2s, degrade: r1.isp, ${path}, for: 3s }`]),
    );
    t.same(failures(mended), [], `${path}, and over`);
  }
});

t.test('the BGP of a router restarts: with graceful restart its routes stay', async (t) => {
  const expect = ['{ bgp: bgp_1, is: established, at: 19s }', '{ bgp: bgp_1, is: established }'];
  const event = ['{ at: 20s, bgp_restart: bgp_1, for: 20s }'];
  const abrupt = await run(circuits([...expect, '{ share: cni_2, is: 100%, from: 36s, to: 40s }'], event));
  t.same(failures(abrupt), []);
  const graceful = await run(
    circuits(
      [...expect, '{ share: cni_1, is: 100%, from: 10s }', '{ reach: pings, from: 7s }'],
      event,
    ).replace('{ announces:', '{ graceful_restart: true, announces:'),
  );
  t.same(failures(graceful), []);
});

t.test('tunnels and prefixes come and go while it runs', async (t) => {
  const put = `put: { tunnels: [ { name: two, local: 198.51.100.1, remote: 203.0.113.20, interface_address: 10.100.0.2/31 } ],
        routes: [ { prefix: 192.0.2.0/24, nexthop: two, priority: 50 } ] }`;
  const text = oneTunnel(
    [
      '{ share: two, is: 100%, from: 11s, to: 15s }',
      '{ share: one, is: 100%, from: 16500ms }',
      '{ reach: pings, to: 15s }',
      '{ reach: pings, from: 16500ms, to: 18s }',
      '{ reach: pings, from: 18100ms, max: 0% }',
      '{ drops: destination_unreachable, node: internet, min: 10 }',
    ],
    [
      `{ at: 5s, ${put} }`,
      '{ at: 15s, remove: { tunnels: [two], routes: ["192.0.2.0/24 via two"] } }',
      '{ at: 18s, remove: { prefixes: [192.0.2.0/24], routes: ["192.0.2.0/24 via one"] } }',
    ],
  )
    .replace('pops: [fra, iad]', 'pops: [fra, iad]\n  convergence: 1s')
    .replace('isp: 203.0.113.10 }', 'isp: 203.0.113.10, other: { provider: isp, address: 203.0.113.20 } }');
  t.same(failures(await run(text)), []);
});

t.test('traceroute, floods, and a capture that is replayed', async (t) => {
  const dir = t.testdir();
  const capture = await createCapture(join(dir, 'calls.pcapng'));
  const raw = capture.interfaceFor(101);
  for (let i = 0; i < 10; i++) {
    const bytes = buildPacket({
      ip: { source: '198.18.1.10', destination: '192.0.2.10' },
      udp: { sourcePort: 7000 + i, destinationPort: 9 },
      payload: 100,
    });
    capture.write(1_700_000_000 + i, 0, raw, bytes, 0, bytes.length, bytes.length);
  }
  capture.commit();
  const text = oneTunnel(
    [
      '{ reach: way }',
      '{ drops: endpoint_unknown, min: 800 }',
      '{ reach: syns }',
      '{ drops: port_closed, node: web, min: 1010 }',
      '{ reach: pings, name: whatever else comes }',
    ],
    [],
    `  way: { traceroute: client -> web }
  syns: { flood: syn, from: client, to: web, rate: 100pps, until: 10s }
  amplified: { flood: reflection, from: client, to: web, rate: 100pps, until: 10s }
  bots: { flood: gre, from: [client], to: 198.51.100.1, rate: 100pps, until: 10s }
  replayed: { capture: calls.pcapng, from: client }
`,
  );
  const results = await run(text, join(dir, 'test.yaml'));
  t.same(failures(results), []);
  const sent = new Map(results.traffic.map(({ name, sent: { packets } }) => [name, packets]));
  t.equal(sent.get('replayed'), 10);
  t.equal(sent.get('bots'), 1000);
});

/** Whole runs: what the timeline does, what expectations find, and that the same gives the same. */
import t from 'tap';
import { CaptureError } from '../../../src/device/capture/capture-error.js';
import { runScenario, UnknownLink, type RunOptions } from '../../../src/simulator/run/run.js';
import type { Results } from '../../../src/simulator/run/results.js';
import { parseScenario } from '../../../src/simulator/scenario/load.js';
import { circuits, oneTunnel } from './scenarios.js';

async function run(text: string, options: Partial<RunOptions> = {}): Promise<Results> {
  return runScenario(parseScenario(text, 'test.yaml'), { file: 'test.yaml', ...options });
}

/** Expectations by name that were (not) met, with what was found. */
function verdicts({ expectations }: Results, passed: boolean): string[] {
  return expectations.filter((e) => e.passed === passed).map(({ name, found }) => `${name}: ${found}`);
}

t.test('what holds is found to hold', async (t) => {
  const results = await run(
    oneTunnel([
      '{ reach: pings }',
      '{ reach: pages }',
      '{ gap: pings, max: 100ms }',
      '{ mss: pages, side: client, is: 1436 }',
      '{ mss: pages, side: server, is: 1436 }',
      '{ largest_packet: r1.isp.down, is: 1500 }',
      '{ largest_packet: client.up, is: 1476, from: 0s, to: 10s }',
      '{ share: one, of: [one], is: 100% }',
      '{ drops: link_down, is: 0 }',
      '{ health: one, is: healthy }',
      '{ health: one, colo: iad, is: healthy }',
      '{ throughput: pings, min: 1kbps }',
    ]),
  );
  t.same(verdicts(results, false), []);
  t.ok(results.passed);
  const [pings] = results.traffic;
  t.equal(pings!.sent.packets, 200);
  t.equal(pings!.lost, 0);
  t.same(results.traffic[1]!.connections, { opened: 5, completed: 5, failed: 0 });
  const total = results.nexthops[0]!.to_customer;
  t.equal(
    total.packets_series.reduce((a, b) => a + b, 0),
    total.packets,
  );
  t.equal(total.packets_series.length, results.series.count);
});

t.test('what does not hold is reported with its line and what was found', async (t) => {
  const results = await run(
    oneTunnel(
      [
        '{ reach: pings, name: too much to ask }',
        '{ reach: pings, max: 0%, from: 11s }',
        '{ gap: pings, max: 1s }',
        '{ mss: pages, side: client, is: 1460 }',
        '{ health: one, is: healthy }',
        '{ drops: link_down, is: 0 }',
        '{ drops: link_down, node: r1.isp.down, min: 50 }',
        '{ reach: pages }',
      ],
      ['{ at: 10s, fail: r1.isp, note: the end }'],
    ),
  );
  t.notOk(results.passed);
  const failed = results.expectations.filter(({ passed }) => !passed);
  t.same(
    failed.map(({ check }) => check),
    ['reach', 'gap', 'mss', 'health', 'drops'],
  );
  t.equal(failed[0]!.name, 'too much to ask');
  t.match(failed[0]!.found, /^100 of 200 questions were answered: 50 %$/);
  t.match(failed[1]!.found, /^9\.\d+ s, from 10 s/);
  t.match(failed[2]!.expected, /exactly 1,460 bytes/);
  t.equal(failed[2]!.found, '1,436 bytes');
  t.match(failed[4]!.found, /packets, at r1\.isp\.down/);
  const text = oneTunnel([], []).split('\n').length;
  t.ok(failed.every(({ line }) => line !== null && line >= text));
  t.same(
    results.timeline.map(({ at, note, text, outcome }) => ({ at, note, text, outcome })),
    [{ at: 10, note: 'the end', text: 'fail uplink r1.isp', outcome: 'done' }],
  );
});

t.test('nothing sent, nothing found: an expectation about nothing does not hold', async (t) => {
  const results = await run(
    oneTunnel(
      [
        '{ reach: later, max: 0%, to: 9s }',
        '{ gap: later, max: 1s, to: 9s }',
        '{ mss: later, side: server, max: 2000, to: 9s }',
        '{ share: one, of: [one], is: 100%, to: 1ms }',
        '{ largest_packet: r1.isp.up, max: 1500, to: 1ms }',
      ],
      [],
      '  later: { tcp: client -> web:443, at: 10s }\n',
    ),
  );
  t.same(verdicts(results, true), []);
});

t.test('a circuit fails and comes back: status, health, BGP, failover', async (t) => {
  const results = await run(
    circuits(
      [
        '{ reach: pings, from: 7s, to: 19s }',
        '{ share: cni_1, of: [cni_1, cni_2, backup], is: 100%, from: 7s, to: 19s }',
        '{ share: cni_2, of: [cni_1, cni_2, backup], is: 100%, from: 28s, to: 39s }',
        '{ failover: the cut, traffic: pings, max: 6s }',
        '{ status: cni_1, is: unhealthy, at: 30s }',
        '{ status: cni_1, is: active }',
        '{ health: cni_1, is: down, at: 30s }',
        '{ bgp: bgp_1, is: established, at: 19s }',
        '{ bgp: bgp_1, is: idle, at: 35s }',
        '{ bgp: bgp_1, is: established }',
      ],
      ['{ at: 20s, fail: cni_1, note: the cut }', '{ at: 40s, restore: cni_1 }'],
    ),
  );
  t.same(verdicts(results, false), []);
  const [cni] = results.interconnects;
  t.same(cni!.statuses, [
    { at: 0, status: 'active' },
    { at: 20, status: 'unhealthy' },
    { at: 40, status: 'active' },
  ]);
});

t.test('every kind of failure stops something, and its end brings it back', async (t) => {
  const cases: [string, string][] = [
    ['fail: backup', 'restore: backup'],
    ['fail: r1.isp', 'restore: r1.isp'],
    ['fail: isp', 'restore: isp'],
    ['fail: r1', 'restore: r1'],
    ['degrade: r1.isp, loss: 100%', 'restore: r1.isp'],
  ];
  for (const [fail, restore] of cases) {
    const results = await run(
      circuits(
        ['{ reach: pings, max: 0%, from: 12s, to: 14s }', '{ reach: pings, from: 35s }'],
        [
          '{ at: 1s, fail: cni_1 }',
          '{ at: 1s, fail: cni_2 }',
          `{ at: 12s, ${fail} }`,
          `{ at: 15s, ${restore} }`,
        ],
      ),
    );
    t.same(verdicts(results, false), [], fail);
  }
  const anycast = await run(
    oneTunnel(
      ['{ reach: pings, min: 99% }', '{ drops: pop_down, max: 2 }'],
      ['{ at: 5s, fail: fra }', '{ at: 10s, restore: fra }', '{ at: 12s, fail: fra/1 }'],
    ),
  );
  t.same(verdicts(anycast, false), [], 'a PoP or server that fails hands over to others');
});

t.test('events that overlap end each by itself', async (t) => {
  const down = (from: string, to: string): string => `{ reach: pings, max: 0%, from: ${from}, to: ${to} }`;
  const up = (from: string, to: string): string => `{ reach: pings, from: ${from}, to: ${to} }`;
  const results = await run(
    oneTunnel(
      [
        ...[up('0s', '900ms'), down('1s', '4900ms'), up('5s', '5900ms')],
        ...[down('6s', '8900ms'), up('9s', '9900ms')],
        ...[down('10s', '11900ms'), up('12s', '12900ms'), '{ reach: pings, from: 13s, to: 13900ms }'],
        ...[down('15s', '17900ms'), up('18s', '20s')],
      ],
      [
        // The longer one of two failures, whichever is over first.
        ...['{ at: 1s, fail: r1.isp, for: 2s }', '{ at: 2s, fail: r1.isp, for: 3s }'],
        // Of the uplink and of its provider.
        ...['{ at: 6s, fail: isp, for: 3s }', '{ at: 7s, fail: r1.isp, for: 1s }'],
        // A failure within a degradation, which lasts.
        '{ at: 10s, degrade: r1.isp, loss: 100%, for: 2s }',
        ...['{ at: 10500ms, fail: r1.isp, for: 1s }', '{ at: 11s, degrade: r1.isp, delay: 20ms, for: 3s }'],
        // What was restored by hand may fail again: the end of the first failure is not the end of the second.
        ...['{ at: 15s, fail: r1, for: 2s }', '{ at: 15100ms, restore: r1 }'],
        ...['{ at: 15100ms, fail: r1 }', '{ at: 18s, restore: r1 }'],
      ],
    ),
  );
  t.same(verdicts(results, false), []);
  t.match(
    results.timeline.find(({ at }) => at === 3),
    {
      text: 'uplink r1.isp: failure over',
      lines: ['still failed: another event is not over'],
    },
  );
});

t.test('the relay is lost as long as one of its losses is', async (t) => {
  const results = await run(
    circuits(
      ['{ share: cni_1, of: [cni_1, cni_2], is: 100%, from: 7s, to: 30s }'],
      [
        ...['{ at: 8s, relay: lost, for: 4s }', '{ at: 10s, relay: lost, for: 20s }'],
        '{ at: 14s, bgp_withdraw: 192.0.2.0/24, session: bgp_1 }',
      ],
    ),
  );
  t.same(verdicts(results, false), []);
});

t.test('a change brings a circuit: pending before, and taken by the window that is planned', async (t) => {
  const text = circuits(
    [
      ...['{ status: cni_3, is: pending, at: 9s }', '{ status: cni_3, is: active, at: 14s }'],
      ...['{ status: cni_3, is: unhealthy, at: 22s }', '{ status: cni_3, is: active, at: 34s }'],
      ...['{ status: cni_3, is: pending, at: 41s }', '{ status: cni_2, is: active }'],
    ],
    [
      '{ at: 10s, put: { interconnects: [ { name: cni_3, colo: fra, dataplane: 2, interface_address: 10.200.0.4/31 } ] } }',
      '{ at: 40s, remove: { interconnects: [cni_3] } }',
    ],
  )
    .replace('circuits: [cni_1, cni_2]', 'circuits: [cni_1, cni_2, cni_3]')
    .replace(
      'routes:',
      'maintenance:\n  - { name: works, colo: fra, starts: 20s, duration: 10s, emergency: true }\nroutes:',
    );
  const results = await run(text);
  t.same(verdicts(results, false), []);
});

t.test('a change moves a tunnel onto a circuit, and to another router', async (t) => {
  const onto = await run(
    circuits(
      [
        '{ reach: pings, from: 9s }',
        '{ largest_packet: r1.isp.down, min: 84, from: 9s, to: 20s }',
        '{ largest_packet: cni_3.down, min: 108, from: 21s }',
        '{ health: backup, is: healthy }',
      ],
      [
        '{ at: 1s, put: { routes: [ { prefix: 192.0.2.0/24, nexthop: backup, priority: 1 } ] } }',
        '{ at: 20s, put: { tunnels: [ { name: backup, remote: 10.200.0.5 } ] } }',
      ],
    )
      .replace('circuits: [cni_1, cni_2]', 'circuits: [cni_1, cni_2, cni_3]')
      .replace('bgp: { bgp_1', 'bgp: { bgp_3: { announces: [] }, bgp_1')
      .replace(
        'tunnels:',
        '  - { name: cni_3, colo: fra, dataplane: 1, interface_address: 10.200.0.4/31, health_check: { enabled: false } }\ntunnels:',
      )
      .replace('routes:', '  - { name: bgp_3, nexthop: cni_3, customer_asn: 65010 }\nroutes:'),
  );
  t.same(verdicts(onto, false), []);
  const over = await run(
    oneTunnel(
      [
        '{ reach: pings }',
        '{ largest_packet: r1.isp.down, min: 108, to: 10s }',
        '{ largest_packet: r2.isp.down, min: 108, from: 11s }',
      ],
      ['{ at: 10s, put: { tunnels: [ { name: one, remote: 203.0.113.20 } ] } }'],
    ).replace('      r1:', '      r2: { uplinks: { isp: 203.0.113.20 } }\n      r1:'),
  );
  t.same(verdicts(over, false), []);
});

t.test('a tunnel that failed while it was not there is broken when it comes', async (t) => {
  const results = await run(
    oneTunnel(
      ['{ reach: pings, from: 10s, to: 15s, max: 0% }', '{ reach: pings, from: 16s }'],
      [
        "{ at: 2s, remove: { tunnels: [one], routes: ['192.0.2.0/24 via one'] } }",
        '{ at: 3s, fail: one, for: 12s }',
        '{ at: 5s, put: { tunnels: [ { name: one, local: 198.51.100.1, remote: 203.0.113.10, interface_address: 10.100.0.0/31 } ], routes: [ { prefix: 192.0.2.0/24, nexthop: one } ] } }',
      ],
    ).replace('edge:\n', 'edge:\n  convergence: 1s\n'),
  );
  t.same(verdicts(results, false), []);
});

t.test('a change goes through the door: what is wrong is refused whole', async (t) => {
  const scenario = parseScenario(
    circuits(
      ['{ share: backup, of: [cni_1, cni_2, backup], is: 100%, from: 16s }'],
      ['{ at: 10s, put: { routes: [ { prefix: 192.0.2.0/24, nexthop: backup, priority: 1 } ] } }'],
    ),
    'test.yaml',
  );
  // One that the loader would not let in.
  const change = { put: {}, remove: { interconnects: ['cni_2'], tunnels: [] } };
  const wrong = { at: 40e9, note: 'too early', action: 'change' as const, change };
  const results = await runScenario(
    { ...scenario, timeline: [...scenario.timeline, wrong] },
    { file: 'test.yaml' },
  );
  t.same(verdicts(results, false), []);
  const [put, remove] = results.timeline;
  t.equal(put!.outcome, 'done');
  t.match(put!.lines.join('\n'), /route 192\.0\.2\.0\/24 via backup/);
  t.match(put!.text, /puts route 192\.0\.2\.0\/24 via backup/);
  t.equal(remove!.outcome, 'refused', 'a route still names it');
  t.match(remove!.lines.join('\n'), /cni_2/);
});

t.test('the central relay is lost: PoPs keep what they have', async (t) => {
  const results = await run(
    circuits(
      [
        '{ share: cni_1, of: [cni_1, cni_2, backup], is: 100%, from: 7s, to: 30s }',
        '{ share: cni_2, of: [cni_1, cni_2, backup], is: 100%, from: 36s }',
      ],
      [
        '{ at: 10s, relay: lost }',
        '{ at: 12s, bgp_withdraw: 192.0.2.0/24, session: bgp_1 }',
        '{ at: 30s, relay: restored }',
      ],
    ),
  );
  t.same(verdicts(results, false), []);
});

t.test('the same scenario and seed give the same, another seed something else', async (t) => {
  const text = oneTunnel(['{ reach: pings }']).replace(
    '203.0.113.10 },',
    '{ address: 203.0.113.10, loss: 2% } },',
  );
  const dir = t.testdir({});
  const capture = (path: string): Partial<RunOptions> => ({
    captures: [{ link: 'r1.isp', path: `${dir}/${path}` }],
  });
  const [one, two, other] = [
    await run(text, capture('one.pcapng')),
    await run(text, capture('two.pcapng')),
    await run(text, { seed: 2 }),
  ];
  t.equal(JSON.stringify(one), JSON.stringify(two));
  t.not(JSON.stringify(one.traffic), JSON.stringify(other.traffic));
  t.equal(other.scenario.seed, 2);
  const { readFileSync } = await import('node:fs');
  const bytes = readFileSync(`${dir}/one.pcapng`);
  t.ok(bytes.length > 10_000 && bytes.equals(readFileSync(`${dir}/two.pcapng`)));
});

t.test('a shorter run leaves out what is about later times', async (t) => {
  const text = oneTunnel(
    [
      '{ reach: pings }',
      '{ health: one, is: healthy, at: 15s }',
      '{ reach: pings, to: 3s }',
      '{ failover: the end, traffic: pings, max: 1s }',
    ],
    ['{ at: 12s, fail: r1.isp, note: the end }'],
  );
  const results = await run(text, { until: 5e9 });
  t.same(
    results.expectations.map(({ line, to }) => ({ line: line! - results.expectations[0]!.line!, to })),
    [
      { line: 0, to: 5 },
      { line: 2, to: 3 },
    ],
  );
  t.equal(results.scenario.duration, 5);
  t.same(results.timeline, []);
});

t.test(
  'captures: links that are not there, files that cannot be written, progress that says no',
  async (t) => {
    const dir = t.testdir({});
    const text = oneTunnel([]);
    await t.rejects(run(text, { captures: [{ link: 'r9', path: `${dir}/x.pcapng` }] }), UnknownLink);
    await t.rejects(run(text, { captures: [{ link: 'r1.isp', path: `${dir}/no/x.pcapng` }] }), CaptureError);
    const stop = new Error('enough');
    const onProgress = (): void => {
      throw stop;
    };
    await t.rejects(run(text, { captures: [{ link: 'r1.isp', path: `${dir}/y.pcapng` }], onProgress }), stop);
    const { readdirSync } = await import('node:fs');
    t.same(readdirSync(dir), [], 'no file is left behind');
  },
);

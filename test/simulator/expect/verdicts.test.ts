/** Each kind of expectation on a real run: one that holds, and one that does not and says what was found. */
import t, { type Test } from 'tap';
import { runScenario } from '../../../src/simulator/run/run.js';
import { parseScenario } from '../../../src/simulator/scenario/load.js';
import type { ExpectationCheck } from '../../../src/simulator/scenario/scenario.js';
import { circuits, oneTunnel } from '../run/scenarios.js';

interface Case {
  readonly holds: string;
  readonly fails: string;
  /** What the failure says. */
  readonly expected: RegExp;
  readonly found: RegExp;
}

type Kind = ExpectationCheck['check'];

const TUNNEL = {
  reach: {
    holds: 'reach: pings, to: 9s',
    fails: 'reach: pings, min: 99%',
    expected: /^at least 99 % of the questions of pings are answered$/,
    found: /^100 of 200 questions were answered: 50 %$/,
  },
  gap: {
    holds: 'gap: pings, max: 100ms, to: 9s',
    fails: 'gap: pings, max: 3s',
    expected: /^longest time in which pings sends and nothing arrives: at most 3 s$/,
    found: /^9\.9 s, from 10 s to 19\.9 s$/,
  },
  mss: {
    holds: 'mss: pages, side: server, is: 1436',
    fails: 'mss: pages, side: client, is: 1460',
    expected: /^MSS that the client of pages is told: exactly 1,460 bytes$/,
    found: /^1,436 bytes$/,
  },
  largest_packet: {
    holds: 'largest_packet: r1.isp.down, is: 1500',
    fails: 'largest_packet: r1.isp.down, max: 1476',
    expected: /^largest packet on r1\.isp\.down: at most 1,476 bytes$/,
    found: /^1,500 bytes$/,
  },
  drops: {
    holds: 'drops: link_down, node: r1.isp.down, min: 50',
    fails: 'drops: link_down, is: 0',
    expected: /^exactly 0 packets dropped for link_down anywhere$/,
    found: /^[\d,]+ packets, at r1\.isp\.down$/,
  },
  health: {
    holds: 'health: one, is: healthy, at: 9s',
    fails: 'health: one, is: healthy, colo: iad',
    expected: /^tunnel one is healthy in iad at 20 s$/,
    found: /^it is down since 1\d(\.\d+)? s$/,
  },
  throughput: {
    holds: 'throughput: pings, min: 5kbps, to: 9s',
    fails: 'throughput: pings, min: 1Gbps',
    expected: /^pings arrives with at least 1 Gbit\/s$/,
    found: /^[\d.]+ kbit\/s$/,
  },
} satisfies Partial<Record<Kind, Case>>;

const CIRCUITS: Record<Exclude<Kind, keyof typeof TUNNEL>, Case> = {
  share: {
    holds: 'share: cni_1, is: 100%, from: 10s, to: 20s',
    fails: 'share: [cni_1, backup], of: [cni_1, cni_2, backup], min: 90%, from: 30s',
    expected: /^cni_1 and backup carry at least 90 % of the bytes of cni_1, cni_2 and backup$/,
    found: /^0 % \(0 of [\d,]+ bytes\)$/,
  },
  failover: {
    holds: 'failover: the cut, traffic: pings, min: 100ms, max: 6s',
    fails: 'failover: the cut, traffic: pings, max: 100ms',
    expected: /^flows of pings take another next hop at most 100 ms after "the cut"$/,
    found: /^1 flow did so after [\d.]+ m?s$/,
  },
  status: {
    holds: 'status: cni_1, is: unhealthy',
    fails: 'status: cni_1, is: active',
    expected: /^interconnect cni_1 is active at 60 s$/,
    found: /^it is unhealthy$/,
  },
  bgp: {
    holds: 'bgp: bgp_1, is: established, at: 19s',
    fails: 'bgp: bgp_1, is: established',
    expected: /^BGP session bgp_1 is established at 60 s$/,
    found: /^it is idle since 2\d(\.\d+)? s: .+/,
  },
  alert: {
    holds: 'alert: work, raised: false, to: 5s',
    fails: 'alert: work',
    expected: /^alert work is raised$/,
    found: /^it was never raised$/,
  },
};

async function judge(
  t: Test,
  cases: Readonly<Record<string, Case>>,
  scenario: (expect: readonly string[]) => string,
): Promise<void> {
  const text = scenario(Object.values(cases).flatMap(({ holds, fails }) => [`{ ${holds} }`, `{ ${fails} }`]));
  const options = { file: 'test.yaml' };
  const { expectations, passed } = await runScenario(parseScenario(text, options.file), options);
  t.equal(passed, false, 'one that fails is enough');
  const lines = text.split('\n');
  Object.entries(cases).forEach(([kind, { holds, fails, expected, found }], i) => {
    const [good, bad] = expectations.slice(2 * i);
    t.equal(good!.passed, true, `${holds}: ${good!.found}`);
    t.equal(bad!.passed, false, fails);
    t.equal(bad!.check, kind);
    t.match(bad!.expected, expected, kind);
    t.match(bad!.found, found, kind);
    t.equal(lines[bad!.line! - 1]!.trim(), `- { ${fails} }`, 'the line of the file');
    t.ok(bad!.column! >= 5);
  });
}

t.test('through a tunnel whose uplink is cut at 10 s', async (t) =>
  judge(t, TUNNEL, (expect) => oneTunnel(expect, ['{ at: 10s, fail: r1.isp, note: the end }'])),
);

t.test('over a circuit that is cut at 20 s', async (t) =>
  judge(t, CIRCUITS, (expect) => {
    const text = circuits(expect, ['{ at: 20s, fail: cni_1, note: the cut }']);
    return text.replace('providers:', 'alerts: [ { name: work, type: maintenance } ]\nproviders:');
  }),
);

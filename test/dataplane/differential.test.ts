/** The pipeline against the oracle (test/oracle), frame by frame and counter by counter. */
import fc from 'fast-check';
import t from 'tap';
import { TUNNEL_COUNTERS } from '../../src/dataplane/counters.js';
import type { TablesSpec } from '../../src/dataplane/tables.js';
import { Verdict, VERDICTS } from '../../src/dataplane/verdicts.js';
import { Arena } from '../fuzz/arena.js';
import { Prng } from '../fuzz/prng.js';
import { describeFailure } from '../fuzz/report.js';
import { Session } from '../fuzz/session.js';
import { tryOne } from '../fuzz/trial.js';
import { judge } from '../oracle/oracle.js';
import type { Choices, Frame, Outcome } from '../oracle/outcome.js';

const arena = new Arena(new Prng(1));
const starving = new Arena(new Prng(2), { extraSlots: 24, starving: true });

/** One session; everything that disagrees, as text. */
function run(seed: number, session: number, packets: number, into: Arena): Session {
  const it = new Session(into, { seed, session, packets, oracleShare: 1 });
  it.run();
  return it;
}

function describe(seed: number, session: Session): string {
  return session.failures.map((failure) => describeFailure(seed, failure, arena)).join('\n\n');
}

t.test('fixed seeds: every frame agrees, and every verdict is met', (t) => {
  const SEED = 20_260_701;
  const total = new Float64Array(TUNNEL_COUNTERS);
  let compared = 0;
  for (let number = 0; number < 24; number++) {
    const session = run(SEED, number, 1500, arena);
    if (!t.equal(describe(SEED, session), '', `session ${number}`)) break;
    compared += session.compared;
    for (let i = 0; i < TUNNEL_COUNTERS; i++) total[i]! += session.counters[i]!;
  }
  t.ok(compared > 30_000, `${compared} frames were compared`);
  const seldom = ['no_buffer', 'link_unsupported'];
  const missed = VERDICTS.filter((verdict) => total[verdict.number] === 0).map((verdict) => verdict.name);
  t.strictSame(
    missed.filter((name) => !seldom.includes(name)),
    [],
    'no verdict was missed',
  );
  t.end();
});

t.test('seeds of fast-check', (t) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const session = run(seed, 0, 400, arena);
      if (session.failures.length > 0) throw new Error(describe(seed, session));
    }),
    { numRuns: 25 },
  );
  t.pass('agreed');
  t.end();
});

t.test('no room for fragments: the packet is dropped as no_buffer, and nothing else changes', (t) => {
  let noBuffer = 0;
  for (let number = 0; number < 8; number++) {
    const session = run(7, number, 1000, starving);
    t.equal(describe(7, session), '');
    noBuffer += session.counters[Verdict.no_buffer]!;
  }
  t.ok(noBuffer > 0, `no_buffer was met ${noBuffer} times`);
  t.end();
});

// The oracle itself, on packets worked out by hand.

const spec: TablesSpec = {
  tunnels: [
    {
      name: 'acme',
      mode: 'gre',
      local: Uint8Array.of(198, 51, 100, 1),
      remote: Uint8Array.of(203, 0, 113, 10),
      key: 42,
      checksum: false,
      sequence: false,
      ttl: 64,
      mtu: 1472,
      dscp: null,
      clampFrom: { v4: 1432, v6: 1412 },
      clampTo: { v4: 1432, v6: 1412 },
      clearDontFragment: false,
      allowedSources: [{ address: Uint8Array.of(192, 0, 2, 0), length: 24 }],
      icmpSource4: Uint8Array.of(10, 100, 0, 8),
      icmpSource6: new Uint8Array(16),
      icmpSourceToOverlay4: Uint8Array.of(10, 100, 0, 9),
    },
  ],
  routes: [{ address: Uint8Array.of(192, 0, 2, 0), length: 24, nexthops: [{ tunnel: 0, weight: 1 }] }],
  locals: [{ address: Uint8Array.of(10, 100, 0, 8), tunnel: 0 }],
  maxNestingDepth: 1,
};

const choices: Choices = {
  tunnel: (nexthops) => nexthops[0]!.tunnel,
  flowLabel: () => 0,
  sequence: () => 0,
  fragmentId: () => 0,
};

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}

function outputs(outcome: Outcome): string[] {
  return outcome.outputs.map(
    ({ side, link, bytes }) => `${side} ${link} ${Buffer.from(bytes).toString('hex')}`,
  );
}

/** UDP from 192.0.2.7 to 8.8.8.8, 28 bytes; header sum worked out by hand. */
const INNER = '4500 001c 0001 0000 4011 a8b9 c0000207 08080808 0035 0035 0008 0000';
const OUTER = '4500 0038 0000 4000 402f d457 cb00710a c6336401';

const byHand: { name: string; frame: Frame; verdict: string; outputs: string[] }[] = [
  {
    name: 'out of a tunnel to the overlay',
    frame: { side: 'underlay', link: 101, bytes: bytes(`${OUTER} 2000 0800 0000002a ${INNER}`) },
    verdict: 'delivered_overlay',
    outputs: [`overlay 101 ${INNER.replaceAll(' ', '')}`],
  },
  {
    name: 'wrong key',
    frame: { side: 'underlay', link: 101, bytes: bytes(`${OUTER} 2000 0800 0000002b ${INNER}`) },
    verdict: 'gre_key_mismatch',
    outputs: [],
  },
  {
    name: 'from the overlay into a tunnel',
    frame: {
      side: 'overlay',
      link: 101,
      bytes: bytes('4500 0014 0000 4000 4011 68c2 08080808 c0000207'),
    },
    verdict: 'delivered_underlay',
    outputs: [
      'underlay 101 450000300000400040' +
        '2fd45fc6336401cb00710a200008000000002a45000014000040004011' +
        '68c208080808c0000207',
    ],
  },
  {
    name: 'from the overlay to nowhere',
    frame: { side: 'overlay', link: 101, bytes: bytes(INNER) },
    verdict: 'no_route',
    outputs: [],
  },
];

for (const { name, frame, verdict, outputs: wanted } of byHand) {
  t.test(`by hand: ${name}`, (t) => {
    const outcome = judge(spec, frame, choices);
    t.equal(outcome.verdict, verdict);
    t.strictSame(outputs(outcome), wanted);
    t.strictSame(tryOne(arena, spec, frame).differences, [], 'the pipeline agrees');
    t.end();
  });
}

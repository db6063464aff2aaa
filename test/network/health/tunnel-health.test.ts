import fc from 'fast-check';
import t from 'tap';
import {
  HEALTH_PENALTIES,
  HEALTH_STATES,
  HEALTH_VALUES,
  type HealthReason,
} from '../../../src/network/health/health-state.js';
import { LEAST_INTERVAL, TunnelHealth } from '../../../src/network/health/tunnel-health.js';
import { MINUTE, SECOND } from '../../../src/network/time.js';
import { NaiveHealth } from './naive-health.js';

/** One tunnel, told of results in seconds. */
class Tunnel {
  private readonly health = new TunnelHealth(1, 0);

  /** Results known at one instant, of probes that were due. */
  at(seconds: number, ...results: boolean[]): HealthReason | null {
    const now = Math.round(seconds * SECOND);
    for (const succeeded of results) this.health.record(0, now, succeeded, true);
    return this.health.judge(0, now);
  }

  /** One answered probe each so many seconds, in seconds from the first to the last of `count`. */
  answered(from: number, every: number, count: number): void {
    for (let i = 0; i < count; i++) this.at(from + i * every, true);
  }

  get state(): string {
    return HEALTH_STATES[this.health.state[0]!]!;
  }
}

const LOST = false;
const ANSWERED = true;

t.test('three lost probes within a second take a tunnel down, two do not', async (t) => {
  const tunnel = new Tunnel();
  t.equal(tunnel.at(10, LOST), null);
  t.equal(tunnel.state, 'healthy', 'one');
  t.equal(tunnel.at(10.5, LOST), 'lossy');
  t.equal(tunnel.state, 'degraded', 'two');
  t.equal(tunnel.at(10.999_999_999, LOST), 'all_failed');
  t.equal(tunnel.state, 'down', 'three');
});

t.test('the second of the three is a second', async (t) => {
  const tunnel = new Tunnel();
  tunnel.at(10, LOST);
  tunnel.at(10.5, LOST);
  tunnel.at(11, LOST);
  t.equal(tunnel.state, 'degraded', 'the first is a second old and counts no more');
});

t.test('down comes directly when three fail at one time', async (t) => {
  const tunnel = new Tunnel();
  tunnel.at(10, LOST);
  t.equal(tunnel.at(10.8, LOST, LOST), 'all_failed', 'and not by way of degraded');
  t.equal(tunnel.state, 'down');
});

t.test('one answer in the second keeps a tunnel from being down', async (t) => {
  const tunnel = new Tunnel();
  tunnel.at(10, LOST);
  tunnel.at(10.1, ANSWERED);
  tunnel.at(10.8, LOST, LOST);
  t.equal(tunnel.state, 'degraded', 'an answer among them');
  const older = new Tunnel();
  older.at(9.8, ANSWERED);
  older.at(10, LOST);
  older.at(10.799_999_999, LOST, LOST);
  t.equal(older.state, 'degraded', 'an answer before them, 0.999999999 s ago');
  const oldest = new Tunnel();
  oldest.at(9.8, ANSWERED);
  oldest.at(10, LOST);
  oldest.at(10.8, LOST, LOST);
  t.equal(oldest.state, 'down', 'an answer before them, 1 s ago');
});

t.test('two failures within five minutes degrade a tunnel', async (t) => {
  const near = new Tunnel();
  near.at(100, LOST);
  near.answered(101, 1, 298);
  t.equal(near.at(399.999_999_999, LOST), 'lossy');
  t.equal(near.state, 'degraded', 'just under five minutes apart');
  const far = new Tunnel();
  far.at(100, LOST);
  far.answered(101, 1, 298);
  t.equal(far.at(400, LOST), null);
  t.equal(far.state, 'healthy', 'five minutes apart');
});

t.test('two failures are 0.1 % of whatever can be sent in five minutes', async (t) => {
  t.equal(LEAST_INTERVAL, 0.45 * SECOND);
  const samples = 2000;
  const tunnel = new Tunnel();
  const naive = new NaiveHealth();
  for (let i = 0; i < samples; i++) {
    const at = (i * 5 * MINUTE) / samples;
    const ok = i !== 0 && i !== samples - 1;
    tunnel.at(at / SECOND, ok);
    naive.record(at, ok);
  }
  naive.judge(5 * MINUTE - 1);
  t.equal(tunnel.state, 'degraded');
  t.equal(naive.state, 'degraded', 'by the rule as it is written');
});

function down(): Tunnel {
  const tunnel = new Tunnel();
  tunnel.at(0, LOST, LOST, LOST);
  return tunnel;
}

t.test('a tunnel that is down comes back after three answers in a row, as degraded', async (t) => {
  const tunnel = down();
  t.equal(tunnel.state, 'down');
  tunnel.at(60, ANSWERED, ANSWERED);
  t.equal(tunnel.state, 'down', 'two');
  tunnel.at(60.8, LOST);
  tunnel.at(120, ANSWERED, ANSWERED);
  t.equal(tunnel.state, 'down', 'two, one lost, two');
  t.equal(tunnel.at(120.1, ANSWERED), 'answers_again');
  t.equal(tunnel.state, 'degraded', 'three in a row');
});

t.test('never straight to healthy, however long it was down', async (t) => {
  const tunnel = down();
  tunnel.answered(10_000, 0.01, 2);
  for (let i = 0; i < 28; i++) tunnel.at(10_000.1, ANSWERED);
  t.equal(tunnel.state, 'degraded', 'thirty answers');
});

t.test('degraded becomes healthy after 30 answers, and not before five minutes', async (t) => {
  const quick = down();
  quick.at(1, ANSWERED, ANSWERED, ANSWERED);
  quick.answered(2, 1, 298);
  t.equal(quick.state, 'degraded', '301 answers, 298 s');
  quick.at(300.999_999_999, ANSWERED);
  t.equal(quick.state, 'degraded', 'just under five minutes');
  t.equal(quick.at(301, ANSWERED), 'recovered');
  t.equal(quick.state, 'healthy', 'five minutes');

  const slow = down();
  slow.at(60, ANSWERED, ANSWERED, ANSWERED);
  slow.answered(120, 60, 26);
  t.equal(slow.state, 'degraded', '29 answers, 26 minutes');
  slow.at(1680, ANSWERED);
  t.equal(slow.state, 'healthy', '30 answers, 27 minutes');
});

t.test('one failure among the last 30 is more than 0.1 %', async (t) => {
  const tunnel = down();
  tunnel.at(60, ANSWERED, ANSWERED, ANSWERED);
  tunnel.answered(70, 10, 26);
  tunnel.at(330, LOST);
  tunnel.answered(340, 10, 29);
  t.equal(tunnel.state, 'degraded', '29 answers after it');
  tunnel.at(630, ANSWERED);
  t.equal(tunnel.state, 'healthy', '30 answers after it: five minutes at rate mid');
});

t.test('a lossy tunnel does not become healthy and degraded in turn', async (t) => {
  const tunnel = new Tunnel();
  tunnel.at(0, LOST);
  tunnel.at(1, LOST);
  t.equal(tunnel.state, 'degraded');
  tunnel.answered(2, 1, 200);
  tunnel.at(202, LOST);
  tunnel.at(203, LOST);
  tunnel.answered(204, 1, 298);
  t.equal(tunnel.state, 'degraded', 'two failures in five minutes');
  tunnel.at(502, ANSWERED);
  t.equal(tunnel.state, 'healthy', 'one');
});

t.test('down wins over degraded, also from degraded', async (t) => {
  const tunnel = new Tunnel();
  tunnel.at(0, LOST);
  tunnel.at(100, LOST);
  t.equal(tunnel.state, 'degraded');
  tunnel.at(200, LOST);
  t.equal(tunnel.at(200.8, LOST, LOST), 'all_failed');
  t.equal(tunnel.state, 'down');
});

t.test('two more probes confirm what is new', async (t) => {
  const health = new TunnelHealth(1, 0);
  t.equal(health.record(0, 0, true, true), 0, 'an answer of a healthy tunnel');
  t.equal(health.record(0, 1, false, true), 2, 'a failure of a healthy tunnel');
  t.equal(health.record(0, 2, false, false), 0, 'a failure of one that confirms');
  health.judge(0, 2);
  t.equal(HEALTH_STATES[health.state[0]!], 'degraded');
  t.equal(health.record(0, 3, true, true), 0, 'an answer of a degraded tunnel');
  t.equal(health.record(0, 2 * SECOND, false, true), 2, 'a failure of a degraded tunnel');
  health.record(0, 2 * SECOND, false, false);
  health.record(0, 2 * SECOND, false, false);
  health.judge(0, 2 * SECOND);
  t.equal(HEALTH_STATES[health.state[0]!], 'down');
  t.equal(health.record(0, 9 * SECOND, false, true), 0, 'a failure of a tunnel that is down');
  t.equal(health.record(0, 10 * SECOND, true, true), 2, 'an answer of a tunnel that is down');
  t.equal(health.record(0, 11 * SECOND, true, false), 0, 'an answer of one that confirms');
});

t.test('what states cost and show', async (t) => {
  t.same(HEALTH_STATES, ['healthy', 'degraded', 'down']);
  t.same(HEALTH_PENALTIES, [0, 500_000, 1_000_000]);
  t.same(HEALTH_VALUES, [1, 0.5, 0]);
});

t.test('the machine does what the rules say over all samples', async (t) => {
  const gap = fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 6, arbitrary: fc.constantFrom(0.1, 0.2, 0.333, 0.8, 1) },
    { weight: 6, arbitrary: fc.constantFrom(1, 5, 10) },
    { weight: 2, arbitrary: fc.constantFrom(30, 60, 100, 150, 299, 300, 301) },
    { weight: 2, arbitrary: fc.constantFrom(1 - 1e-9, 1 + 1e-9, 300 - 1e-9, 300 + 1e-9) },
  );
  const span = fc.record({
    gap,
    tunnel: fc.nat(1),
    loss: fc.constantFrom(0, 0, 0, 0.1, 1),
    count: fc.constantFrom(1, 1, 2, 3, 10, 29, 30, 31),
    dice: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
  });
  fc.assert(
    fc.property(fc.array(span, { maxLength: 30 }), (spans) => {
      const health = new TunnelHealth(2, 0);
      const naive = [new NaiveHealth(), new NaiveHealth()];
      let now = 0;
      for (const { gap, tunnel, loss, count, dice } of spans) {
        for (let i = 0; i < count; i++) {
          now += Math.round(gap * SECOND);
          const ok = !(dice.next().value! < loss);
          health.record(tunnel, now, ok, true);
          health.judge(tunnel, now);
          naive[tunnel]!.record(now, ok);
          naive[tunnel]!.judge(now);
          if (HEALTH_STATES[health.state[tunnel]!] !== naive[tunnel]!.state) return false;
          if (health.since[tunnel] !== naive[tunnel]!.since) return false;
        }
      }
      return true;
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

t.test('all states are reached in such histories', async (t) => {
  const seen = new Set<string>();
  const health = new TunnelHealth(1, 0);
  const naive = new NaiveHealth();
  const steps: [number, boolean][] = [
    ...Array.from({ length: 3 }, (): [number, boolean] => [0.1, false]),
    ...Array.from({ length: 400 }, (): [number, boolean] => [1, true]),
  ];
  let now = 0;
  for (const [gap, ok] of steps) {
    now += Math.round(gap * SECOND);
    health.record(0, now, ok, true);
    health.judge(0, now);
    naive.record(now, ok);
    naive.judge(now);
    t.equal(HEALTH_STATES[health.state[0]!], naive.state);
    seen.add(naive.state);
  }
  t.equal(seen.size, 3);
});

t.test('a tunnel takes little memory, and what is known of it can move', async (t) => {
  const many = new TunnelHealth(1000, 0);
  const bytes = Object.values(many)
    .filter((value): value is Uint8Array | Float64Array => ArrayBuffer.isView(value))
    .reduce((sum, { byteLength }) => sum + byteLength, 0);
  t.equal(bytes / 1000, 42);
  many.record(7, 5, false, true);
  many.record(7, 5, false, true);
  many.judge(7, 5);
  const next = new TunnelHealth(3, 10);
  next.adopt(2, many, 7);
  t.same([next.state[2], next.since[2]], [1, 5]);
  next.record(2, 11, false, true);
  t.equal(next.judge(2, 11), 'all_failed', 'its failures came along');
});

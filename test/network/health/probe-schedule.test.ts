import fc from 'fast-check';
import t from 'tap';
import { AwaitedProbes } from '../../../src/network/health/awaited-probes.js';
import { PROBE_INTERVALS, PROBE_TIMEOUT } from '../../../src/network/health/probe-rate.js';
import { ProbeSchedule } from '../../../src/network/health/probe-schedule.js';
import { RECOVERY_SAMPLES, RECOVERY_TIME } from '../../../src/network/health/tunnel-health.js';
import { SECOND } from '../../../src/network/time.js';

t.test('the rates make the documented numbers true', async (t) => {
  t.same(PROBE_INTERVALS, { low: 60 * SECOND, mid: 10 * SECOND, high: SECOND });
  t.equal(RECOVERY_SAMPLES * PROBE_INTERVALS.low, 1800 * SECOND, 'recovery may take 30 minutes');
  t.equal(RECOVERY_SAMPLES * PROBE_INTERVALS.mid, RECOVERY_TIME);
  t.ok(PROBE_TIMEOUT < SECOND, 'a probe and the two that confirm it fail within a second');
});

/** When each target is taken, up to a time. */
function times(schedule: ProbeSchedule, until: number): Map<number, number[]> {
  const found = new Map<number, number[]>();
  while (schedule.next <= until) {
    const now = schedule.next;
    const target = schedule.take(now);
    const list = found.get(target) ?? [];
    list.push(now);
    found.set(target, list);
  }
  return found;
}

t.test('every target is due once in its interval, always at the same place', async (t) => {
  const intervals = [10, 1, 10, 60, 1, 10].map((seconds) => seconds * SECOND);
  const found = times(new ProbeSchedule(intervals, 3, 0), 600 * SECOND - 1);
  intervals.forEach((interval, target) => {
    const list = found.get(target)!;
    t.equal(list.length, (600 * SECOND) / interval, `target ${target}`);
    t.ok(list[0]! < interval);
    t.ok(list.every((time, i) => i === 0 || time - list[i - 1]! === interval));
  });
});

t.test('targets and probers are spread evenly', async (t) => {
  const largestGap = (places: number[], interval: number): number => {
    const sorted = places.toSorted((a, b) => a - b);
    return Math.max(...sorted.map((place, i) => (sorted[i + 1] ?? sorted[0]! + interval) - place));
  };
  for (const count of [2, 10, 100, 1000]) {
    const targets = times(
      new ProbeSchedule(new Array<number>(count).fill(10 * SECOND), 0, 0),
      10 * SECOND - 1,
    );
    const gap = largestGap([...targets.values()].flat(), 10 * SECOND);
    t.ok(gap < (2 * 10 * SECOND) / count, `${count} targets: ${gap} ns`);
    const probers = Array.from({ length: count }, (_, pop) => new ProbeSchedule([10 * SECOND], pop, 0).next);
    t.ok(largestGap(probers, 10 * SECOND) < (3 * 10 * SECOND) / count, `${count} probers`);
  }
});

t.test('a target more moves no other one', async (t) => {
  const before = times(new ProbeSchedule([SECOND, SECOND, SECOND], 1, 0), 2 * SECOND);
  const after = times(new ProbeSchedule([SECOND, SECOND, SECOND, SECOND], 1, 0), 2 * SECOND);
  for (const target of [0, 1, 2]) t.same(after.get(target), before.get(target));
});

t.test('it can begin at any time, and nothing is due before', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(1, 10, 60), { minLength: 1, maxLength: 20 }),
      fc.nat(1000),
      fc.integer({ min: 0, max: 200 * SECOND }),
      (seconds, pop, from) => {
        const intervals = seconds.map((s) => s * SECOND);
        const whole = times(new ProbeSchedule(intervals, pop, 0), from + 60 * SECOND);
        const late = times(new ProbeSchedule(intervals, pop, from), from + 60 * SECOND);
        for (const [target, list] of whole) {
          const expected = list.filter((time) => time >= from);
          if (expected.join() !== (late.get(target) ?? []).join()) return false;
        }
        return true;
      },
    ),
  );
  t.pass();
});

t.test('rounds that were missed are left out', async (t) => {
  const schedule = new ProbeSchedule([SECOND, SECOND], 0, 0);
  const now = 100.25 * SECOND;
  const taken: number[] = [];
  for (let target = schedule.take(now); target >= 0; target = schedule.take(now)) taken.push(target);
  t.ok(taken.length <= 2, `${taken.length} instead of 200`);
  t.ok(schedule.next > now);
  const next = times(schedule, now + SECOND);
  t.same(new Set(next.keys()), new Set([0, 1]), 'all are due again within an interval');
});

t.test('nothing to probe is never due', async (t) => {
  const schedule = new ProbeSchedule([], 0, 0);
  t.equal(schedule.next, Infinity);
  t.equal(schedule.take(1e18), -1);
});

t.test('probes on their way are found by sequence number, however many there are', async (t) => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ kind: 'send' as const }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const), which: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), target: fc.nat(4) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const probes = new AwaitedProbes();
      let model: { sequence: number; target: number; sent: number; regular: boolean }[] = [];
      steps.forEach((step, i) => {
        if (step.kind === 'send') {
          const [target, regular] = [i % 5, i % 3 === 0];
          model.push({ sequence: probes.add(target, i, regular), target, sent: i, regular });
        } else if (step.kind === 'settle') {
          const gone = model[step.which % Math.max(model.length, 1)];
          if (gone === undefined) return;
          probes.settle(gone.sequence);
          model = model.filter((other) => other !== gone);
        } else {
          const renumbered = [0, 1, 2, 3, 4].map((target) => (target === step.target ? -1 : target));
          probes.renumber(renumbered);
          model = model.filter(({ target }) => target !== step.target);
        }
        for (const { sequence, target, sent, regular } of model) {
          if (!probes.isAwaited(sequence, sent) || probes.isAwaited(sequence, sent + 1))
            throw new Error('lost');
          if (probes.targetOf(sequence) !== target || probes.sentAt(sequence) !== sent)
            throw new Error('mixed up');
          if (probes.isRegular(sequence) !== regular) throw new Error('kind');
        }
        if (probes.oldest !== (model[0]?.sequence ?? -1)) throw new Error('oldest');
        if (probes.isAwaited(i + 1, 0)) throw new Error('not sent yet');
      });
    }),
    { numRuns: 500 },
  );
  t.pass();
});

import fc from 'fast-check';
import t from 'tap';
import { MOST_PENDING, Scheduler } from '../../../src/simulator/core/scheduler.js';

/** Times that meet every level of the wheel, and each other. */
const someTime = fc.oneof(
  fc.nat(40),
  fc.nat(100_000),
  fc.nat(2 ** 30),
  fc.double({ min: 0, max: 2 ** 45, noNaN: true }).map(Math.floor),
  fc.constant(Number.MAX_SAFE_INTEGER - 2 ** 46),
);

t.test(
  'events happen in order of time, and of at() among equal times, whatever is put in meanwhile',
  async () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(someTime, fc.array(someTime, { maxLength: 3 })), { maxLength: 60 }),
        fc.integer({ min: 500, max: 2 ** 32 }),
        (plan, sequences) => {
          const scheduler = new Scheduler(sequences);
          const expected: { time: number; id: number }[] = [];
          const fired: { time: number; id: number }[] = [];
          const later: number[][] = [];
          const put = (time: number, then: number[]): void => {
            const id = later.push(then) - 1;
            expected.push({ time, id });
            scheduler.at(time, handler, id, -id);
          };
          const handler = scheduler.register({
            fire(id, b) {
              if (b !== -id) throw new Error('another argument');
              fired.push({ time: scheduler.now, id });
              for (const delay of later[id]!) put(Math.min(scheduler.now + delay, 2 ** 53 - 1), []);
            },
          });
          for (const [time, then] of plan) put(time, then);
          scheduler.run(Number.MAX_SAFE_INTEGER);
          // Ids count calls of at(): a stable sort by time alone must give the order in which they happened.
          const inOrder = [...expected].sort((x, y) => x.time - y.time || x.id - y.id);
          return (
            scheduler.pending === 0 &&
            scheduler.fired === fired.length &&
            JSON.stringify(fired) === JSON.stringify(inOrder)
          );
        },
      ),
      { numRuns: 300 },
    );
  },
);

t.test('run() stops behind the events of its time, and the clock stands at it', async (t) => {
  const scheduler = new Scheduler();
  const times: number[] = [];
  const handler = scheduler.register({ fire: () => times.push(scheduler.now) });
  t.equal(scheduler.next, Infinity);
  for (const time of [20, 10, 10_000_000_000, 30]) scheduler.at(time, handler);
  t.equal(scheduler.next, 10);
  scheduler.run(20);
  t.same(times, [10, 20]);
  t.equal(scheduler.now, 20);
  scheduler.run(5_000_000_000);
  t.same(times, [10, 20, 30]);
  t.equal(scheduler.now, 5_000_000_000);
  t.equal(scheduler.next, 10_000_000_000);
  // The wheel stands at the next event by now: an earlier one still comes before it.
  scheduler.at(5_000_000_001, handler);
  scheduler.run(10_000_000_000);
  t.same(times, [10, 20, 30, 5_000_000_001, 10_000_000_000]);
  scheduler.run(0);
  t.equal(scheduler.now, 10_000_000_000, 'and never goes back');
});

t.test('numbers that run out start again, and the order stays', async (t) => {
  const scheduler = new Scheduler(8);
  const order: number[] = [];
  const handler = scheduler.register({
    fire(id) {
      order.push(id);
      if (id < 100) scheduler.at(scheduler.now + 50_000, handler, id + 3);
    },
  });
  for (const id of [0, 1, 2]) scheduler.at(7, handler, id);
  scheduler.run(Number.MAX_SAFE_INTEGER);
  t.same(order, [...order.keys()]);
  t.equal(order.length, 103);
});

t.test('what cannot be is refused', async (t) => {
  const scheduler = new Scheduler();
  const handler = scheduler.register({ fire: () => undefined });
  scheduler.run(100);
  t.throws(() => scheduler.at(99, handler), /event for 99 ns at 100 ns/);
  t.throws(() => scheduler.at(Number.NaN, handler), RangeError);
  t.throws(() => scheduler.at(2 ** 53, handler), RangeError);
  t.throws(() => scheduler.at(100, handler + 1), /not registered/);
  t.throws(() => scheduler.at(100, -1), /not registered/);
  for (let i = 0; i < MOST_PENDING; i++) scheduler.at(200, handler);
  t.throws(() => scheduler.at(200, handler), /events wait/);
  scheduler.run(200);
  t.equal(scheduler.fired, MOST_PENDING);
});

import fc from 'fast-check';
import t from 'tap';
import { businessSeconds } from '../../../src/network/maintenance/business-time.js';

const DAY = 86_400;

function between(from: string, to: string): number {
  return businessSeconds(Date.parse(from) / 1000, Date.parse(to) / 1000);
}

t.test('weekends do not count', async (t) => {
  t.equal(between('2026-01-05T00:00:00Z', '2026-01-07T00:00:00Z'), 2 * DAY, 'Monday to Wednesday');
  t.equal(between('2026-01-09T12:00:00Z', '2026-01-12T12:00:00Z'), DAY, 'Friday noon to Monday noon');
  t.equal(between('2026-01-10T00:00:00Z', '2026-01-12T00:00:00Z'), 0, 'a weekend');
  t.equal(between('2026-01-05T00:00:00Z', '2026-01-19T00:00:00Z'), 10 * DAY, 'two weeks');
  t.equal(between('2026-01-07T00:00:00Z', '2026-01-05T00:00:00Z'), -2 * DAY);
});

t.test('as counted second by second of each hour', async () => {
  const hour = fc.integer({ min: 0, max: 24 * 60 });
  fc.assert(
    fc.property(hour, hour, (a, b) => {
      const base = Date.parse('2025-12-30T00:00:00Z') / 1000;
      let expected = 0;
      for (let h = a; h < b; h++) {
        const day = new Date((base + h * 3600) * 1000).getUTCDay();
        if (day >= 1 && day <= 5) expected += 3600;
      }
      return a > b || businessSeconds(base + a * 3600, base + b * 3600) === expected;
    }),
  );
});

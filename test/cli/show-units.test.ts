import t from 'tap';
import { Interval } from '../../src/cli/show-interval.js';
import { Screen } from '../../src/cli/show-screen.js';
import {
  ago,
  bitRate,
  byteCount,
  packetRate,
  percent,
  shortAgo,
  timeSpan,
} from '../../src/cli/show-units.js';
import { exampleSnapshot, tunnel } from '../observability/example-snapshot.js';

t.test('bytes', async (t) => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1_048_575, '1.00 MiB'],
    [4_395_630_000, '4.09 GiB'],
    [2 ** 53, '8.00 PiB'],
  ];
  for (const [bytes, text] of cases) t.equal(byteCount(bytes), text);
});

t.test('bit rates', async (t) => {
  const cases: [number, string][] = [
    [0, '0 bit/s'],
    [12, '96 bit/s'],
    [125, '1.00 kbit/s'],
    [1_500_000, '12.0 Mbit/s'],
    [12_499_999, '100 Mbit/s'],
    [124_999_999, '1.00 Gbit/s'],
    [1.25e15, '10000 Tbit/s'],
  ];
  for (const [bytes, text] of cases) t.equal(bitRate(bytes), text);
});

t.test('packet rates', async (t) => {
  t.same([0, 12.4, 6123, 123_456, 5.9e6].map(packetRate), [
    '0 pps',
    '12 pps',
    '6.12 kpps',
    '123 kpps',
    '5.90 Mpps',
  ]);
});

t.test('times', async (t) => {
  const cases: [number, string][] = [
    [0, '0 seconds'],
    [1, '1 second'],
    [61.9, '1 minute, 1 second'],
    [3600, '1 hour'],
    [3601, '1 hour'],
    [3660, '1 hour, 1 minute'],
    [90_000, '1 day, 1 hour'],
    [1_000_000, '11 days, 13 hours'],
  ];
  for (const [seconds, text] of cases) t.equal(timeSpan(seconds), text);
  t.equal(ago(0.4), 'now');
  t.equal(ago(3), '3 seconds ago');
  t.same([0, 59, 61, 7300, 200_000].map(shortAgo), ['now', '59 s', '1 min', '2 h', '2 d']);
});

t.test('shares', async (t) => {
  t.same(
    [percent(0, 0), percent(0, 5), percent(1, 100_000), percent(1, 3), percent(5, 5)],
    ['0 %', '0 %', '<0.1 %', '33.3 %', '100.0 %'],
  );
});

t.test('rates between two snapshots', async (t) => {
  const packets = (n: number) => ({ decapsulated: { packets: n, bytes: n } });
  const before = exampleSnapshot({ uptimeSeconds: 10, tunnels: [tunnel('a', packets(100))] });
  const now = exampleSnapshot({
    uptimeSeconds: 12,
    tunnels: [tunnel('a', packets(150)), tunnel('new', packets(7))],
  });
  const rates = (interval: Interval): (number | null)[] =>
    interval.tunnels.map(({ rate }) => rate(({ decapsulated }) => decapsulated.packets));
  t.same(rates(new Interval(now, before, true)), [25, null], 'per second; a new tunnel has none yet');
  t.same(rates(new Interval(now, null, true)), [null, null]);
  t.same(rates(new Interval(now, now, true)), [null, null], 'no time has passed');
  const restarted = { ...now, startedAt: now.takenAt };
  t.same(rates(new Interval(restarted, before, true)), [null, null], 'the daemon was started in between');
});

t.test('a screen draws what fits, and gives the terminal back', async (t) => {
  let written = '';
  const terminal = { rows: 2, write: (text: string) => (written += text) };
  const screen = new Screen(terminal);
  t.equal(written, '\x1b[?1049h\x1b[?25l\x1b[?7l');
  written = '';
  screen.draw('one\ntwo\nthree');
  t.equal(written, '\x1b[Hone\x1b[K\ntwo\x1b[K\x1b[J');
  written = '';
  screen.close();
  t.equal(written, '\x1b[?7h\x1b[?25h\x1b[?1049lone\ntwo\nthree\n');
});

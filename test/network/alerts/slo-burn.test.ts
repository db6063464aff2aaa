import fc from 'fast-check';
import t from 'tap';
import type { AlertConfig } from '../../../src/config/network.js';
import { describeAlert } from '../../../src/network/alerts/alert.js';
import { SloBurn } from '../../../src/network/alerts/slo-burn.js';

const alert = (slo: number, tunnels: readonly string[] | null = null, name = 'slo'): AlertConfig => ({
  name,
  type: 'tunnel_health',
  slo,
  tunnels,
});

/** A check of every tunnel each second. */
class Story {
  readonly raised: { at: number; tunnel: string; name: string; short: number; long: number }[] = [];
  private readonly burn: SloBurn;
  private now = 0;

  constructor(
    alerts: readonly AlertConfig[],
    private readonly tunnels: readonly string[] = ['a'],
  ) {
    this.burn = new SloBurn(alerts, tunnels);
  }

  /** Until a time, with so many bad checks of every hundred, for one tunnel or all. */
  until(seconds: number, bad = 0, tunnel: string | null = null): void {
    for (; this.now < seconds; this.now++) {
      this.raised.push(...this.burn.advance(this.now));
      this.tunnels.forEach((name, i) => {
        const isBad = (tunnel === null || name === tunnel) && this.now % 100 < bad;
        this.burn.record(i, this.now, !isBad);
      });
    }
    this.raised.push(...this.burn.advance(this.now));
  }
}

t.test('an alert is raised at the next multiple of five minutes, when both windows are below', async (t) => {
  const story = new Story([alert(0.98)]);
  story.until(3600);
  story.until(3900, 100);
  t.same(story.raised, [
    { type: 'tunnel_health', at: 3900, name: 'slo', tunnel: 'a', short: 0, long: 11 / 12, slo: 0.98 },
  ]);
  t.equal(
    describeAlert(story.raised[0]! as never),
    'slo: a is below 98 %: 0 % in five minutes, 91.67 % in an hour',
  );
});

t.test('a short failure is too little of the hour', async (t) => {
  const story = new Story([alert(0.98)]);
  story.until(3600);
  story.until(3600 + 72, 100);
  story.until(3900);
  t.same(story.raised, [], '72 of 3,600 s are 2 %: not below 98 %');
  const longer = new Story([alert(0.98)]);
  longer.until(3600);
  longer.until(3600 + 73, 100);
  longer.until(3900);
  t.equal(longer.raised.length, 1, '73 s are');
});

t.test('exactly the threshold is not below it', async (t) => {
  const story = new Story([alert(0.9)]);
  story.until(7200, 10);
  t.same(story.raised, []);
  story.until(7500, 11);
  t.equal(story.raised.length, 1);
});

t.test('an alert is sent once for as long as it lasts', async (t) => {
  const story = new Story([alert(0.98)]);
  story.until(3600, 100);
  t.equal(story.raised.length, 1);
  t.equal(story.raised[0]!.at, 300, 'before an hour has passed, the long window is what there is');
  story.until(3900);
  t.equal(story.raised.length, 1, 'good for five minutes: it is over');
  story.until(4200, 100);
  t.equal(story.raised.length, 2, 'and is raised again');
});

t.test('alerts are for the tunnels they name, each tunnel by itself', async (t) => {
  const story = new Story([alert(0.98, ['b'], 'of b'), alert(0.98, null, 'of all')], ['a', 'b']);
  story.until(300, 100, 'a');
  t.same(
    story.raised.map(({ name, tunnel }) => [name, tunnel]),
    [['of all', 'a']],
  );
  story.until(600, 100, 'b');
  t.same(
    story.raised.map(({ name, tunnel }) => [name, tunnel]),
    [
      ['of all', 'a'],
      ['of b', 'b'],
      ['of all', 'b'],
    ],
  );
});

t.test('where nothing is checked nothing is raised', async (t) => {
  const burn = new SloBurn([alert(0.98)], ['a']);
  t.equal(burn.next, 300);
  t.same(burn.advance(100_000), []);
  t.equal(burn.next, 100_200);
  t.equal(new SloBurn([], ['a']).next, Infinity);
  t.equal(new SloBurn([alert(1)], ['a'], 450).next, 600);
});

t.test('windows hold what they say, over all histories', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ gap: fc.nat(400), good: fc.boolean() }), { maxLength: 200 }),
      fc.constantFrom(0.3, 0.5, 0.9),
      (checks, slo) => {
        const burn = new SloBurn([alert(slo)], ['a']);
        const history: { at: number; good: boolean }[] = [];
        let now = 0;
        let lasting = false;
        let due = 300;
        for (const { gap, good } of checks) {
          now += gap;
          const raised = burn.advance(now);
          const expected: number[] = [];
          for (; due <= now; due += 300) {
            const share = (seconds: number): number => {
              const within = history.filter(({ at }) => at >= due - seconds && at < due);
              return within.length === 0 ? 1 : within.filter((check) => check.good).length / within.length;
            };
            const isBelow = share(300) < slo && share(3600) < slo;
            if (isBelow && !lasting) expected.push(due);
            lasting = isBelow;
          }
          if (raised.map(({ at }) => at).join() !== expected.join()) return false;
          burn.record(0, now, good);
          history.push({ at: now, good });
        }
        return true;
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

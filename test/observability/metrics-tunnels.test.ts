import fc from 'fast-check';
import t from 'tap';
import type { TunnelSnapshot } from '../../src/observability/snapshot.js';
import { TunnelLabels } from '../../src/observability/tunnel-labels.js';
import { tunnel } from './example-snapshot.js';

const busy = (name: string, packets: number): TunnelSnapshot =>
  tunnel(name, {
    decapsulated: { packets, bytes: packets * 100 },
    encapsulated: { packets: packets * 2, bytes: packets * 50 },
  });

const names = (tunnels: readonly TunnelSnapshot[]): string[] => tunnels.map(({ name }) => name);

t.test('up to the limit, each tunnel has its label', async (t) => {
  const { named, others, otherTraffic } = new TunnelLabels(2).divide([busy('a', 1), busy('b', 2)]);
  t.same(names(named), ['a', 'b']);
  t.equal(others, 0);
  t.equal(otherTraffic, null);
});

t.test('the others are summed', async (t) => {
  const divided = new TunnelLabels(1).divide([busy('a', 1), busy('b', 2), busy('c', 3)]);
  t.same(names(divided.named), ['a']);
  t.equal(divided.others, 2);
  t.same(divided.otherTraffic, {
    decapsulated: { packets: 5, bytes: 500 },
    encapsulated: { packets: 10, bytes: 250 },
  });
});

t.test('a limit of 0 sums all', async (t) => {
  const { named, otherTraffic } = new TunnelLabels(0).divide([busy('a', 1)]);
  t.same(named, []);
  t.equal(otherTraffic?.decapsulated.packets, 1);
});

t.test('a label stays with its tunnel until the tunnel is gone', async (t) => {
  const labels = new TunnelLabels(2);
  labels.divide([busy('a', 1), busy('b', 1), busy('c', 1)]);
  t.same(names(labels.divide([busy('c', 1), busy('b', 1), busy('a', 1)]).named), ['b', 'a']);
  t.same(names(labels.divide([busy('c', 1), busy('b', 1)]).named), ['c', 'b'], 'then it is free');
});

t.test('the sum of the others does not fall when one of them goes or gets a label', async (t) => {
  const labels = new TunnelLabels(1);
  labels.divide([busy('a', 1), busy('b', 20), busy('c', 300)]);
  t.equal(labels.divide([busy('a', 1), busy('c', 301)]).otherTraffic?.decapsulated.packets, 321);
  t.equal(labels.divide([busy('c', 305)]).otherTraffic?.decapsulated.packets, 321);
});

t.test('whatever comes and goes, the sum grows by what the tunnels without label have carried', async () => {
  const all = ['a', 'b', 'c', 'd', 'e'];
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4 }),
      fc.array(fc.tuple(fc.subarray(all), fc.array(fc.nat(9), { minLength: 5, maxLength: 5 })), {
        maxLength: 12,
      }),
      (limit, scrapes) => {
        const labels = new TunnelLabels(limit);
        const packets = new Map<string, number>();
        let without: readonly string[] = [];
        let sum = 0;
        for (const [present, growth] of scrapes) {
          // A tunnel that is not in the configuration starts from zero when it comes again.
          for (const [i, name] of all.entries()) {
            if (present.includes(name)) packets.set(name, (packets.get(name) ?? 0) + growth[i]!);
            else packets.delete(name);
          }
          const { named, others, otherTraffic } = labels.divide(
            present.map((name) => busy(name, packets.get(name)!)),
          );
          const now = present.filter((name) => !names(named).includes(name));
          for (const name of now) {
            sum += without.includes(name) ? growth[all.indexOf(name)]! : packets.get(name)!;
          }
          without = now;
          if (named.length !== Math.min(limit, present.length) || others !== now.length) return false;
          if ((otherTraffic?.decapsulated.packets ?? 0) !== sum) return false;
        }
        return true;
      },
    ),
  );
});

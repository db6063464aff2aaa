import fc from 'fast-check';
import t from 'tap';
import { Bundle } from '../../../src/network/interconnect/bundle.js';

/** Hashes of flows, spread over 32 bits. */
const FLOWS = Array.from({ length: 4000 }, (_, i) => Math.imul(i + 1, 0x9e3779b1));

function linksOf(bundle: Bundle): number[] {
  return FLOWS.map((hash) => bundle.linkOf(hash));
}

t.test('flows spread evenly, and each stays on its link', async (t) => {
  const bundle = new Bundle(4, 10e9);
  const links = linksOf(bundle);
  t.strictSame(links, linksOf(bundle));
  for (let link = 0; link < 4; link++) {
    const share = links.filter((other) => other === link).length / FLOWS.length;
    t.ok(Math.abs(share - 0.25) < 0.03, `link ${link} has ${share}`);
  }
  t.equal(bundle.totalRate, 40e9);
});

t.test('a lost link lowers the rate and gives up its own flows only', async (t) => {
  const bundle = new Bundle(4, 10e9);
  const before = linksOf(bundle);
  bundle.setLink(2, false);
  t.equal(bundle.totalRate, 30e9);
  const after = linksOf(bundle);
  t.ok(before.every((link, i) => (link === 2 ? after[i] !== 2 : after[i] === link)));
  bundle.setLink(2, true);
  t.strictSame(linksOf(bundle), before);
});

t.test('minimum links', async (t) => {
  const bundle = new Bundle(3, 100e9, 2);
  bundle.setLink(0, false);
  t.ok(bundle.isUp);
  bundle.setLink(1, false);
  t.notOk(bundle.isUp);
  t.equal(bundle.totalRate, 0);
  t.equal(bundle.linkOf(1), -1);
  bundle.setLink(0, true);
  t.equal(bundle.totalRate, 200e9);
  t.throws(() => bundle.setLink(3, true), RangeError);
});

t.test('one link alone, and none', async (t) => {
  const bundle = new Bundle(1, 10e9);
  t.equal(bundle.linkOf(77), 0);
  bundle.setLink(0, false);
  t.equal(bundle.linkOf(77), -1);
});

t.test(
  'whatever fails and comes back: only flows of lost or found links move, never to one that is down',
  async () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.tuple(fc.nat(7), fc.boolean()), { maxLength: 12 }),
        (links, steps) => {
          const bundle = new Bundle(links, 10e9);
          let before = linksOf(bundle);
          for (const [link, up] of steps.filter(([link]) => link < links)) {
            const was = bundle.isLinkUp(link);
            bundle.setLink(link, up);
            const after = linksOf(bundle);
            const fits = after.every((now, i) => {
              if (now >= 0 && !bundle.isLinkUp(now)) return false;
              return now === before[i] || (was !== up && (before[i] === link || now === link));
            });
            // Without any link all flows have none, and all get one again from the first that is back.
            const empty = before[0] === -1 || after[0] === -1;
            if (!fits && !empty) return false;
            before = after;
          }
          return true;
        },
      ),
      { numRuns: 50 },
    );
  },
);

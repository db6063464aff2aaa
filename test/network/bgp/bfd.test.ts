import fc from 'fast-check';
import t from 'tap';
import { Bfd, BFD_DEFAULTS } from '../../../src/network/bgp/bfd.js';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';

/** Up since 2 s. */
function upBfd(): Bfd {
  const bfd = new Bfd();
  bfd.setPath(0, true);
  t.equal(bfd.next, 2 * SECOND);
  t.equal(bfd.advance(2 * SECOND), 'up');
  return bfd;
}

t.test('up after two packets of one second, down after three packets of 300 ms', async (t) => {
  const bfd = upBfd();
  bfd.setPath(10 * SECOND, false);
  // The last packet came at 9.8 s.
  t.equal(bfd.next, 9.8 * SECOND + 900 * MILLISECOND);
  t.equal(bfd.advance(bfd.next), 'down');
  t.notOk(bfd.isUp);
  bfd.setPath(20 * SECOND, true);
  t.equal(bfd.next, 22 * SECOND);
});

t.test('a path that is gone again before it is up', async (t) => {
  const bfd = new Bfd();
  bfd.setPath(0, true);
  bfd.setPath(SECOND, false);
  t.equal(bfd.next, Infinity);
  t.equal(bfd.advance(10 * SECOND), null);
});

t.test(
  'down within multiplier × interval of the cut, and more than that less one interval after it',
  async () => {
    const { interval, multiplier } = BFD_DEFAULTS;
    fc.assert(
      fc.property(fc.integer({ min: 2 * SECOND, max: 1000 * SECOND }), (cut) => {
        const bfd = upBfd();
        bfd.setPath(cut, false);
        const after = bfd.next - cut;
        return after <= multiplier * interval && after > (multiplier - 1) * interval;
      }),
    );
  },
);

/** Several events that befall one thing at a time: each ends by itself. */
import fc from 'fast-check';
import t from 'tap';
import { plainPath } from '../../../src/simulator/scenario/reading.js';
import { Troubles } from '../../../src/simulator/run/troubles.js';

const BASE = plainPath(1_000_000);

t.test('what failed twice is up again when both are over', (t) => {
  const troubles = new Troubles();
  t.notOk(troubles.hasFailed('uplink r1.isp'));
  troubles.fail('uplink r1.isp', 0);
  troubles.fail('uplink r1.isp', 1);
  t.notOk(troubles.hasFailed('uplink r2.isp'), 'another thing');
  troubles.end('uplink r1.isp', 0);
  t.ok(troubles.hasFailed('uplink r1.isp'));
  troubles.end('uplink r1.isp', 0);
  t.ok(troubles.hasFailed('uplink r1.isp'), 'over is over once');
  troubles.end('uplink r1.isp', 1);
  t.notOk(troubles.hasFailed('uplink r1.isp'));
  t.end();
});

t.test('restore ends all, and the end of an event that was ended so ends no later one', (t) => {
  const troubles = new Troubles();
  troubles.fail('router r1', 0);
  troubles.degrade('router r1', 1, { loss: 0.5 });
  troubles.restore('router r1');
  t.notOk(troubles.hasFailed('router r1'));
  t.same(troubles.path('router r1', BASE), BASE);
  troubles.fail('router r1', 2);
  troubles.end('router r1', 0);
  t.ok(troubles.hasFailed('router r1'));
  t.end();
});

t.test(
  'of two degradations of a path the later one holds, and the other one is left when it is over',
  (t) => {
    const troubles = new Troubles();
    troubles.degrade('uplink r1.isp', 0, { loss: 0.1, delay: 5 });
    troubles.degrade('uplink r1.isp', 1, { loss: 1 });
    t.match(troubles.path('uplink r1.isp', BASE), { loss: 1, delay: 5, mtu: 1500 });
    troubles.end('uplink r1.isp', 1);
    t.match(troubles.path('uplink r1.isp', BASE), { loss: 0.1, delay: 5 });
    troubles.end('uplink r1.isp', 0);
    t.same(troubles.path('uplink r1.isp', BASE), BASE);
    t.end();
  },
);

t.test('any events: failed as long as one of the failures is', (t) => {
  const span = fc.record({ from: fc.nat(20), length: fc.integer({ min: 1, max: 20 }) });
  fc.assert(
    fc.property(fc.array(span, { maxLength: 6 }), (spans) => {
      const troubles = new Troubles();
      for (let now = 0; now <= 40; now++) {
        spans.forEach(({ from, length }, cause) => {
          if (from + length === now) troubles.end('tunnel one', cause);
          if (from === now) troubles.fail('tunnel one', cause);
        });
        const expected = spans.some(({ from, length }) => now >= from && now < from + length);
        if (troubles.hasFailed('tunnel one') !== expected) return false;
      }
      return true;
    }),
  );
  t.end();
});

import fc from 'fast-check';
import t from 'tap';
import { MILLISECOND } from '../../../src/network/time.js';
import { TcpReceiver } from '../../../src/simulator/traffic/tcp-receiver.js';

t.test('what has come is what a set of positions says', (t) => {
  const stretch = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 12 }));
  fc.assert(
    fc.property(fc.array(stretch, { maxLength: 60 }), (stretches) => {
      const receiver = new TcpReceiver();
      const there = new Set<number>();
      for (const [from, length] of stretches) {
        for (let i = from; i < from + length; i++) there.add(i);
        receiver.take(from, from + length, 1000, 0);
        let next = 0;
        while (there.has(next)) next++;
        if (receiver.next !== next) throw new Error(`${receiver.next}, expected ${next}`);
      }
    }),
    { numRuns: 1000 },
  );
  t.end();
});

t.test('acknowledgments: every second segment, at once around a gap, else 40 ms later', (t) => {
  const receiver = new TcpReceiver();
  const take = (from: number, to: number): [boolean, number] => {
    receiver.take(from, to, 100, 0);
    const result: [boolean, number] = [receiver.urgent, receiver.deadline];
    if (receiver.urgent) receiver.acknowledged();
    return result;
  };
  t.same(take(0, 100), [false, 40 * MILLISECOND]);
  t.equal(take(100, 200)[0], true);
  t.equal(take(300, 400)[0], true, 'a gap');
  t.equal(take(300, 400)[0], true, 'and again');
  t.equal(take(200, 300)[0], true, 'filled');
  t.equal(receiver.next, 400);
  t.equal(take(100, 200)[0], true, 'long there');
  t.same(take(400, 410), [false, 40 * MILLISECOND]);
  t.end();
});

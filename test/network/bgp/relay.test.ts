import fc from 'fast-check';
import t from 'tap';
import { CONVERGENCE, Relay, relayDelay } from '../../../src/network/bgp/relay.js';
import { SECOND } from '../../../src/network/time.js';

const POPS = ['fra', 'ams', 'lhr', 'iad', 'sin'];

function relayOf(convergence = CONVERGENCE): { relay: Relay<string>; got: string[]; tables: string[] } {
  const got: string[] = [];
  const tables = POPS.map(() => 'none');
  const relay = new Relay<string>(POPS, convergence, (pop, value, at) => {
    tables[pop] = value;
    got.push(`${POPS[pop]} ${value} ${at}`);
  });
  return { relay, got, tables };
}

t.test('a change is in all PoPs within 20 s, in each after its own time', async (t) => {
  t.equal(CONVERGENCE, 20 * SECOND);
  const { relay, tables } = relayOf();
  relay.publish(100 * SECOND, 'a');
  relay.advance(100 * SECOND);
  t.strictSame(
    tables,
    POPS.map(() => 'none'),
  );
  relay.advance(120 * SECOND);
  t.strictSame(
    tables,
    POPS.map(() => 'a'),
  );
  const delays = POPS.map((pop) => relayDelay(pop, CONVERGENCE));
  t.equal(new Set(delays).size, POPS.length);
  t.ok(delays.every((delay) => delay > 0 && delay <= CONVERGENCE && Number.isInteger(delay)));
});

t.test('of tables of one moment each PoP gets the last, once', async (t) => {
  const { relay, got, tables } = relayOf();
  relay.publish(0, 'a');
  for (let i = 0; i <= 1000; i++) relay.publish(5, `b${i}`);
  relay.advance(30 * SECOND);
  t.equal(got.length, 2 * POPS.length);
  t.strictSame(
    tables,
    POPS.map(() => 'b1000'),
  );
});

t.test('without convergence time it is there at once', async (t) => {
  const { relay, tables } = relayOf(0);
  relay.publish(5, 'a');
  relay.advance(5);
  t.strictSame(
    tables,
    POPS.map(() => 'a'),
  );
});

t.test(
  'resiliency mode: PoPs keep what they have, and take over what has changed when the relay is back',
  async (t) => {
    const { relay, tables, got } = relayOf();
    relay.publish(0, 'a');
    relay.advance(30 * SECOND);
    relay.lose(30 * SECOND);
    t.ok(relay.isResilient);
    relay.publish(31 * SECOND, 'b');
    relay.publish(32 * SECOND, 'c');
    relay.advance(1000 * SECOND);
    t.strictSame(
      tables,
      POPS.map(() => 'a'),
    );
    t.equal(relay.next, Infinity);
    relay.restore(1000 * SECOND);
    relay.advance(1020 * SECOND);
    t.strictSame(
      tables,
      POPS.map(() => 'c'),
    );
    t.notOk(
      got.some((line) => line.includes(' b ')),
      'what was overtaken meanwhile is never in effect',
    );
    const before = got.length;
    relay.lose(2000 * SECOND);
    relay.restore(2001 * SECOND);
    relay.advance(3000 * SECOND);
    t.equal(got.length, before, 'nothing new, nothing delivered');
  },
);

t.test('a change that is on the way when the relay is lost does not arrive before it is back', async (t) => {
  const { relay, tables } = relayOf();
  const [soonest] = POPS.map((pop) => relayDelay(pop, CONVERGENCE)).sort((a, b) => a - b);
  relay.publish(0, 'a');
  relay.lose(soonest ?? 0);
  relay.advance(500 * SECOND);
  t.equal(tables.filter((table) => table === 'a').length, 1);
  relay.restore(500 * SECOND);
  relay.advance(520 * SECOND);
  t.strictSame(
    tables,
    POPS.map(() => 'a'),
  );
});

t.test('each PoP sees tables in their order, and has the newest 20 s after the last change', async () => {
  const step = fc.record({
    after: fc.integer({ min: 0, max: 30 }),
    what: fc.constantFrom('publish', 'lose', 'restore'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const seen: number[][] = POPS.map(() => []);
      const relay = new Relay<number>(POPS, CONVERGENCE, (pop, value) => seen[pop]!.push(value));
      let now = 0;
      let newest = 0;
      for (const { after, what } of steps) {
        now += after * SECOND;
        relay.advance(now);
        if (what === 'publish') relay.publish(now, ++newest);
        else if (what === 'lose') relay.lose(now);
        else relay.restore(now);
      }
      relay.restore(now);
      relay.advance(now + CONVERGENCE);
      return seen.every(
        (values) =>
          values.every((value, i) => i === 0 || value > values[i - 1]!) && (values.at(-1) ?? 0) === newest,
      );
    }),
  );
});

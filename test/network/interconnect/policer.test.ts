import fc from 'fast-check';
import t from 'tap';
import { INGRESS_BURST, Policer, policersOf } from '../../../src/network/interconnect/policer.js';
import { INGRESS_RATE } from '../../../src/network/interconnect/rules.js';
import { EMPTY_NETWORK } from '../../../src/network/change/network-state.js';
import { interconnectConfig, tunnelConfig } from '../example-network.js';

const SECOND = 1e9;

t.test('1 Gbit/s: a byte each 8 ns', async (t) => {
  t.equal(INGRESS_RATE, 1e9);
  const policer = new Policer(1e9, 1500);
  t.ok(policer.take(1500, 0));
  t.notOk(policer.take(1500, 11_999), '1500 bytes take 12 µs');
  t.ok(policer.take(1500, 12_000));
  t.notOk(policer.take(1, 12_007));
  t.ok(policer.take(1, 12_008));
});

t.test('the bucket is full at first, and again after 5 ms', async (t) => {
  const policer = new Policer();
  const passed = (now: number): number => {
    let bytes = 0;
    while (policer.take(1000, now)) bytes += 1000;
    return bytes;
  };
  t.equal(passed(0), INGRESS_BURST);
  t.equal(passed(2.5e6), INGRESS_BURST / 2 - 500);
  t.equal(passed(SECOND), INGRESS_BURST);
});

t.test('a second at twice the rate: half gets through', async (t) => {
  const policer = new Policer();
  let bytes = 0;
  for (let now = 0; now < SECOND; now += 6000) if (policer.take(1500, now)) bytes += 1500;
  t.ok(Math.abs(bytes - (INGRESS_RATE / 8 + INGRESS_BURST)) <= 1500, `${bytes} bytes`);
});

t.test('never more than burst + rate × time, in no span; and no less than a bucket would', async () => {
  const packet = fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 1, max: 9000 }));
  fc.assert(
    fc.property(
      fc.array(packet, { maxLength: 200 }),
      fc.constantFrom(1e6, 1e9, 3e9),
      fc.integer({ min: 1, max: 20_000 }),
      (packets, rate, burst) => {
        const policer = new Policer(rate, burst);
        const passed: { at: number; bytes: number }[] = [];
        let now = 0;
        let tokens = burst;
        for (const [gap, bytes] of packets) {
          now += gap;
          tokens = Math.min(burst, tokens + (gap * rate) / 8e9);
          const expected = tokens - bytes;
          const taken = policer.take(bytes, now);
          // A rounding error apart, it is a token bucket.
          if (Math.abs(expected) > 1e-6 && taken !== expected >= 0) return false;
          if (taken) tokens -= bytes;
          if (taken) passed.push({ at: now, bytes });
        }
        return passed.every((first, i) => {
          let sum = 0;
          return passed.slice(i).every(({ at, bytes }) => {
            sum += bytes;
            return sum <= burst + ((at - first.at) * rate) / 8e9 + 1e-6;
          });
        });
      },
    ),
  );
});

t.test(
  'v1: each tunnel over the circuit; v2: the connection; express: it too; the Internet: none',
  async (t) => {
    const policed = policersOf({
      ...EMPTY_NETWORK,
      tunnels: [tunnelConfig('a', 1), tunnelConfig('b', 2, { interconnect: 'v1' })],
      interconnects: [
        interconnectConfig('v1', 0, { dataplane: 1 }),
        interconnectConfig('v2', 2),
        interconnectConfig('express', 4, { dataplane: 1, product: 'express' }),
        interconnectConfig('dsr', 6, { dataplane: 1, gre_less: true }),
      ],
    }).map((policer) => policer !== null);
    t.strictSame(policed, [false, true, false, true, true, false]);
  },
);

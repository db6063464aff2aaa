import fc from 'fast-check';
import t from 'tap';
import {
  BIT_RATE,
  bitRateOf,
  DURATION,
  durationOf,
  PACKET_RATE,
  packetRateOf,
  SHARE,
  shareOf,
  SIGNED_DURATION,
  SIZE,
  sizeOf,
} from '../../src/config/quantities.js';
import type { Schema } from '../../src/config/schema-parts.js';

function takes({ pattern = '' }: Schema, text: string): boolean {
  return new RegExp(pattern).test(text);
}

t.test('values', async (t) => {
  t.equal(durationOf('20ms'), 20_000_000);
  t.equal(durationOf('1.5s'), 1_500_000_000);
  t.equal(durationOf('1m30s'), 90_000_000_000);
  t.equal(durationOf('-2d'), -172_800_000_000_000);
  t.ok(Object.is(durationOf('-0s'), 0), 'no negative zero');
  t.equal(durationOf('0.1us'), 100);
  t.equal(bitRateOf('10Gbps'), 1e10);
  t.equal(bitRateOf('2.5kbps'), 2500);
  t.equal(packetRateOf('1.5Mpps'), 1_500_000);
  t.equal(sizeOf('1.5MiB'), 1_572_864);
  t.equal(sizeOf('200kB'), 200_000);
  t.equal(shareOf('0.1%'), 0.001);
  t.equal(shareOf('100%'), 1);
});

t.test('a unit is required, and nothing else is there', async (t) => {
  const schemas = [DURATION, SIGNED_DURATION, BIT_RATE, PACKET_RATE, SIZE, SHARE];
  for (const text of ['', '5', '-', '.5s', '5.s', '1e3s', '0x1s', ' 5s', '5 s', '5s ', '5S', '5x', 'NaNs']) {
    for (const schema of schemas) t.notOk(takes(schema, text), `${schema.title ?? ''}: ${text}`);
  }
  t.notOk(takes(DURATION, '-5s'));
  t.ok(takes(SIGNED_DURATION, '-5s'));
  t.notOk(takes(SHARE, '101%'));
  t.notOk(takes(SHARE, '100.1%'));
});

t.test('whatever the schema takes has a value', async () => {
  const from = (schema: Schema) => fc.stringMatching(new RegExp(schema.pattern ?? ''), { maxLength: 12 });
  const total = (schema: Schema, read: (text: string) => number, least: number) =>
    fc.assert(fc.property(from(schema), (text) => read(text) >= least));
  total(DURATION, durationOf, 0);
  total(SIGNED_DURATION, durationOf, -Infinity);
  total(BIT_RATE, bitRateOf, 0);
  total(PACKET_RATE, packetRateOf, 0);
  total(SIZE, sizeOf, 0);
  total(SHARE, shareOf, 0);
});

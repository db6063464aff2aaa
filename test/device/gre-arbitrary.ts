/** GRE packets of all sorts to the lab's own addresses, each of which the kernel delivers. */
import fc from 'fast-check';
import type { FrameSpec } from '../../src/wire/build.js';
import { frameToUs, type LabFrame } from './underlay-lab.js';

const number = fc.integer({ min: 0, max: 255 });

const gre = fc.record(
  {
    key: fc.nat(),
    checksum: fc.boolean(),
    sequence: fc.nat(),
    version: fc.integer({ min: 0, max: 7 }),
    flags: fc.constantFrom(0x40, 0x08, 0x04, 0x44),
    flags1: number,
    protocol: fc.constantFrom(0x0800, 0x86dd, 0x6558, 0, 0x880b),
  },
  { requiredKeys: [] },
);

const inner4: fc.Arbitrary<FrameSpec> = fc
  .tuple(number, number, fc.integer({ min: 0, max: 1200 }))
  .map(([a, b, payload]) => ({ ip: { source: `192.0.2.${a}`, destination: `198.51.100.${b}` }, payload }));
const inner6: fc.Arbitrary<FrameSpec> = fc
  .tuple(number, number, fc.integer({ min: 0, max: 1200 }))
  .map(([a, b, payload]) => ({
    ip: { source: `2001:db8::${a.toString(16)}`, destination: `2001:db8:1::${b.toString(16)}` },
    payload,
  }));
const frame: fc.Arbitrary<FrameSpec> = number.map((a) => ({
  link: 'ethernet',
  sourceMac: Uint8Array.of(2, 0, 0, 0, 0, a),
  payload: a,
}));

/** A GRE header and a packet in it, or any bytes at all behind the IP header. */
const content: fc.Arbitrary<LabFrame> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ gre, inner: fc.oneof(inner4, inner6, frame) }) },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ maxLength: 60 })
      .map((payload): LabFrame => ({ gre: undefined, inner: undefined, payload })),
  },
);

const header4 = fc.record(
  {
    source: number.filter((host) => host > 1 && host < 255).map((host) => `10.77.0.${host}`),
    options: fc.integer({ min: 0, max: 10 }).map((words) => new Array<number>(words * 4).fill(1)),
    tos: number,
    id: number,
  },
  { requiredKeys: ['source'] },
);
const header6 = fc.record(
  {
    source: fc.integer({ min: 2, max: 0xffff }).map((host) => `fd77::${host.toString(16)}`),
    flowLabel: fc.integer({ min: 0, max: 0xfffff }),
    tos: number,
  },
  { requiredKeys: ['source'] },
);

/** A frame. Protocol 47, whole, with a right IP header. */
export function anyPacketToUs(): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(
      fc.oneof(fc.tuple(fc.constant(4 as const), header4), fc.tuple(fc.constant(6 as const), header6)),
      content,
    )
    .map(([[family, ip], rest]) => frameToUs(family, { ...rest, ip: { ...ip, protocol: 47 } }));
}

/** Arbitrary captures for the property tests: their bytes, and what a reader must make of them. */
import fc from 'fast-check';
import type { CaptureOption } from '../../src/device/capture/pcapng-options.js';
import {
  block,
  concat,
  enhancedPacket,
  interfaceBlock,
  obsoletePacket,
  pcapFile,
  sectionHeader,
  simplePacket,
  text,
  type ReadPacket,
} from './capture-bytes.js';

export interface Sample {
  bytes: Uint8Array;
  packets: ReadPacket[];
  /** Link types of all interfaces, in order. */
  linkTypes: number[];
}

const linkType = fc.constantFrom(0, 1, 101, 108, 113, 228, 229, 276, 147);
const frame = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1000, maxLength: 5000 }) },
);
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const extraLength = fc.integer({ min: 0, max: 100_000 });

export const pcapSample: fc.Arbitrary<Sample> = fc
  .record({
    littleEndian: fc.boolean(),
    variant: fc.constantFrom('micro' as const, 'nano' as const, 'kuznetzov' as const),
    linkType,
    records: fc.array(
      fc.record({
        seconds: u32,
        fraction: fc.integer({ min: 0, max: 999_999_999 }),
        bytes: frame,
        extraLength,
      }),
      { maxLength: 12 },
    ),
  })
  .map(({ records, ...form }) => {
    const isNano = form.variant === 'nano';
    const whole = records.map((r) => ({
      seconds: r.seconds,
      fraction: isNano ? r.fraction : Math.floor(r.fraction / 1000),
      bytes: r.bytes,
      originalLength: r.bytes.length + r.extraLength,
    }));
    return {
      bytes: pcapFile(form, whole),
      linkTypes: [form.linkType],
      packets: whole.map((r, i) => ({
        number: i + 1,
        seconds: r.seconds,
        nanoseconds: isNano ? r.fraction : r.fraction * 1000,
        linkType: form.linkType,
        interfaceId: 0,
        bytes: [...r.bytes],
        originalLength: r.originalLength,
        options: [],
      })),
    };
  });

const anyOption = fc.record({
  code: fc.integer({ min: 1, max: 40_000 }),
  value: fc.uint8Array({ maxLength: 40 }),
});
/** Options whose value is no number, so that their bytes are the same in both byte orders. */
const plainOptions = fc.array(
  anyOption.filter(({ code }) => code > 20 && ![2988, 2989, 19372, 19373].includes(code)),
  { maxLength: 3 },
);

const sectionInterface = fc.record({
  linkType,
  snaplen: fc.constantFrom(0, 64, 262_144),
  resolution: fc.option(
    fc.oneof(
      fc.integer({ min: 0, max: 19 }),
      fc.integer({ min: 0, max: 63 }).map((n) => n | 0x80),
    ),
    { nil: undefined },
  ),
  offset: fc.option(fc.integer({ min: -1_000_000_000, max: 2_000_000_000 }), { nil: undefined }),
  name: fc.option(fc.string({ maxLength: 12 }), { nil: undefined }),
});

const time = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  // Near to each other, as in a real capture.
  fc.bigInt({ min: 1_700_000_000_000_000_000n, max: 1_700_000_010_000_000_000n }),
);

const item = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('enhanced' as const, 'obsolete' as const),
      choice: fc.nat(),
      time,
      bytes: frame,
      extraLength,
      options: plainOptions,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('simple' as const), bytes: frame }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('other' as const),
      type: fc.constantFrom(4, 5, 10, 0x0bad, 0x80000001),
      words: fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 60_000 })),
    }),
  },
);

const section = fc.record({
  littleEndian: fc.boolean(),
  comment: fc.option(fc.string({ maxLength: 30 }), { nil: undefined }),
  interfaces: fc.array(sectionInterface, { minLength: 1, maxLength: 3 }),
  items: fc.array(item, { maxLength: 8 }),
});

type SectionModel = typeof section extends fc.Arbitrary<infer T> ? T : never;
type InterfaceModel = SectionModel['interfaces'][number];

export const pcapngSample: fc.Arbitrary<Sample> = fc
  .array(section, { minLength: 1, maxLength: 3 })
  .map((sections) => {
    const sample = { parts: [] as Uint8Array[], packets: [] as ReadPacket[], linkTypes: [] as number[] };
    for (const model of sections) addSection(sample, model);
    return { bytes: concat(sample.parts), packets: sample.packets, linkTypes: sample.linkTypes };
  });

function addSection(
  sample: { parts: Uint8Array[]; packets: ReadPacket[]; linkTypes: number[] },
  { littleEndian, comment, interfaces, items }: SectionModel,
): void {
  const first = sample.linkTypes.length;
  sample.parts.push(
    sectionHeader(littleEndian, comment === undefined ? [] : [{ code: 1, value: text(comment) }]),
  );
  for (const model of interfaces) {
    sample.linkTypes.push(model.linkType);
    sample.parts.push(
      interfaceBlock(littleEndian, model.linkType, model.snaplen, interfaceOptions(littleEndian, model)),
    );
  }
  const add = (
    id: number,
    fields: Pick<ReadPacket, 'bytes' | 'originalLength' | 'options'>,
    at: bigint | null,
  ): void => {
    const owner = interfaces[id]!;
    sample.packets.push({
      number: sample.packets.length + 1,
      ...expectedTime(owner, at),
      linkType: owner.linkType,
      interfaceId: first + id,
      ...fields,
    });
  };
  for (const model of items) {
    if (model.kind === 'other') {
      sample.parts.push(block(littleEndian, model.type, new Uint8Array(model.words * 4).fill(0x5a)));
    } else if (model.kind === 'simple') {
      const { snaplen } = interfaces[0]!;
      const bytes = snaplen === 0 ? model.bytes : model.bytes.subarray(0, snaplen);
      sample.parts.push(simplePacket(littleEndian, bytes, model.bytes.length));
      add(0, { bytes: [...bytes], originalLength: model.bytes.length, options: [] }, null);
    } else {
      const { bytes, options } = model;
      const id = model.choice % interfaces.length;
      const build = model.kind === 'enhanced' ? enhancedPacket : obsoletePacket;
      const originalLength = bytes.length + model.extraLength;
      sample.parts.push(build(littleEndian, id, model.time, bytes, originalLength, options));
      const plain = options.map(({ code, value }) => ({ code, value: [...value] }));
      add(id, { bytes: [...bytes], originalLength, options: plain }, model.time);
    }
  }
}

function interfaceOptions(littleEndian: boolean, model: InterfaceModel): CaptureOption[] {
  const options: CaptureOption[] = [];
  if (model.name !== undefined) options.push({ code: 2, value: text(model.name) });
  if (model.resolution !== undefined) options.push({ code: 9, value: Uint8Array.of(model.resolution) });
  if (model.offset !== undefined) {
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigInt64(0, BigInt(model.offset), littleEndian);
    options.push({ code: 14, value });
  }
  return options;
}

/** The definition of the draft, in whole numbers. */
function expectedTime(owner: InterfaceModel, at: bigint | null): { seconds: number; nanoseconds: number } {
  if (at === null) return { seconds: 0, nanoseconds: 0 };
  const resolution = owner.resolution ?? 6;
  const base = (resolution & 0x80) === 0 ? 10n : 2n;
  const perSecond = base ** BigInt(resolution & 0x7f);
  return {
    seconds: Number(at / perSecond) + (owner.offset ?? 0),
    nanoseconds: Number(((at % perSecond) * 1_000_000_000n) / perSecond),
  };
}

/**
 * Large segments that go through the pipeline in one piece and are cut where they leave, beside the same segments cut
 * first, in plain code (test/wire/segment-model.ts), and run packet by packet.
 */
import fc from 'fast-check';
import t from 'tap';
import { createCounters } from '../../src/dataplane/counters.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { HEADROOM, PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Pipeline, type PipelineOptions } from '../../src/dataplane/pipeline.js';
import { Tables, type TablesSpec } from '../../src/dataplane/tables.js';
import { Transmitter } from '../../src/device/underlay/transmitter.js';
import { buildPacket } from '../../src/wire/build.js';
import { payloadKernels } from '../../src/wire/payload.js';
import { createSplitter } from '../../src/wire/split.js';
import { plainHop, route, run, tables, tunnel } from '../dataplane/harness.js';
import { finishIp, layoutOf, partialSum, plainSplit, put16, type LargeFrame } from '../wire/segment-model.js';

const spec = tables(
  [
    tunnel('plain', '198.51.100.1', '203.0.113.10'),
    tunnel('keyed', '198.51.100.1', '203.0.113.11', { key: 42, mtu: 1472, dscp: 46, ttl: 255 }),
    tunnel('strict', '198.51.100.2', '203.0.113.12', { checksum: true, sequence: true, mtu: 1468 }),
    tunnel('loose', '198.51.100.2', '203.0.113.13', { clearDontFragment: true }),
    tunnel('six', '2001:db8::1', '2001:db8::2', { mtu: 1456 }),
    plainHop('circuit'),
  ],
  [
    route('10.0.0.0/16', 0),
    route('10.1.0.0/16', 1),
    route('10.2.0.0/16', 0, 1),
    route('10.3.0.0/16', 2),
    route('10.4.0.0/16', 3),
    route('10.5.0.0/16', 4),
    route('10.6.0.0/16', 5),
    route('10.7.0.0/25', 1),
  ],
);
/** The networks above whose tunnels take large segments, to begin with. */
const COMMON = [0, 1, 2];

const FRAME_BYTES = 65_536 + 2 * HEADROOM;
const MOST = 4;
const { slots, vectors, regions } = vectorRegions(1);
const pool = PacketPool.create({ slots, vectors, stagingBytes: MOST * FRAME_BYTES });
const vector = PacketVector.create(pool, regions[0]!);
const splitter = createSplitter(pool.bytes, payloadKernels(pool.memory), false, vector);

interface Outcome {
  /** What left, packet by packet. */
  readonly sent: string[];
  readonly refused: number;
  readonly counters: Float64Array;
  /** Whether the refused segments are as they came. */
  readonly isUntouched: boolean;
}

/** Runs large segments in one piece. */
function runLarge(config: TablesSpec, frames: readonly LargeFrame[], options: PipelineOptions = {}): Outcome {
  const built = Tables.build(config);
  const counters = createCounters(built.tunnelCount);
  const pipeline = new Pipeline(pool, built, counters, options);
  const starts = frames.map((_, i) => pool.stagingOffset + i * FRAME_BYTES + HEADROOM);
  vector.count = frames.length;
  vector.large = true;
  vector.bodies = 0;
  frames.forEach((frame, i) => {
    const offset = starts[i]!;
    pool.bytes.set(frame.bytes, offset);
    vector.offset[i] = offset;
    vector.length[i] = frame.bytes.length;
    vector.link[i] = LinkType.RAW;
    vector.side[i] = Side.OVERLAY;
    vector.bodyOffset[i] = offset + frame.headerLength;
    vector.bodyLength[i] = frame.size;
  });
  pipeline.runLarge(vector);
  const { refused } = vector;
  const hex = (at: number, length: number): string =>
    Buffer.from(pool.bytes.slice(at, at + length)).toString('hex');
  const isUntouched = frames.every(
    ({ bytes }, i) =>
      i < vector.count || hex(starts[i]!, bytes.length) === Buffer.from(bytes).toString('hex'),
  );
  const sent: string[] = [];
  let waiting: (() => string)[] = [];
  const transmitter = new Transmitter(
    pool,
    splitter,
    (offset, length, link, body, bodyLength) => {
      if (link !== LinkType.RAW) throw new Error(`link type ${link}`);
      // Read when they leave: whatever overwrites a waiting packet is seen.
      waiting.push(() => hex(offset, length) + hex(body, bodyLength));
    },
    () => {
      sent.push(...waiting.map((read) => read()));
      waiting = [];
      return 0;
    },
  );
  transmitter.transmit(vector, Side.UNDERLAY);
  if (waiting.length > 0) throw new Error('not flushed');
  return { sent, refused, counters, isUntouched };
}

interface Shape {
  readonly net: number;
  readonly host: number;
  readonly isTcp: boolean;
  readonly flags: number;
  readonly tos: number;
  readonly ttl: number;
  readonly id: number;
  readonly sequence: number;
  readonly dontFragment: boolean;
  readonly options: readonly number[];
  readonly ipOptions: readonly number[];
  readonly port: number;
  readonly size: number;
  readonly payload: number;
}

function frameOf(shape: Shape): LargeFrame {
  const { net, host, isTcp, flags, port, size, options, sequence, ipOptions, ...more } = shape;
  const ip = {
    ...{ source: '192.0.2.1', destination: `10.${net}.0.${host}`, tos: more.tos, ttl: more.ttl, id: more.id },
    ...{ dontFragment: more.dontFragment, options: ipOptions },
  };
  const payload = Uint8Array.from({ length: more.payload }, (_, i) => Math.imul(i + port, 0x9e3779b1) >>> 24);
  const bytes = buildPacket(
    isTcp
      ? { ip, tcp: { sourcePort: port, sequence, ack: true, options }, payload }
      : { ip, udp: { sourcePort: port }, payload },
  );
  const layout = layoutOf(bytes, 0)!;
  if (isTcp) bytes[layout.transport + 13]! |= flags;
  finishIp(bytes, layout);
  put16(bytes, layout.checksum, partialSum(bytes, layout));
  return {
    ...{ flags: 1, type: isTcp ? 1 : 5, headerLength: layout.payload, size, bytes },
    ...{ start: layout.transport, field: layout.checksum - layout.transport },
  };
}

function shapes(nets: readonly number[]): fc.Arbitrary<Shape> {
  const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
  return fc.record({
    net: pick(...nets),
    host: fc.nat(255),
    isTcp: pick(true, true, false),
    /** FIN, PSH, ECE, CWR; now and then SYN. */
    flags: pick(0, 0, 0x08, 0x01, 0x09, 0x40, 0x80, 0xc9, 0x02),
    tos: pick(0, 1, 2, 3, 0xb8),
    ttl: pick(64, 64, 2, 1, 0),
    id: fc.oneof(fc.constant(0xfffe), fc.nat(0xffff)),
    sequence: fc.oneof(fc.constant(0xffff_f000), fc.nat(0xffff_ffff)),
    dontFragment: pick(true, true, false),
    options: pick<readonly number[]>([], [1, 1, 8, 10, 0, 1, 2, 3, 4, 5, 6, 7]),
    ipOptions: pick<readonly number[]>([], [], [], [], [7, 4, 4, 0]),
    port: fc.nat(0xffff),
    size: fc.oneof(pick(1, 536, 1380, 1396, 1424, 1432, 1436, 1448), fc.integer({ min: 1, max: 1500 })),
    payload: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 65_000 })),
  });
}

/** What leaves when they are cut first; only the packets of `frames`, whatever became of them. */
function cutFirst(frames: readonly LargeFrame[]): { sent: string[]; counters: Float64Array } {
  const inputs = frames
    .flatMap((frame) => plainSplit(frame, 0))
    .map((bytes) => ({ bytes, side: Side.OVERLAY, link: LinkType.RAW }));
  const { outcomes, counters } = run(spec, inputs);
  return { sent: outcomes.flatMap(({ outputs }) => outputs.map(({ hex }) => hex)), counters };
}

/** A segment of one byte makes 65,000 packets, which says no more than a thousand do. */
const isBearable = ({ payload, size }: Shape): boolean => payload / size < 1000;

void t.test('large segments in one piece leave as the packets do that they are cut into', async (t) => {
  let delivered = 0;
  let partly = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(shapes(COMMON).filter(isBearable), { minLength: 1, maxLength: MOST }),
        fc.array(shapes([0, 1, 2, 3, 4, 5, 6, 7, 8]).filter(isBearable), { minLength: 1, maxLength: MOST }),
      ),
      (all) => {
        const frames = all.map(frameOf);
        const large = runLarge(spec, frames);
        const done = frames.length - large.refused;
        delivered += done;
        if (done > 0 && large.refused > 0) partly++;
        const expected = cutFirst(frames.slice(0, done));
        return (
          large.isUntouched &&
          JSON.stringify(large.sent) === JSON.stringify(expected.sent) &&
          large.counters.every((value, k) => value === expected.counters[k])
        );
      },
    ),
    { numRuns: 600 },
  );
  t.ok(delivered > 300, `${delivered} large segments delivered in one piece`);
  t.ok(partly > 30, `${partly} times only the first ones`);
});

void t.test('who takes large segments, and who does not', async (t) => {
  const common: Shape = {
    ...{ net: 0, host: 1, isTcp: true, flags: 0, tos: 0, ttl: 64, id: 7, sequence: 1, dontFragment: true },
    ...{ options: [], ipOptions: [], port: 1234, size: 1400, payload: 60_000 },
  };
  const refused = (shape: Partial<Shape>, options: PipelineOptions = {}): number =>
    runLarge(spec, [frameOf({ ...common, ...shape })], options).refused;
  t.equal(refused({}), 0, 'TCP into a plain tunnel');
  t.equal(refused({ net: 1 }), 0, 'into one with a key');
  t.equal(refused({ isTcp: false }), 0, 'UDP');
  t.equal(refused({ size: 1436 }), 0, 'segments as long as the tunnel takes');
  t.equal(refused({ size: 1437 }), 1, 'one byte more');
  t.equal(refused({ ttl: 1 }), 0, 'a TTL is not ours to end where packets come from the overlay');
  t.equal(refused({ flags: 2 }), 1, 'SYN');
  t.equal(refused({ ipOptions: [7, 4, 4, 0] }), 1, 'IP options');
  t.equal(refused({ net: 3 }), 1, 'a tunnel with checksum and sequence');
  t.equal(refused({ net: 4 }), 1, 'a tunnel that clears DF');
  t.equal(refused({ net: 5 }), 1, 'an IPv6 tunnel');
  t.equal(refused({ net: 6 }), 1, 'a circuit');
  t.equal(refused({ net: 8 }), 1, 'no route');
  t.equal(refused({}, { carefulOnly: true }), 1, 'the careful path');
  t.equal(refused({}, { steer: () => undefined }), 1, 'somebody who wants to see each packet');
  t.equal(
    runLarge(
      spec,
      [3, 0, 0].map((net) => frameOf({ ...common, net })),
    ).refused,
    3,
    'nothing overtakes',
  );
});

import fc from 'fast-check';
import { test } from 'tap';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { Verdict } from '../../src/dataplane/verdicts.js';
import { CaptureRing, createCapture, type CaptureRecord } from '../../src/observability/capture-ring.js';
import { CaptureRings, type CaptureFilter } from '../../src/observability/capture-session.js';
import { CaptureTap } from '../../src/observability/capture-tap.js';

const ALL: CaptureFilter = { tunnel: null, verdict: null, direction: 'both', snaplen: 262_144 };

function emptyRecord(): CaptureRecord {
  return {
    ...{ originalLength: 0, linkType: 0, side: 0, direction: 0, verdict: 0 },
    ...{ tunnelIn: -1, tunnelOut: -1, generation: 0, timeMs: 0 },
  };
}

test('a ring hands over whole records in order, or counts them as lost', (t) => {
  const operations = fc.array(fc.oneof(fc.integer({ min: 0, max: 300_000 }), fc.constant(-1)), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(operations, (sizes) => {
      const ring = new CaptureRing(createCapture());
      const source = new Uint8Array(300_000);
      const expected: { size: number; mark: number }[] = [];
      const record = emptyRecord();
      let lost = 0;
      let mark = 0;
      const takeOne = (): boolean => {
        const taken = emptyRecord();
        const bytes = ring.take(taken);
        const want = expected.shift();
        if (bytes === null || want === undefined) return bytes === null && want === undefined;
        if (taken.originalLength !== want.mark || bytes.length !== want.size) return false;
        return bytes.every((byte) => byte === (want.mark & 0xff));
      };
      for (const size of sizes) {
        if (size < 0) {
          if (!takeOne()) return false;
          continue;
        }
        record.originalLength = ++mark;
        source.fill(mark & 0xff, 0, size);
        ring.put(record, source, 0, size);
        const lostNow = Atomics.load(ring.control, 7);
        if (lostNow === lost) expected.push({ size, mark });
        lost = lostNow;
      }
      while (expected.length > 0) if (!takeOne()) return false;
      return ring.take(emptyRecord()) === null;
    }),
    { numRuns: 60 },
  );
  t.end();
});

/** A vector with a delivered packet out of tunnel 0, a dropped one, and one into tunnel 1 with a fragment. */
function world() {
  const { slots, vectors, regions } = vectorRegions(1);
  const pool = PacketPool.create({ slots, vectors });
  const vector = PacketVector.create(pool, regions[0]!);
  const frames = [
    { verdict: Verdict.delivered_overlay, tunnelIn: 0, tunnelOut: -1, side: Side.UNDERLAY, out: 40 },
    { verdict: Verdict.no_route, tunnelIn: -1, tunnelOut: -1, side: Side.OVERLAY, out: 0 },
    { verdict: Verdict.delivered_underlay, tunnelIn: -1, tunnelOut: 1, side: Side.OVERLAY, out: 0 },
  ];
  vector.count = frames.length;
  frames.forEach((frame, i) => {
    vector.offset[i] = pool.frameOffset(i, 0);
    vector.length[i] = 60 + i;
    vector.link[i] = LinkType.RAW;
    vector.side[i] = frame.side;
    pool.bytes.fill(i + 1, vector.offset[i], vector.offset[i] + 60 + i);
  });
  const judge = (): void => {
    frames.forEach((frame, i) => {
      vector.verdict[i] = frame.verdict;
      vector.tunnelIn[i] = frame.tunnelIn;
      vector.tunnelOut[i] = frame.tunnelOut;
      vector.outOffset[i] = vector.offset[i]! + 20;
      vector.outLength[i] = frame.out;
      vector.outLink[i] = LinkType.RAW;
      pool.bytes.fill(0xee, vector.offset[i], vector.offset[i]! + 20);
    });
    vector.extraCount = 1;
    vector.extraParent[0] = 2;
    vector.extraOffset[0] = pool.frameOffset(300, 0);
    vector.extraLength[0] = 33;
    vector.extraLink[0] = LinkType.RAW;
    vector.extraSide[0] = Side.UNDERLAY;
  };
  return { pool, vector, judge };
}

function capture(filter: CaptureFilter) {
  const { pool, vector, judge } = world();
  const rings = new CaptureRings();
  const tap = new CaptureTap(rings.shared(0), pool, 5);
  const names = { generation: 5, names: ['acme', 'globex'] };
  const session = rings.start(filter, names)!;
  tap.before(vector);
  judge();
  tap.after(vector);
  return { packets: session.poll(names), session, rings, tap, names };
}

test('frames as received and as sent, with their verdicts and tunnels', (t) => {
  const { packets, session, rings, tap, names } = capture(ALL);
  t.strictSame(
    packets.map((p) => [p.direction, p.side, p.verdict, p.tunnelIn, p.tunnelOut, p.originalLength]),
    [
      ['in', 'underlay', 'delivered_overlay', 'acme', null, 60],
      ['out', 'overlay', 'delivered_overlay', 'acme', null, 40],
      ['in', 'overlay', 'no_route', null, null, 61],
      ['in', 'overlay', 'delivered_underlay', null, 'globex', 62],
      ['out', 'underlay', 'delivered_underlay', null, 'globex', 33],
    ],
  );
  t.ok(
    packets[0]!.bytes.every((byte) => byte === 1),
    'as it arrived, not as the pipeline left it',
  );
  t.ok(tap.active);
  t.equal(rings.start(ALL, names), null, 'one at a time');
  session.end();
  t.notOk(tap.active);
  t.not(rings.start(ALL, names), null);
  t.end();
});

test('filters', (t) => {
  const lengths = (filter: Partial<CaptureFilter>) =>
    capture({ ...ALL, ...filter }).packets.map((p) => p.originalLength);
  t.strictSame(lengths({ tunnel: 'globex' }), [62, 33]);
  t.strictSame(lengths({ tunnel: 'acme', direction: 'in' }), [60]);
  t.strictSame(lengths({ verdict: 'dropped' }), [61]);
  t.strictSame(lengths({ verdict: 'delivered', direction: 'out' }), [40, 33]);
  t.strictSame(lengths({ verdict: 'no_route' }), [61]);
  t.strictSame(lengths({ tunnel: 'gone' }), []);
  t.strictSame(
    capture({ ...ALL, snaplen: 10 }).packets.map((p) => p.bytes.length),
    [10, 10, 10, 10, 10],
  );
  t.end();
});

test('after a reload tunnels have other numbers', (t) => {
  const { pool, vector, judge } = world();
  const rings = new CaptureRings();
  const session = rings.start(
    { ...ALL, tunnel: 'globex', direction: 'in' },
    { generation: 1, names: ['acme', 'globex'] },
  )!;
  const before = new CaptureTap(rings.shared(0), pool, 1);
  before.before(vector);
  judge();
  before.after(vector);
  const now = { generation: 2, names: ['globex'] };
  t.strictSame(
    session.poll(now).map((p) => p.tunnelOut),
    ['globex'],
    'numbered by the old configuration',
  );
  const after = new CaptureTap(rings.shared(0), pool, 2);
  after.before(vector);
  judge();
  after.after(vector);
  t.strictSame(
    session.poll(now).map((p) => [p.tunnelIn, p.originalLength]),
    [['globex', 60]],
  );
  t.end();
});

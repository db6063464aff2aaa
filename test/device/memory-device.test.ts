import { test } from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Verdict } from '../../src/dataplane/verdicts.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { text } from './capture-bytes.js';

function setUp(): { pool: PacketPool; vectors: PacketVector[]; device: MemoryDevice } {
  const { slots, vectors, regions } = vectorRegions(2);
  const pool = PacketPool.create({ slots, vectors });
  return {
    pool,
    vectors: regions.map((region) => PacketVector.create(pool, region)),
    device: new MemoryDevice(pool),
  };
}

test('a packet leaves on the side that its verdict says, an answer on the one it came from', async (t) => {
  const [vector] = setUp().vectors;
  const outSide = (verdict: number, side: number, length = 20): number => {
    vector!.verdict[0] = verdict;
    vector!.side[0] = side;
    vector!.outLength[0] = length;
    return vector!.outSide(0);
  };
  for (const side of [Side.UNDERLAY, Side.OVERLAY]) {
    t.equal(outSide(Verdict.delivered_overlay, side), Side.OVERLAY);
    t.equal(outSide(Verdict.delivered_underlay, side), Side.UNDERLAY);
    t.equal(outSide(Verdict.delivered_underlay, side, 0), -1, 'left as fragments');
    t.equal(outSide(Verdict.answered_echo, side), side);
    t.equal(outSide(Verdict.answered_keepalive, side), side);
    t.equal(outSide(Verdict.no_route, side), -1);
    t.equal(outSide(Verdict.mtu_exceeded, side, 0), -1);
  }
});

test('frames pushed in are received in order, as many as fit', async (t) => {
  const { pool, vectors, device } = setUp();
  t.match(device, { name: 'memory', mtu: 1500, linkType: LinkType.RAW });
  t.equal(device.receive(vectors[0]!, Side.UNDERLAY), 0);
  for (let i = 0; i < 300; i++)
    device.push(Uint8Array.of(i & 0xff, i >> 8), i === 299 ? LinkType.ETHERNET : undefined);
  t.equal(device.pending, 300);
  t.equal(device.receive(vectors[0]!, Side.UNDERLAY), 256);
  t.equal(device.pending, 44);
  t.equal(device.receive(vectors[1]!, Side.OVERLAY), 44);
  const last = vectors[1]!.offset[43]!;
  t.strictSame([...pool.bytes.slice(last, last + 2)], [299 & 0xff, 1]);
  t.equal(vectors[1]!.link[43], LinkType.ETHERNET);
  t.equal(vectors[1]!.side[43], Side.OVERLAY);
  t.equal(device.receive(vectors[1]!, Side.OVERLAY), 0);
  t.equal(vectors[1]!.count, 0, 'the vector is emptied');
});

test('what was delivered to a side is sent there, extras in their places', async (t) => {
  const { pool, vectors, device } = setUp();
  const vector = vectors[0]!;
  for (const name of ['a', 'b', 'c', 'd']) device.push(text(name));
  device.receive(vector, Side.UNDERLAY);
  const verdicts = [
    Verdict.delivered_overlay,
    Verdict.delivered_underlay,
    Verdict.mtu_exceeded,
    Verdict.delivered_underlay,
  ];
  for (const [i, verdict] of verdicts.entries()) {
    vector.verdict[i] = verdict;
    vector.outOffset[i] = vector.offset[i]!;
    // The second left as fragments, the third was dropped.
    vector.outLength[i] = i === 1 || i === 2 ? 0 : 1;
    vector.outLink[i] = LinkType.RAW;
  }
  const extras = [
    [1, Side.UNDERLAY, 'x'],
    [1, Side.UNDERLAY, 'y'],
    [2, Side.OVERLAY, 'z'],
  ] as const;
  for (const [i, [parent, side, name]] of extras.entries()) {
    const offset = pool.frameOffset(vector.region.firstExtraSlot + i, 0);
    pool.bytes.set(text(name), offset);
    vector.extraParent[i] = parent;
    vector.extraOffset[i] = offset;
    vector.extraLength[i] = 1;
    vector.extraLink[i] = LinkType.ETHERNET;
    vector.extraSide[i] = side;
  }
  vector.extraCount = extras.length;

  const taken = (): [string, number][] =>
    device.take().map(({ bytes, linkType }) => [new TextDecoder().decode(bytes), linkType]);
  t.equal(device.transmit(vector, Side.UNDERLAY), 3);
  t.strictSame(taken(), [
    ['x', LinkType.ETHERNET],
    ['y', LinkType.ETHERNET],
    ['d', LinkType.RAW],
  ]);
  t.equal(device.transmit(vector, Side.OVERLAY), 2);
  t.strictSame(taken(), [
    ['a', LinkType.RAW],
    ['z', LinkType.ETHERNET],
  ]);
  t.strictSame(taken(), []);
  device.push(text('late'));
  device.close();
  t.equal(device.pending, 0);
});

/** The way of a probe through a worker: in by the inlet, out through its tunnel; and its answer, to the main thread. */
import t from 'tap';
import { PacketQueue } from '../../src/daemon/packet-queue.js';
import { answerTaker } from '../../src/daemon/probe-answers.js';
import { ProbeInlet } from '../../src/daemon/probe-inlet.js';
import { createCounters } from '../../src/dataplane/counters.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { Tables } from '../../src/dataplane/tables.js';
import { Verdict } from '../../src/dataplane/verdicts.js';
import type { Port } from '../../src/device/port.js';
import { mayBeAnswer, PROBE_BYTES, writeProbe } from '../../src/network/health/probe.js';
import { sipKey } from '../../src/network/health/siphash.js';
import { addressBytes, buildPacket } from '../../src/wire/build.js';
import { route, tables, tunnel } from '../dataplane/harness.js';

const KEY = sipKey(new Uint8Array(16));
const OURS = '10.100.0.2';
const THEIRS = '10.100.0.3';
const ADDRESSES = { ours: addressBytes(OURS), theirs: addressBytes(THEIRS) };
const PROBE = { pop: 1, server: 0, target: 0, sequence: 7, sent: 123_456_789 };

const SPEC = tables(
  [tunnel('other', '198.51.100.1', '203.0.113.9'), tunnel('probed', '198.51.100.1', '203.0.113.10')],
  // Neither this nor our own address leads a probe astray.
  [route('10.0.0.0/8', 0)],
  1,
  [{ address: addressBytes(OURS), tunnel: 1 }],
);

function idlePort(): Port & { asked: number } {
  return {
    ...{ name: 'idle', mtu: 1500, linkType: LinkType.RAW, counters: new Float64Array(0), pollFds: [] },
    ...{ waitMs: Infinity, transmit: () => 0, close: () => undefined, asked: 0 },
    receive(vector) {
      this.asked++;
      vector.count = 0;
      return 0;
    },
  };
}

/** A worker's parts, as far as probes meet them. */
function worker() {
  const { slots, vectors, regions } = vectorRegions(1);
  const pool = PacketPool.create({ slots, vectors });
  const vector = PacketVector.create(pool, regions[0]!);
  const answers = PacketQueue.create(4);
  let told = 0;
  const pipeline = new Pipeline(pool, Tables.build(SPEC), createCounters(SPEC.tunnels.length), {
    takeLocal: answerTaker(answers, () => told++),
  });
  return { pool, vector, answers, pipeline, told: () => told };
}

function packetAt(pool: PacketPool, at: number, length: number): Uint8Array {
  return pool.bytes.slice(at, at + length);
}

for (const type of ['reply', 'request'] as const) {
  t.test(`a probe of type ${type}, and its answer`, async (t) => {
    const { pool, vector, answers, pipeline, told } = worker();
    const probes = PacketQueue.create(4);
    const port = idlePort();
    const inlet = new ProbeInlet(port, PacketQueue.open(probes.share()), pool);
    t.equal(inlet.receive(vector, Side.OVERLAY), 0);
    t.equal(port.asked, 1, 'without probes it is the port that it was');
    t.equal(inlet.waitMs, Infinity);

    const bytes = new Uint8Array(PROBE_BYTES[6]);
    const length = writeProbe(bytes, 0, type, ADDRESSES, PROBE, KEY);
    t.ok(probes.put(bytes, 0, length, 1, PROBE.sent));
    t.equal(inlet.waitMs, 0);
    t.equal(inlet.receive(vector, Side.OVERLAY), 1);
    t.ok(probes.isEmpty);
    pipeline.run(vector, 0);
    t.equal(vector.verdict[0], Verdict.delivered_underlay);
    t.equal(vector.tunnelOut[0], 1, 'through its tunnel, wherever the routes lead');
    const outer = packetAt(pool, vector.outOffset[0]!, vector.outLength[0]!);
    t.strictSame(outer.slice(24), bytes.slice(0, length), 'as it was written, TTL and all');

    // The other side sends it back, as a reply between the same addresses.
    const answer = new Uint8Array(PROBE_BYTES[6]);
    const size = writeProbe(answer, 0, 'reply', ADDRESSES, PROBE, KEY);
    const back = buildPacket({
      ip: { source: '203.0.113.10', destination: '198.51.100.1' },
      gre: {},
      payload: answer.slice(0, size),
    });
    const offset = pool.frameOffset(vector.region.firstSlot, 0);
    pool.bytes.set(back, offset);
    vector.count = 1;
    vector.offset[0] = offset;
    vector.length[0] = back.length;
    vector.link[0] = LinkType.RAW;
    vector.side[0] = Side.UNDERLAY;
    pipeline.run(vector, 0);
    t.equal(vector.verdict[0], Verdict.delivered_overlay);
    t.equal(vector.outSide(0), -1, 'the overlay does not get it');
    t.equal(told(), 1);
    t.ok(answers.take());
    t.equal(answers.tunnel, 1);
    t.strictSame(answers.bytes.slice(answers.at, answers.at + answers.length), answer.slice(0, size));
  });
}

t.test('what is no answer is none', async (t) => {
  const answers = PacketQueue.create(1);
  let told = 0;
  const take = answerTaker(answers, () => told++);
  const ip = { source: THEIRS, destination: OURS };
  const request = buildPacket({ ip, icmp: { type: 8, id: 1, sequence: 1 }, payload: new Uint8Array(36) });
  const reply = buildPacket({ ip, icmp: { type: 0, id: 1, sequence: 1 }, payload: new Uint8Array(36) });
  const empty = buildPacket({ ip, icmp: { type: 0, id: 1, sequence: 1 } });
  for (const packet of [request, reply, empty]) t.notOk(take(packet, 0, packet.length, 1));
  const answer = new Uint8Array(PROBE_BYTES[6]);
  const length = writeProbe(answer, 0, 'reply', ADDRESSES, PROBE, KEY);
  t.notOk(take(answer, 0, length, -1), 'nor is what came from elsewhere than a tunnel');
  t.equal(told, 0);
  t.ok(take(answer, 0, length, 1));
  t.ok(take(answer, 0, length, 1), 'one that has no room in the queue is taken all the same');
  t.equal(told, 1);
  t.equal(answers.count, 1);
  const six = { ours: addressBytes('2001:db8::'), theirs: addressBytes('2001:db8::1') };
  t.ok(mayBeAnswer(answer, 0, writeProbe(answer, 0, 'reply', six, PROBE, KEY)), 'over IPv6 too');
});

/** Receives from one AF_XDP socket: packets stay in the chunks where the kernel has put them. */
import type { PacketPool } from '../../dataplane/packet-pool.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import type { XdpCalls } from '../native/xdp-calls.js';
import { putFrame } from '../af-packet/put-frame.js';
import type { Receiver } from '../underlay/receive-turns.js';

/** Packets that one receive takes at most. */
const RECEIVE_PACKETS = 64;
/** Chunks that are kept back from receiving, for packets that must be copied into one to be sent. */
const RESERVED_CHUNKS = 256;
const NOTHING = new Int32Array(0);

export class XdpReceiver implements Receiver {
  constructor(
    private readonly calls: Pick<XdpCalls, 'xdpReceive'>,
    private readonly pool: PacketPool,
    private readonly layout: Int32Array,
    private readonly counters: Float64Array,
  ) {
    // The kernel has chunks to receive into before the first call; what a former worker had in hand is given up.
    calls.xdpReceive(pool.bytes, layout, NOTHING, NOTHING, 0, RESERVED_CHUNKS);
  }

  receive(vector: PacketVector, side: number): number {
    const { calls, pool, layout, counters } = this;
    const { bytes } = pool;
    const { offset, length } = vector;
    const got = calls.xdpReceive(bytes, layout, offset, length, RECEIVE_PACKETS, RESERVED_CHUNKS);
    let count = 0;
    for (let i = 0; i < got; i++) {
      count = putFrame(bytes, vector, count, offset[i]!, length[i]!, side, counters);
    }
    return count;
  }
}

/** Receives from one AF_XDP socket: packets stay in the chunks where the kernel has put them. */
import type { PacketPool } from '../../dataplane/packet-pool.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import type { PinCalls, Pinned } from '../native/pin-calls.js';
import type { XdpCalls } from '../native/xdp-calls.js';
import { putFrame } from '../af-packet/put-frame.js';
import type { Receiver } from '../underlay/receive-turns.js';

/** Packets that one receive takes at most. */
const RECEIVE_PACKETS = 64;
/** Chunks that are kept back from receiving, for packets that must be copied into one to be sent. */
const RESERVED_CHUNKS = 256;
const NOTHING = new Int32Array(0);

export class XdpReceiver implements Receiver {
  private readonly memory: Pinned<Uint8Array>;
  private readonly offsets: Pinned<Int32Array>;
  private readonly lengths: Pinned<Int32Array>;

  /** @param vector into which is received */
  constructor(
    private readonly calls: PinCalls & Pick<XdpCalls, 'xdpReceive'>,
    private readonly pool: PacketPool,
    private readonly layout: Pinned<Int32Array>,
    vector: PacketVector,
    private readonly counters: Float64Array,
  ) {
    this.memory = calls.pin(pool.bytes);
    this.offsets = calls.pin(vector.offset);
    this.lengths = calls.pin(vector.length);
    // The kernel has chunks to receive into before the first call; what a former worker had in hand is given up.
    calls.xdpReceive(pool.bytes, layout, NOTHING, NOTHING, 0, RESERVED_CHUNKS);
  }

  receive(vector: PacketVector, side: number): number {
    const { calls, pool, memory, layout, offsets, lengths, counters } = this;
    const { bytes } = pool;
    const { offset, length } = vector;
    const got = calls.xdpReceive(memory, layout, offsets, lengths, RECEIVE_PACKETS, RESERVED_CHUNKS);
    let count = 0;
    for (let i = 0; i < got; i++) {
      count = putFrame(bytes, vector, count, offset[i]!, length[i]!, side, counters);
    }
    return count;
  }
}

/**
 * What the pipeline has delivered to an underlay port, packet by packet. Large segments that came through in one piece
 * (PacketVector.large) are cut here, as late as can be: each packet gets headers of its own, the outer one among them;
 * payload stays where the kernel has put it.
 */
import type { PacketPool } from '../../dataplane/packet-pool.js';
import { VECTOR_SIZE, type PacketVector } from '../../dataplane/packet-vector.js';
import { putIpv4Length } from '../../wire/ipv4-length.js';
import type { Splitter } from '../../wire/split.js';
import { forEachDeliveredInPieces, type SendFrame } from '../device.js';

/** Packets that are made and then sent at a time: payload that has been summed is still in the cache. */
const BATCH = 64;

/**
 * Where they are noted meanwhile: at the end of the vector's own arrays, at the beginning of which are the large segments
 * (as many as one read brings at most, TUN_FRAMES).
 */
const FIRST = VECTOR_SIZE - BATCH;

export class Transmitter {
  /**
   * @param splitter whose bodies are those of the vectors with large segments
   * @param send takes a packet
   * @param flush has all leave that were taken, and returns their number
   */
  constructor(
    private readonly pool: PacketPool,
    private readonly splitter: Splitter,
    private readonly send: SendFrame,
    private readonly flush: () => number,
  ) {}

  /** Sends what the vector has for `side`, in order; returns the number of packets that left. */
  transmit(vector: PacketVector, side: number): number {
    if (vector.large) return this.cut(vector);
    forEachDeliveredInPieces(vector, side, this.send);
    return this.flush();
  }

  private cut(vector: PacketVector): number {
    const { splitter, send } = this;
    const { count, offset, length, outOffset, outLength, outLink, bodyOffset, bodyLength } = vector;
    let waiting = 0;
    let sent = 0;
    for (let i = 0; i < count; i++) {
      splitter.resume(outOffset[i]!, outLength[i]!, offset[i]!, bodyOffset[i]!, bodyLength[i]!);
      while (splitter.left() > 0) {
        const end = waiting + this.take(vector, waiting);
        for (; waiting < end; waiting++) {
          const k = FIRST + waiting;
          const body = bodyLength[k]!;
          send(offset[k]!, length[k]! - body, outLink[i]!, bodyOffset[k]!, body);
        }
        if (waiting < BATCH) continue;
        // The next headers go to the same slots of the vector's region.
        sent += this.flush();
        waiting = 0;
      }
    }
    return waiting > 0 ? sent + this.flush() : sent;
  }

  /** Makes packets, of which the first is number `first`; returns how many. */
  private take(vector: PacketVector, first: number): number {
    const { pool } = this;
    const { offset, length, region } = vector;
    const to = pool.frameOffset(region.firstSlot + first, 0);
    const taken = this.splitter.take(offset, length, FIRST + first, BATCH - first, to, pool.stride);
    // The outer header is that of a full packet; the last one may be shorter.
    const last = FIRST + first + taken - 1;
    putIpv4Length(pool.bytes, offset[last]!, length[last]!);
    return taken;
  }
}

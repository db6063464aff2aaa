/** Receives from the ring of an AF_PACKET socket: frames stay where the kernel has put them. */
import type { PacketPool } from '../../dataplane/packet-pool.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import { DeviceCount } from '../device-counters.js';
import type { PinCalls, Pinned } from '../native/pin-calls.js';
import { BATCH_PACKETS, type SocketCalls } from '../native/socket-calls.js';
import type { RingCalls } from '../native/xdp-calls.js';
import type { Receiver } from '../underlay/receive-turns.js';
import { packetStatistics, socketError } from '../underlay/socket-options.js';
import { frameRingBytes, FrameRingState, largestFrame, type FrameRing } from './frame-ring.js';
import { putFrame } from './put-frame.js';

/** Of so many receives in a row without a frame one asks for the socket's error: the second. */
const FRUITLESS = 16;

export interface PacketReceiverOptions {
  readonly calls: PinCalls & RingCalls & SocketCalls;
  readonly pool: PacketPool;
  /** Into which is received. */
  readonly vector: PacketVector;
  readonly counters: Float64Array;
  readonly ring: FrameRing;
  /** Where in the pool the ring is to lie: the first byte of a page. */
  readonly offset: number;
}

export class PacketReceiver implements Receiver {
  private readonly room: number;
  private readonly memory: Pinned<Uint8Array>;
  private readonly state: Pinned<Int32Array>;
  private readonly offsets: Pinned<Int32Array>;
  private readonly lengths: Pinned<Int32Array>;
  private fruitless = 0;

  /** @throws SystemError, RangeError when there is no room or the pool is no WebAssembly memory */
  constructor(private readonly options: PacketReceiverOptions) {
    const { calls, pool, vector, ring, offset } = options;
    calls.ringMap(pool.bytes, offset, frameRingBytes(ring.state), ring.fd);
    ring.state[FrameRingState.OFFSET] = offset;
    this.room = largestFrame(ring.state);
    this.memory = calls.pin(pool.bytes);
    this.state = calls.pin(ring.state);
    this.offsets = calls.pin(vector.offset);
    this.lengths = calls.pin(vector.length);
  }

  receive(vector: PacketVector, side: number): number {
    const { calls, pool, counters, ring } = this.options;
    const { memory, state, offsets, lengths } = this;
    const got = calls.frameRingReceive(memory, state, offsets, lengths, BATCH_PACKETS);
    if (got === 0) {
      ring.state[FrameRingState.WAITING] = 0;
      // An error (the interface went down) would keep poll from waiting. It is not ours to repair: the socket works
      // again when the interface is up.
      if (++this.fruitless % FRUITLESS === 2) socketError(calls, ring.fd);
      return 0;
    }
    this.fruitless = 0;
    const { bytes } = pool;
    const { offset, length } = vector;
    let count = 0;
    for (let i = 0; i < got; i++) {
      if (length[i]! > this.room) counters[DeviceCount.rx_dropped_oversized]! += 1;
      else count = putFrame(bytes, vector, count, offset[i]!, length[i]!, side, counters);
    }
    return count;
  }

  /** Frames that found the ring full since it was made, modulo 2³²; notes how many wait. */
  dropped(): number {
    const { calls, ring } = this.options;
    ring.state[FrameRingState.WAITING] = calls.frameRingFilled(this.memory, this.state);
    ring.state[FrameRingState.DROPPED]! += packetStatistics(calls, ring.fd)[1];
    return ring.state[FrameRingState.DROPPED]!;
  }

  /** Leaves the ring, and what waits in it, to whoever receives next. */
  close(): void {
    const { calls, pool, ring, offset } = this.options;
    calls.poolUnmap(pool.bytes, offset, frameRingBytes(ring.state));
  }
}

/**
 * A few short packets on their way from one thread to another, in shared memory: probes to a worker, their answers
 * back. One thread puts them in, one takes them out; neither waits, and a queue that is full takes no more.
 */

/** Longest packet, bytes: a probe over IPv6, or an answer over IPv4 with all options that a header can have. */
export const QUEUED_BYTES = 112;

const TIME = 0;
const TUNNEL = 8;
const LENGTH = 12;
const PACKET = 16;
const SLOT = PACKET + QUEUED_BYTES;

const HEAD = 0;
const TAIL = 1;

/** What another thread needs to open a queue: structured-cloneable. */
export interface SharedPacketQueue {
  /** Packets taken out and put in so far, 32 bits each. */
  readonly ends: Int32Array;
  readonly slots: SharedArrayBuffer;
}

export class PacketQueue {
  // Of the packet that `take` found, until `done`.
  /** Where it lies, and how long it is. */
  readonly bytes: Uint8Array;
  at = 0;
  length = 0;
  tunnel = 0;
  /** As it was put in; whole nanoseconds. */
  time = 0;
  private readonly view: DataView;
  private readonly size: number;

  private constructor(private readonly shared: SharedPacketQueue) {
    this.bytes = new Uint8Array(shared.slots);
    this.view = new DataView(shared.slots);
    this.size = shared.slots.byteLength / SLOT;
  }

  /** @param size packets that it holds, a power of two */
  static create(size: number): PacketQueue {
    return new PacketQueue({
      ends: new Int32Array(new SharedArrayBuffer(8)),
      slots: new SharedArrayBuffer(size * SLOT),
    });
  }

  static open(shared: SharedPacketQueue): PacketQueue {
    return new PacketQueue(shared);
  }

  share(): SharedPacketQueue {
    return this.shared;
  }

  /** Packets in it. */
  get count(): number {
    const { ends } = this.shared;
    return (Atomics.load(ends, TAIL) - Atomics.load(ends, HEAD)) | 0;
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** False, and nothing is put in, when the queue is full or the packet is longer than QUEUED_BYTES. */
  put(bytes: Uint8Array, at: number, length: number, tunnel: number, time: number): boolean {
    const { ends } = this.shared;
    if (length > QUEUED_BYTES || this.count >= this.size) return false;
    const tail = Atomics.load(ends, TAIL);
    const slot = this.slotOf(tail);
    this.view.setFloat64(slot + TIME, time, true);
    this.view.setInt32(slot + TUNNEL, tunnel, true);
    this.view.setInt32(slot + LENGTH, length, true);
    for (let i = 0; i < length; i++) this.bytes[slot + PACKET + i] = bytes[at + i]!;
    Atomics.store(ends, TAIL, (tail + 1) | 0);
    return true;
  }

  /** Looks for a packet; one that is there is described by the fields until `done`. */
  take(): boolean {
    if (this.isEmpty) return false;
    const slot = this.slotOf(Atomics.load(this.shared.ends, HEAD));
    this.time = this.view.getFloat64(slot + TIME, true);
    this.tunnel = this.view.getInt32(slot + TUNNEL, true);
    this.length = this.view.getInt32(slot + LENGTH, true);
    this.at = slot + PACKET;
    return true;
  }

  /** Gives the place of the packet that `take` showed free. */
  done(): void {
    const { ends } = this.shared;
    Atomics.store(ends, HEAD, (Atomics.load(ends, HEAD) + 1) | 0);
  }

  private slotOf(number: number): number {
    return (number & (this.size - 1)) * SLOT;
  }
}

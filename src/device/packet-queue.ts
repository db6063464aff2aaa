const HEADER_BYTES = 16;

/**
 * Packets with their times, one behind the other in one block of memory of fixed size.
 * Each is 16 bytes of header (seconds as a 64-bit float, nanoseconds, length), then the frame.
 */
export class PacketQueue {
  readonly data: Uint8Array;
  private readonly view: DataView;
  private readAt = 0;
  private writeAt = 0;

  // The packet that shift() took.
  position = 0;
  length = 0;
  seconds = 0;
  nanoseconds = 0;

  constructor(bytes: number) {
    this.data = new Uint8Array(bytes);
    this.view = new DataView(this.data.buffer);
  }

  get isEmpty(): boolean {
    return this.readAt === this.writeAt;
  }

  /** Adds the first `length` bytes of `frame`; false when there is no room. */
  push(seconds: number, nanoseconds: number, frame: Uint8Array, length: number): boolean {
    const at = this.writeAt;
    const end = at + HEADER_BYTES + length;
    if (end > this.data.length) return false;
    this.view.setFloat64(at, seconds, true);
    this.view.setUint32(at + 8, nanoseconds, true);
    this.view.setUint32(at + 12, length, true);
    this.data.set(frame.subarray(0, length), at + HEADER_BYTES);
    this.writeAt = end;
    return true;
  }

  /** Goes to the next packet; false when there is none. Its bytes stay until clear(). */
  shift(): boolean {
    if (this.isEmpty) return false;
    const at = this.readAt;
    this.seconds = this.view.getFloat64(at, true);
    this.nanoseconds = this.view.getUint32(at + 8, true);
    this.length = this.view.getUint32(at + 12, true);
    this.position = at + HEADER_BYTES;
    this.readAt = this.position + this.length;
    return true;
  }

  clear(): void {
    this.readAt = 0;
    this.writeAt = 0;
  }
}

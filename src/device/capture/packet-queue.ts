const HEADER_BYTES = 16;

/**
 * Packets that wait to be written, as records of a little-endian nanosecond pcap file, in one block of
 * memory of fixed size.
 */
export class PacketQueue {
  private readonly data: Uint8Array;
  private readonly view: DataView;
  private start = 0;
  private end = 0;

  constructor(bytes: number) {
    this.data = new Uint8Array(bytes);
    this.view = new DataView(this.data.buffer);
  }

  /** Bytes that wait. */
  get size(): number {
    return this.end - this.start;
  }

  /** Adds the first `length` bytes of `frame`; false when there is no room. */
  push(seconds: number, nanoseconds: number, frame: Uint8Array, length: number): boolean {
    const needed = HEADER_BYTES + length;
    if (this.end + needed > this.data.length) {
      // Moved when half is free at least, so that each byte is moved once on average.
      if (this.start * 2 < this.data.length || this.size + needed > this.data.length) return false;
      this.data.copyWithin(0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
    }
    const at = this.end;
    this.view.setUint32(at, seconds, true);
    this.view.setUint32(at + 4, nanoseconds, true);
    this.view.setUint32(at + 8, length, true);
    this.view.setUint32(at + 12, length, true);
    this.data.set(frame.subarray(0, length), at + HEADER_BYTES);
    this.end = at + needed;
    return true;
  }

  /** Hands all that waits to `write`, which returns how many bytes it has taken. */
  drain(write: (data: Uint8Array, position: number, length: number) => number): void {
    if (this.size > 0) this.start += write(this.data, this.start, this.size);
    if (this.start !== this.end) return;
    this.start = 0;
    this.end = 0;
  }
}

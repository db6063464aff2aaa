/**
 * Copies bytes of one packet at a time into a fixed memory, without a view per packet where that is
 * cheaper than the copy itself.
 */

/**
 * Copies inside one shared memory, such as a WebAssembly function over the pool's: byte offsets from
 * the start of the memory and a length in bytes. The areas do not overlap.
 */
export type CopyKernel = (destination: number, source: number, length: number) => void;

/** Below this many bytes a loop over 8 at a time beats the making of a view. */
const LOOP_BYTES = 128;

export class ByteCopier {
  private readonly view: DataView;
  // The source of the last call, which is mostly that of the next.
  private source: Uint8Array;
  private sourceView: DataView;
  private sourceShift = 0;
  private isInside = true;

  /** `memory` views the whole of its buffer. */
  constructor(
    private readonly memory: Uint8Array,
    private readonly kernel: CopyKernel | null = null,
  ) {
    this.view = new DataView(memory.buffer);
    this.source = memory;
    this.sourceView = this.view;
  }

  /** Copies `length` bytes from source[position…] to offset `destination` of the memory. */
  copy(destination: number, source: Uint8Array, position: number, length: number): void {
    if (source !== this.source) this.adopt(source);
    if (this.isInside) {
      const from = position + this.sourceShift;
      if (this.kernel !== null) this.kernel(destination, from, length);
      else this.memory.copyWithin(destination, from, from + length);
    } else if (length >= LOOP_BYTES) {
      this.memory.set(source.subarray(position, position + length), destination);
    } else {
      copyWords(this.view, destination, this.sourceView, position, length);
    }
  }

  private adopt(source: Uint8Array): void {
    this.source = source;
    this.sourceView = new DataView(source.buffer, source.byteOffset, source.byteLength);
    this.sourceShift = source.byteOffset;
    this.isInside = source.buffer === this.memory.buffer;
  }
}

function copyWords(
  to: DataView,
  destination: number,
  from: DataView,
  position: number,
  length: number,
): void {
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    const first = from.getInt32(position + i, true);
    const second = from.getInt32(position + i + 4, true);
    to.setInt32(destination + i, first, true);
    to.setInt32(destination + i + 4, second, true);
  }
  for (; i < length; i++) to.setUint8(destination + i, from.getUint8(position + i));
}

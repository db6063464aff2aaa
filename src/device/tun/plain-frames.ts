import { sharedWords } from '../native/pin-calls.js';

/** Packets as frames without virtio-net headers, each by itself: what the joiner is with large segments. */
export class PlainFrames {
  readonly gather: Int32Array;
  readonly packets: Int32Array;
  readonly bytes: Int32Array;
  private count = 0;

  /** @param packets most packets between two calls of `reset` */
  constructor(packets: number) {
    this.gather = sharedWords(3 * packets);
    this.packets = new Int32Array(packets).fill(1);
    this.bytes = new Int32Array(packets);
  }

  reset(): void {
    this.count = 0;
  }

  add(offset: number, length: number): void {
    const at = 3 * this.count;
    this.gather[at] = 1;
    this.gather[at + 1] = offset;
    this.gather[at + 2] = length;
    this.bytes[this.count++] = length;
  }

  finish(): number {
    return this.count;
  }
}

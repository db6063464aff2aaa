/**
 * What traffic carries: bytes that follow from their place in a stream, so that they need not be kept to be sent
 * again, and that a receiver can tell whether they are the right ones. They lie in the packet pool's memory, where
 * copying and summing them up is one pass.
 */
import { PATTERN_BYTES, type Packets } from '../core/packets.js';

/** After so many bytes the pattern begins again. A power of two; the other half serves those that run over. */
const PERIOD = PATTERN_BYTES / 2;
/** Streams begin at different places: a prime, so that neighbours have little in common. */
const STREAM_STEP = 7919;

const made = new WeakSet<Packets>();

export class Pattern {
  private readonly base: number;

  constructor(private readonly packets: Packets) {
    this.base = packets.pool.stagingOffset;
    if (made.has(packets)) return;
    made.add(packets);
    for (let i = 0, x = 0x9e3779b9; i < PERIOD; i++) {
      // xorshift32 (Marsaglia 2003).
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      packets.bytes[this.base + i] = x;
      packets.bytes[this.base + PERIOD + i] = x;
    }
  }

  /**
   * Writes `length` bytes (up to 65,535) of a stream, from its byte `position` on, to `at` of the pool.
   *
   * @returns their sum, native order, as of PayloadKernels
   */
  put(at: number, stream: number, position: number, length: number): number {
    return this.packets.kernels.copySum(at, this.place(stream, position), length);
  }

  /** Whether the bytes at `at` are those. */
  matches(at: number, stream: number, position: number, length: number): boolean {
    const { bytes } = this.packets;
    const from = this.place(stream, position);
    for (let i = 0; i < length; i++) if (bytes[at + i] !== bytes[from + i]) return false;
    return true;
  }

  private place(stream: number, position: number): number {
    return this.base + ((stream * STREAM_STEP + position) % PERIOD);
  }
}

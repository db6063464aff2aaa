/** The worker's end of a capture: looks at packets before and after the pipeline. See capture-ring.ts. */
import type { PacketPool } from '../dataplane/packet-pool.js';
import { VECTOR_SIZE, type PacketVector } from '../dataplane/packet-vector.js';
import { FIRST_DROP } from '../dataplane/verdicts.js';
import {
  CaptureDirection,
  CaptureRing,
  CaptureVerdicts,
  CaptureWord,
  type CaptureRecord,
  type SharedCapture,
} from './capture-ring.js';

/** Room for the frames of a vector as they arrived: 256 of 4,096 bytes, or 15 of 65,535. */
const SAVED_BYTES = 1 << 20;

export class CaptureTap {
  private readonly ring: CaptureRing;
  private readonly control: Int32Array;
  private saved: Uint8Array | null = null;
  /** Bytes saved of each packet of the vector, one after the other in `saved`. */
  private readonly lengths = new Int32Array(VECTOR_SIZE);
  private readonly record: CaptureRecord;

  /** @param generation of the tables whose tunnel indexes the vectors hold */
  constructor(
    shared: SharedCapture,
    private readonly pool: PacketPool,
    generation: number,
  ) {
    this.ring = new CaptureRing(shared);
    this.control = this.ring.control;
    this.record = {
      ...{ originalLength: 0, linkType: 0, side: 0, direction: 0, verdict: 0 },
      ...{ tunnelIn: -1, tunnelOut: -1, generation, timeMs: 0 },
    };
  }

  /** Whether somebody captures. */
  get active(): boolean {
    return Atomics.load(this.control, CaptureWord.ACTIVE) === 1;
  }

  /** Keeps the frames as they arrived: the pipeline changes them in place. */
  before(vector: PacketVector): void {
    const { lengths, control } = this;
    if ((control[CaptureWord.DIRECTIONS]! & CaptureDirection.IN) === 0) return;
    this.saved ??= new Uint8Array(SAVED_BYTES);
    const snaplen = control[CaptureWord.SNAPLEN]!;
    let at = 0;
    for (let i = 0; i < vector.count; i++) {
      const start = vector.offset[i]!;
      const length = Math.min(vector.length[i]!, snaplen, SAVED_BYTES - at);
      this.saved.set(this.pool.bytes.subarray(start, start + length), at);
      lengths[i] = length;
      at += length;
    }
  }

  /** Hands over what was asked for, now that there are verdicts. */
  after(vector: PacketVector): void {
    const { control, record, lengths, saved } = this;
    const directions = control[CaptureWord.DIRECTIONS]!;
    const snaplen = control[CaptureWord.SNAPLEN]!;
    record.timeMs = performance.timeOrigin + performance.now();
    let at = 0;
    let extra = 0;
    for (let i = 0; i < vector.count; i++) {
      const isWanted = this.isWanted(vector, i);
      if (isWanted) {
        record.verdict = vector.verdict[i]!;
        record.tunnelIn = vector.tunnelIn[i]!;
        record.tunnelOut = vector.tunnelOut[i]!;
      }
      if (isWanted && saved !== null && (directions & CaptureDirection.IN) !== 0) {
        record.direction = CaptureDirection.IN;
        record.side = vector.side[i]!;
        record.linkType = vector.link[i]!;
        record.originalLength = vector.length[i]!;
        this.ring.put(record, saved, at, lengths[i]!);
      }
      at += lengths[i]!;
      const isSent = isWanted && (directions & CaptureDirection.OUT) !== 0;
      if (isSent && vector.outSide(i) >= 0) {
        this.sent(vector.outOffset[i]!, vector.outLength[i]!, vector.outLink[i]!, vector.outSide(i), snaplen);
      }
      for (; extra < vector.extraCount && vector.extraParent[extra] === i; extra++) {
        const e = extra;
        if (!isSent) continue;
        this.sent(
          vector.extraOffset[e]!,
          vector.extraLength[e]!,
          vector.extraLink[e]!,
          vector.extraSide[e]!,
          snaplen,
        );
      }
    }
  }

  private sent(offset: number, length: number, linkType: number, side: number, snaplen: number): void {
    const { record } = this;
    record.direction = CaptureDirection.OUT;
    record.side = side;
    record.linkType = linkType;
    record.originalLength = length;
    this.ring.put(record, this.pool.bytes, offset, Math.min(length, snaplen));
  }

  private isWanted(vector: PacketVector, i: number): boolean {
    const tunnel = this.control[CaptureWord.TUNNEL]!;
    if (tunnel >= 0 && vector.tunnelIn[i] !== tunnel && vector.tunnelOut[i] !== tunnel) return false;
    const wanted = this.control[CaptureWord.VERDICT]!;
    const verdict = vector.verdict[i]!;
    switch (wanted) {
      case CaptureVerdicts.ANY:
        return true;
      case CaptureVerdicts.DROPPED:
        return verdict >= FIRST_DROP;
      case CaptureVerdicts.DELIVERED:
        return verdict < FIRST_DROP;
      default:
        return verdict === wanted;
    }
  }
}

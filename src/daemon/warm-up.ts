/**
 * Warming up: a new worker runs its pipeline over made-up packets until the compiler has made machine code
 * of it, before it takes over from one that is warm. The packets go through the real tables and nowhere else.
 */
import { LinkType } from '../dataplane/link-type.js';
import type { PacketPool } from '../dataplane/packet-pool.js';
import { Side, type PacketVector } from '../dataplane/packet-vector.js';
import type { Pipeline } from '../dataplane/pipeline.js';
import { FramePlacer } from '../device/frame-placer.js';
import type { FrameRing } from './synthetic-frames.js';

export interface WarmUpFrames {
  readonly underlay: FrameRing;
  readonly overlay: FrameRing;
}

/**
 * Vectors that are run, at the most: measured, the pipeline then takes four million packets a second of the ten that
 * it comes to, and the first vector a hundred thousand. The rest comes with the traffic.
 */
const RUNS = 1000;
/** How long it takes at the most, in milliseconds, where nobody says otherwise. */
export const WARM_UP_MS = 300;

/** Each vector comes a second after the one before: there are tokens for its ICMP errors. */
const SECOND = 1000;

/** Slots of the vector that is used, for packets and for what the pipeline makes of them. */
export const WARM_UP_SLOTS = 64;

/** Runs the pipeline over the packets again and again. Counters are the caller's to clear. */
export function warmUp(
  pipeline: Pipeline,
  pool: PacketPool,
  vector: PacketVector,
  frames: WarmUpFrames,
  longestMs: number,
): void {
  const placer = new FramePlacer(pool, vector);
  const end = performance.now() + longestMs;
  let under = 0;
  let over = 0;
  for (let run = 0; run < RUNS && performance.now() < end; run++) {
    placer.begin();
    // Two vectors from the underlay for one from the overlay, as much of each as there is room for.
    if (run % 3 === 2) over = fill(placer, frames.overlay, over, Side.OVERLAY);
    else under = fill(placer, frames.underlay, under, Side.UNDERLAY);
    if (vector.count > 0) pipeline.run(vector, run * SECOND);
  }
}

/** Places frames from number `next` on; answers the number to go on with. */
function fill(placer: FramePlacer, frames: FrameRing, next: number, side: number): number {
  let i = next;
  for (let placed = 0; placed < frames.count; placed++) {
    const offset = frames.spans[2 * i]!;
    const length = frames.spans[2 * i + 1]!;
    if (!placer.place(frames.bytes, offset, length, LinkType.RAW, side)) break;
    i = i + 1 === frames.count ? 0 : i + 1;
  }
  return i;
}

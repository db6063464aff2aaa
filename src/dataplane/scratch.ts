/**
 * What the stages of the pipeline tell each other about the packets of the current vector: a struct of
 * arrays like the vector itself, but private to one pipeline.
 */
import { VECTOR_SIZE } from './vector-layout.js';

/** Where a packet stands (`step`). From 0 up: its slot in the IPv4 endpoint table (a word index). */
export const Step = {
  /** Has its verdict; later stages pass it by. */
  DONE: -1,
  /** Not what the flat loop does: the careful path takes it from the start of this stage. */
  CAREFUL: -2,
  /** IPv4 without options, 4-aligned: to be routed by the flat loop. */
  ROUTE: -3,
  /** Anything else: the careful path has routed it already (`group` and `hash` are set). */
  ROUTED: -4,
} as const;

/** Added to `family` by the frame stage, until the header is checked: the packet came over a plain next hop. */
export const OVER_PLAIN = 8;

export class Scratch {
  readonly step = new Int32Array(VECTOR_SIZE);
  /** Byte offset of the IP packet now in question: the frame's, after decapsulation the inner one. */
  readonly ip = new Int32Array(VECTOR_SIZE);
  /** Bytes of it: first what is there, once its header is checked what its header says. */
  readonly length = new Int32Array(VECTOR_SIZE);
  /** 4 or 6 as the link header announces, 0 when it does not say; after the check, what it is. */
  readonly family = new Int32Array(VECTOR_SIZE);
  /** Bytes of the link header of the frame as received. */
  readonly linkLength = new Int32Array(VECTOR_SIZE);
  /** Bytes of Ethernet header directly before `ip` that belong to the payload (gretap, Ethernet overlay). */
  readonly ethernet = new Int32Array(VECTOR_SIZE);
  /** Bytes of the gretap frame that the packet came in, padding included; 0 when it came in none. */
  readonly frameLength = new Int32Array(VECTOR_SIZE);
  /**
   * On the way through the route stages: index of the first FIB table, its entry, index of the bucket, tunnel.
   * The careful path sets the group of next hops.
   */
  readonly group = new Int32Array(VECTOR_SIZE);
  readonly hash = new Int32Array(VECTOR_SIZE);
  /** Not 0: the tunnel to enter wants more than the flat loop of encap.ts does, or the packet is too long for it. */
  readonly unfit = new Int32Array(VECTOR_SIZE);
}

import type { PacketVector } from '../dataplane/packet-vector.js';

/**
 * A place where packets enter and leave the dataplane, a vector at a time. Devices know frames, not
 * protocols.
 */
export interface Device {
  readonly name: string;
  /** Largest IP packet that the device sends, in bytes. */
  readonly mtu: number;
  /** LINKTYPE_ number of the frames that it receives. */
  readonly linkType: number;
  /**
   * Replaces the content of the vector with frames that have arrived, marked as coming from `side`
   * (Side.UNDERLAY or OVERLAY), and returns their number: 0 when there is none. Does not wait.
   */
  receive(vector: PacketVector, side: number): number;
  /** Sends what the pipeline has delivered to `side`, in order; returns the number of frames sent. */
  transmit(vector: PacketVector, side: number): number;
  close(): void;
}

/**
 * Calls `send` for each frame in the vector that leaves on `side`: the packets delivered there, the answers to
 * packets from there and the extra packets (fragments, ICMP errors), in the order of the packets that they stem
 * from.
 */
export function forEachDelivered(
  vector: PacketVector,
  side: number,
  send: (offset: number, length: number, linkType: number) => void,
): number {
  if (vector.bodies > 0) {
    for (let i = 0; i < vector.count; i++) if (vector.outSide(i) === side) vector.complete(i);
  }
  return forEachDeliveredInPieces(vector, side, send);
}

/** What sends a frame: `length` bytes at `offset` of the pool, and `bodyLength` more, often none, at `body`. */
export type SendFrame = (
  offset: number,
  length: number,
  linkType: number,
  body: number,
  bodyLength: number,
) => void;

/** The same without putting packets together (PacketVector.bodies). */
export function forEachDeliveredInPieces(vector: PacketVector, side: number, send: SendFrame): number {
  const { count, bodies, outOffset, outLength, outLink, bodyOffset, bodyLength } = vector;
  let sent = 0;
  let extra = 0;
  for (let i = 0; i < count; i++) {
    if (vector.outSide(i) === side) {
      const body = bodies === 0 ? 0 : bodyLength[i]!;
      send(outOffset[i]!, outLength[i]! - body, outLink[i]!, bodyOffset[i]!, body);
      sent++;
    }
    for (; extra < vector.extraCount && vector.extraParent[extra] === i; extra++) {
      if (vector.extraSide[extra] !== side) continue;
      send(vector.extraOffset[extra]!, vector.extraLength[extra]!, vector.extraLink[extra]!, 0, 0);
      sent++;
    }
  }
  return sent;
}

/**
 * The link header of a frame that goes out to the underlay because of one that came in: its own, turned round
 * (docs/dataplane.md §6.7). What stems from the overlay leaves as raw IP.
 */
import { putReversedLink } from './frame.js';
import { LinkType } from './link-type.js';
import { Side, sideOf, type PacketVector } from './packet-vector.js';
import type { Scratch } from './scratch.js';

export class LinkBack {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly scratch: Scratch,
  ) {}

  /**
   * Writes the link header for a packet of `family` that leaves at `outer`, from the one that packet `i` came
   * with, and answers where the frame starts. To be done before an outer header is written over that one.
   */
  put(vector: PacketVector, i: number, outer: number, family: number): number {
    if (sideOf(vector.side[i]!) === Side.OVERLAY) return outer;
    return putReversedLink(
      this.bytes,
      vector.offset[i]!,
      this.scratch.linkLength[i]!,
      vector.link[i]!,
      outer,
      family,
    );
  }

  /** LINKTYPE_ number of that frame. */
  type(vector: PacketVector, i: number, family: number): number {
    const link = vector.link[i]!;
    if (sideOf(vector.side[i]!) === Side.OVERLAY) return LinkType.RAW;
    if (link === LinkType.IPV4) return family === 4 ? link : LinkType.RAW;
    if (link === LinkType.IPV6) return family === 6 ? link : LinkType.RAW;
    return link;
  }
}

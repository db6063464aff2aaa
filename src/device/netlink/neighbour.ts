/** Neighbours: what the kernel knows of link addresses, by ARP and NDP. */
import { familyOf } from './address.js';
import { parseAttributes, readBytes, viewOf, type Message, type MessageWriter } from './message.js';
import { AF_INET, AF_INET6, NEIGHBOUR_USE, NeighbourAttribute, NeighbourState } from './protocol.js';

export interface Neighbour {
  /** The kernel's index of the interface. */
  readonly interface: number;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Link address, 6 bytes; null when not known. */
  readonly mac: Uint8Array | null;
  /** NeighbourState. */
  readonly state: number;
}

/** States in which the kernel itself would send to the link address. */
const VALID =
  NeighbourState.REACHABLE |
  NeighbourState.STALE |
  NeighbourState.DELAY |
  NeighbourState.PROBE |
  NeighbourState.PERMANENT;

/** Whether frames can be sent to the neighbour's link address. */
export function isUsable(neighbour: Neighbour): neighbour is Neighbour & { readonly mac: Uint8Array } {
  return neighbour.mac !== null && (neighbour.state & VALID) !== 0;
}

/** struct ndmsg */
const HEADER = 12;

/** @returns null when the message is no IPv4 or IPv6 neighbour */
export function parseNeighbour({ payload }: Message): Neighbour | null {
  if (payload.length < HEADER) return null;
  const family = payload[0];
  if (family !== AF_INET && family !== AF_INET6) return null;
  const attributes = parseAttributes(payload, HEADER);
  const address = readBytes(attributes, NeighbourAttribute.DESTINATION, family === AF_INET ? 4 : 16);
  if (address === null) return null;
  const view = viewOf(payload);
  return {
    interface: view.getInt32(4, true),
    address,
    mac: readBytes(attributes, NeighbourAttribute.LINK_ADDRESS, 6),
    state: view.getUint16(8, true),
  };
}

/** Asks the kernel to look the neighbour up, or to see whether it is still there, as a packet to it would. */
export function writeNeighbourUse(writer: MessageWriter, index: number, address: Uint8Array): void {
  writer.uint8(familyOf(address), 0, 0, 0).uint32(index).uint16(0).uint8(NEIGHBOUR_USE, 0);
  writer.attribute(NeighbourAttribute.DESTINATION, address);
}

export function writeNeighbourQuery(writer: MessageWriter): void {
  writer.uint8(0, 0, 0, 0).uint32(0).uint16(0).uint8(0, 0);
}

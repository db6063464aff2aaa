/** The interfaces of a customer's router: what it forwards packets to and takes them from. */
import { Clamp, clampMss, findTcp } from '../../dataplane/mss-clamp.js';
import type { MssPair } from '../../network/mss.js';
import type { Packets } from '../core/packets.js';
import type { Outlet } from './outlet.js';

/** Largest IP packet of plain Ethernet. */
export const ETHERNET_MTU = 1500;

/** 4 or 16 bytes of an address for each family; null: none. */
export interface InterfaceAddresses {
  readonly v4: Uint8Array | null;
  readonly v6: Uint8Array | null;
}

export const NO_ADDRESSES: InterfaceAddresses = { v4: null, v6: null };

export interface RouterInterface {
  readonly name: string;
  /** The LAN: what a stateful firewall protects. */
  readonly inside: boolean;
  /** Bytes of the largest IP packet that goes out here. */
  readonly mtu: number;
  readonly addresses: InterfaceAddresses;
  /** What MSS is lowered to in SYN and SYN-ACK segments that pass, either way; null: not at all. */
  readonly clamp: MssPair | null;
  /** Whether the router knows of no failure. */
  readonly usable: boolean;
  /** Takes over a packet that fits. */
  send(packet: number): void;
}

/** Lowers the MSS of a packet (with a checked header) that passes the interface. */
export function clampAt(to: RouterInterface, packets: Packets, packet: number): boolean {
  const { clamp } = to;
  if (clamp === null) return false;
  const { bytes } = packets;
  const ip = packets.start[packet]!;
  const length = packets.length[packet]!;
  const family = bytes[ip]! >>> 4;
  const tcp = findTcp(bytes, ip, length, family);
  if (tcp < 0) return false;
  return (clampMss(bytes, tcp, ip + length, family === 4 ? clamp.v4 : clamp.v6) & Clamp.LOWERED) !== 0;
}

/** A physical interface: LAN, uplink to a provider, circuit to the edge. */
export class RouterPort implements RouterInterface {
  outlet: Outlet | null = null;

  constructor(
    readonly name: string,
    readonly kind: 'lan' | 'uplink' | 'circuit',
    readonly mtu: number,
    readonly addresses: InterfaceAddresses,
    readonly clamp: MssPair | null,
  ) {}

  get inside(): boolean {
    return this.kind === 'lan';
  }

  get usable(): boolean {
    return this.outlet !== null && this.outlet.up !== false;
  }

  send(packet: number): void {
    if (this.outlet === null) throw new Error(`${this.name} is not connected`);
    this.outlet.send(packet);
  }
}

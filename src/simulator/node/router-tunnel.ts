/** A router's end of a GRE tunnel: its header in front of packets, and off again (RFC 2784, 2890). */
import { formatAddress, parseAddress, parseAddressWithLength, peerOf } from '../../config/address.js';
import type { TunnelConfig } from '../../config/config.js';
import { be16, be32, putBe16, putBe32, putLe16, putWord, word } from '../../wire/bytes.js';
import type { MssPair } from '../../network/mss.js';
import {
  EtherType,
  GRE_HEADER,
  GreFlag,
  IPV4_HEADER,
  IPV6_HEADER,
  IpProtocol,
  Ipv4Flag,
} from '../../wire/protocol.js';
import type { World } from '../core/world.js';
import { sealIpv4 } from './ip-header.js';
import { NO_ADDRESSES, type InterfaceAddresses, type RouterInterface } from './router-interface.js';

/** What both ends of a tunnel agree on, from the router's side. */
export interface RouterTunnelSpec {
  readonly name: string;
  /** Outer addresses: the router's and the other end's, 4 or 16 bytes. */
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
  readonly key: number | null;
  readonly checksum: boolean;
  readonly sequence: boolean;
  /** TTL or hop limit of the outer header. */
  readonly ttl: number;
  /** Bytes of the largest inner packet. */
  readonly mtu: number;
  /** Addresses inside the tunnel: the router's and the other end's. */
  readonly addresses: InterfaceAddresses;
  readonly peers: InterfaceAddresses;
}

/** The customer's side of a tunnel of the edge. @param mtu what the router takes for its MTU; null: what it is */
export function customerSide(config: TunnelConfig, mtu: number | null): RouterTunnelSpec {
  const edge = config.interface_address === null ? null : parseAddressWithLength(config.interface_address);
  const edge6 = config.interface_address6 === null ? null : parseAddressWithLength(config.interface_address6);
  return {
    name: config.name,
    local: bytesOf(config.customer_gre_endpoint),
    remote: bytesOf(config.cloudflare_gre_endpoint),
    key: config.key,
    checksum: config.checksum,
    sequence: config.sequence,
    ttl: config.ttl,
    mtu: mtu ?? config.mtu,
    addresses: {
      v4: edge === null ? null : peerOf(edge.bytes, edge.length === 30 ? 30 : 31),
      v6: edge6 === null ? null : peer6(edge6.bytes),
    },
    peers:
      edge === null && edge6 === null ? NO_ADDRESSES : { v4: edge?.bytes ?? null, v6: edge6?.bytes ?? null },
  };
}

/** The other address of a /127 (RFC 6164). */
function peer6(bytes: Uint8Array): Uint8Array {
  const peer = Uint8Array.from(bytes);
  peer[15]! ^= 1;
  return peer;
}

function bytesOf(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === null) throw new RangeError(`not an address: ${text}`);
  return address.bytes;
}

/** Where the encapsulated packets go. */
export interface Underlay {
  readonly usable: boolean;
  /** Takes over a packet made by the router; `ip` of it is right. */
  emit(packet: number): void;
  /** Bytes of the largest packet that it takes. */
  readonly mtu: number;
}

export class RouterTunnel implements RouterInterface {
  /** How its packets are told (RouterTunnels): IPv4 addresses as they lie in packets, and the key. */
  private readonly isV4: boolean;
  private readonly remote4: number;
  private readonly local4: number;
  private readonly key: number;
  private readonly hasKey: boolean;
  /** Cut off somewhere on the way: nothing passes. */
  broken = false;
  /** The router has found out, or been told by BGP. */
  knownDown = false;
  readonly name: string;
  readonly inside = false;
  readonly addresses: InterfaceAddresses;
  /** What the path takes, by an ICMP too-big about an encapsulated packet; of the inner packet. */
  private learned = Infinity;
  private readonly header: Int32Array;
  private readonly headerBytes: number;
  /** Offset of the GRE header behind the beginning of the outer one. */
  private readonly greAt: number;
  private nextSequence = 0;
  private nextId = 1;

  constructor(
    private readonly world: World,
    private readonly node: number,
    readonly spec: RouterTunnelSpec,
    readonly clamp: MssPair | null,
    private readonly underlay: Underlay,
  ) {
    const { local, remote, key } = spec;
    this.isV4 = local.length === 4;
    this.remote4 = this.isV4 ? word(remote, 0) : 0;
    this.local4 = this.isV4 ? word(local, 0) : 0;
    this.key = key === null ? 0 : key | 0;
    this.hasKey = key !== null;
    this.name = spec.name;
    this.addresses = spec.addresses;
    this.greAt = this.isV4 ? IPV4_HEADER : IPV6_HEADER;
    const bytes = templateOf(spec);
    this.headerBytes = bytes.length;
    this.header = Int32Array.from({ length: bytes.length / 4 }, (_, i) => word(bytes, i * 4));
  }

  get mtu(): number {
    return Math.min(this.spec.mtu, this.learned);
  }

  /** Whether packets between these IPv4 addresses (as they lie in packets) with such a GRE header are its own. */
  isOf(remote: number, local: number, gre: GreHeader): boolean {
    return (
      this.remote4 === remote &&
      this.local4 === local &&
      this.isV4 &&
      this.hasKey === gre.hasKey &&
      this.key === gre.key
    );
  }

  get usable(): boolean {
    return !this.knownDown && this.underlay.usable;
  }

  /** Takes a too-big about the tunnel's own packets. @param mtu of the outer packet */
  learn(mtu: number): void {
    this.learned = Math.max(mtu - this.headerBytes, 68);
  }

  /** Encapsulates a packet with a right header, and sends it. */
  send(packet: number): void {
    const { world, underlay } = this;
    const { packets, reasons, observer } = world;
    if (this.broken) {
      world.drop(packet, this.node, reasons.link_down);
      return;
    }
    this.encapsulate(packet);
    if (observer !== null)
      observer.step(packet, this.name, `encapsulates for ${this.remoteText()}`, this.mtu);
    // Its own idea of the tunnel's MTU was wrong: the packet does not fit the interface.
    if (packets.length[packet]! <= underlay.mtu) {
      underlay.emit(packet);
      return;
    }
    if (observer !== null) observer.step(packet, this.name, 'cannot send it', underlay.mtu);
    world.drop(packet, this.node, reasons.router_mtu_exceeded);
  }

  private remoteText(): string {
    return formatAddress(this.spec.remote);
  }

  private encapsulate(packet: number): void {
    const { packets } = this.world;
    const { bytes } = packets;
    const { spec, header, headerBytes } = this;
    const inner = packets.start[packet]!;
    const isV4 = bytes[inner]! >>> 4 === 4;
    const tos = isV4 ? bytes[inner + 1]! : (be16(bytes, inner) >>> 4) & 0xff;
    const outer = inner - headerBytes;
    const total = packets.length[packet]! + headerBytes;
    if ((outer & 3) === 0) {
      const { words } = packets.pool;
      for (let i = 0; i < header.length; i++) words[(outer >> 2) + i] = header[i]!;
    } else {
      for (let i = 0; i < header.length; i++) putWord(bytes, outer + i * 4, header[i]!);
    }
    const gre = outer + this.greAt;
    putBe16(bytes, gre + 2, isV4 ? EtherType.IPV4 : EtherType.IPV6);
    if (spec.sequence) {
      putBe32(bytes, inner - 4, this.nextSequence);
      this.nextSequence = (this.nextSequence + 1) | 0;
    }
    if (spec.checksum) {
      putLe16(bytes, gre + 4, ~packets.kernels.sum(gre, outer + total - gre) & 0xffff);
    }
    if (this.greAt === IPV4_HEADER) {
      // DF as the inner packet has it, as routers do that take part in path MTU discovery (RFC 2003 §3.1).
      const dontFragment = !isV4 || (bytes[inner + 6]! & Ipv4Flag.DONT_FRAGMENT) !== 0;
      bytes[outer + 1] = tos;
      putBe16(bytes, outer + 2, total);
      putBe16(bytes, outer + 4, dontFragment ? 0 : this.takeId());
      putBe16(bytes, outer + 6, dontFragment ? Ipv4Flag.DONT_FRAGMENT << 8 : 0);
      sealIpv4(bytes, outer);
    } else {
      putBe32(bytes, outer, 0x6000_0000 | (tos << 20));
      putBe16(bytes, outer + 4, total - IPV6_HEADER);
    }
    packets.start[packet] = outer;
    packets.length[packet] = total;
  }

  private takeId(): number {
    const id = this.nextId;
    this.nextId = id === 0xffff ? 1 : id + 1;
    return id;
  }
}

/** The headers of a tunnel's packets, with the fields that differ from packet to packet at 0. */
function templateOf(spec: RouterTunnelSpec): Uint8Array {
  const { local, remote, key, checksum, sequence } = spec;
  const ip = local.length === 4 ? IPV4_HEADER : IPV6_HEADER;
  const gre = GRE_HEADER + (checksum ? 4 : 0) + (key === null ? 0 : 4) + (sequence ? 4 : 0);
  const bytes = new Uint8Array(ip + gre);
  if (local.length === 4) {
    bytes[0] = 0x45;
    bytes[8] = spec.ttl;
    bytes[9] = IpProtocol.GRE;
  } else {
    bytes[0] = 0x60;
    bytes[6] = IpProtocol.GRE;
    bytes[7] = spec.ttl;
  }
  bytes.set(local, ip - 2 * local.length);
  bytes.set(remote, ip - local.length);
  bytes[ip] =
    (checksum ? GreFlag.CHECKSUM : 0) | (key === null ? 0 : GreFlag.KEY) | (sequence ? GreFlag.SEQUENCE : 0);
  if (key !== null) putBe32(bytes, ip + GRE_HEADER + (checksum ? 4 : 0), key);
  return bytes;
}

/** What a GRE header says; made once, filled by `read`. */
export class GreHeader {
  /** Bytes. */
  length = 0;
  /** RFC 2890 key; 0 without one. */
  key = 0;
  hasKey = false;
  hasChecksum = false;
  /** Ethertype of what is inside. */
  protocol = 0;

  /** Reads the header at `at`, in front of `end`; false for one that is cut off or not version 0 of RFC 2784. */
  read(bytes: Uint8Array, at: number, end: number): boolean {
    if (at + GRE_HEADER > end) return false;
    const flags = bytes[at]!;
    if ((flags & (GreFlag.ROUTING | GreFlag.RESERVED)) !== 0 || (bytes[at + 1]! & 0x07) !== 0) return false;
    this.hasChecksum = (flags & GreFlag.CHECKSUM) !== 0;
    this.hasKey = (flags & GreFlag.KEY) !== 0;
    const keyAt = at + GRE_HEADER + (this.hasChecksum ? 4 : 0);
    this.length = keyAt - at + (this.hasKey ? 4 : 0) + ((flags & GreFlag.SEQUENCE) === 0 ? 0 : 4);
    if (at + this.length > end) return false;
    this.key = this.hasKey ? be32(bytes, keyAt) | 0 : 0;
    this.protocol = be16(bytes, at + 2);
    return true;
  }
}

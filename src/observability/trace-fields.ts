/** Fields of a traced packet: name, value, where in the frame it stands, and what there is to say about it. */
import { formatAddress } from '../config/address.js';

export interface TraceField {
  readonly name: string;
  readonly value: string;
  /** Byte offset from the start of the frame; null for what stands in no single place. */
  readonly offset: number | null;
  /** Bytes of the field; null likewise. */
  readonly length: number | null;
  /** What follows from the value, such as `correct`; null for nothing. */
  readonly note: string | null;
  /** Whether this is what the packet was dropped for, or would have been. */
  readonly wrong: boolean;
}

/** Collects the fields of one node. */
export class Fields {
  readonly list: TraceField[] = [];

  /** A field at `offset` of the frame, `length` bytes long. */
  at(offset: number, length: number, name: string, value: string | number, note: string | null = null): void {
    this.list.push({ name, value: String(value), offset, length, note, wrong: false });
  }

  /** A field at `offset` that a check found wrong. */
  wrongAt(offset: number, length: number, name: string, value: string | number, note: string): void {
    this.list.push({ name, value: String(value), offset, length, note, wrong: true });
  }

  /** Something that stands in no single place: a look-up, a decision. */
  fact(name: string, value: string | number, note: string | null = null): void {
    this.list.push({ name, value: String(value), offset: null, length: null, note, wrong: false });
  }

  wrongFact(name: string, value: string | number, note: string): void {
    this.list.push({ name, value: String(value), offset: null, length: null, note, wrong: true });
  }

  get hasWrong(): boolean {
    return this.list.some(({ wrong }) => wrong);
  }
}

/** `0x0800`, with at least `digits` digits. */
export function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** The address of 4 or 16 bytes at `offset`. */
export function addressAt(bytes: Uint8Array, offset: number, size: 4 | 16): string {
  return formatAddress(bytes.subarray(offset, offset + size));
}

/** Six bytes as `02:00:5e:10:00:01`. */
export function macAt(bytes: Uint8Array, offset: number): string {
  return Array.from(bytes.subarray(offset, offset + 6), (byte) => byte.toString(16).padStart(2, '0')).join(
    ':',
  );
}

const PROTOCOLS = new Map<number, string>([
  ...([
    [0, 'hop-by-hop options'],
    [1, 'ICMP'],
    [2, 'IGMP'],
    [4, 'IPv4'],
    [6, 'TCP'],
    [17, 'UDP'],
  ] as const),
  ...([
    [41, 'IPv6'],
    [43, 'routing'],
    [44, 'fragment'],
    [47, 'GRE'],
    [50, 'ESP'],
    [51, 'AH'],
  ] as const),
  ...([
    [58, 'ICMPv6'],
    [59, 'nothing'],
    [60, 'destination options'],
    [89, 'OSPF'],
    [132, 'SCTP'],
  ] as const),
]);

/** `17 (UDP)`. */
export function protocolName(protocol: number): string {
  const name = PROTOCOLS.get(protocol);
  return name === undefined ? String(protocol) : `${protocol} (${name})`;
}

const ETHERTYPES = new Map<number, string>([
  ...([
    [0x0800, 'IPv4'],
    [0x0806, 'ARP'],
    [0x6558, 'Ethernet'],
    [0x8100, '802.1Q'],
    [0x86dd, 'IPv6'],
  ] as const),
  ...([
    [0x8847, 'MPLS'],
    [0x88a8, '802.1ad'],
    [0x880b, 'PPP'],
    [0x88be, 'ERSPAN'],
    [0x883e, 'WCCP'],
  ] as const),
]);

/** `0x0800 (IPv4)`. */
export function etherTypeName(type: number): string {
  const name = ETHERTYPES.get(type);
  return name === undefined ? hex(type, 4) : `${hex(type, 4)} (${name})`;
}

const ECN = ['Not-ECT', 'ECT(1)', 'ECT(0)', 'CE'] as const;

export function ecnName(ecn: number): string {
  return ECN[ecn & 3] ?? '';
}

/**
 * Golden cases: a description, an input, a verdict, an output and counters. What is expected is built here
 * by hand from docs/dataplane.md with the packet builder of src/wire/build.ts, which shares no code with
 * the dataplane.
 */
import type { MiscCounter } from '../../../src/dataplane/counters.js';
import { Side } from '../../../src/dataplane/packet-vector.js';
import type { TablesSpec } from '../../../src/dataplane/tables.js';
import type { VerdictName } from '../../../src/dataplane/verdicts.js';
import { addressBytes, buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import { route, tables, tunnel } from '../harness.js';

export interface ExpectedFrame {
  side: number;
  /** LINKTYPE_ number. Default: that of the described link. */
  linkType?: number;
  frame: FrameSpec | Uint8Array;
}

export interface Case {
  name: string;
  /** Default: `network`. */
  config?: TablesSpec;
  /** Default: underlay. */
  side?: number;
  /** LINKTYPE_ number. Default: that of the described link; raw IP for bytes. */
  linkType?: number;
  packet: FrameSpec | Uint8Array;
  verdict: VerdictName;
  /** Every frame that leaves, in order. Default: none. */
  out?: ExpectedFrame[];
  /** Every counter beside verdicts and tunnels that is not zero. */
  counters?: Partial<Record<MiscCounter, number>>;
  /** Packets and bytes of every tunnel that counted something. */
  decapsulated?: Partial<Record<string, [packets: number, bytes: number]>>;
  encapsulated?: Partial<Record<string, [packets: number, bytes: number]>>;
  /** Hex digits of the output that docs/dataplane.md leaves to a hash. Not compared. */
  hashed?: [frame: number, first: number, digits: number][];
}

export const OURS = '198.51.100.1';
export const OURS6 = '2001:db8::1';
/** A host on the Internet, and one on the IPv6 Internet. */
export const HOST = '192.88.99.7';
export const HOST6 = '2001:2::7';

export const NO_CLAMP = { v4: 0, v6: 0 };
const off = { clampFrom: NO_CLAMP, clampTo: NO_CLAMP };

/** One tunnel of each sort; tunnel `x` has 10.x.0.0/16 and 2001:db8:x::/48 routed into it. */
export const network = tables(
  [
    tunnel('plain', OURS, '203.0.113.1', { ...off, icmpSource4: addressBytes('10.100.0.2') }),
    tunnel('keyed', OURS, '203.0.113.2', { ...off, key: 42, mtu: 1472 }),
    tunnel('summed', OURS, '203.0.113.3', { ...off, checksum: true, mtu: 1472 }),
    tunnel('all', OURS, '203.0.113.4', { ...off, key: 7, checksum: true, sequence: true, mtu: 1464 }),
    tunnel('six', OURS6, '2001:db8:ffff::5', { ...off, mtu: 1456 }),
    tunnel('tap', OURS, '203.0.113.6', { ...off, mode: 'gretap', mtu: 1462 }),
    tunnel('guarded', OURS, '203.0.113.7', {
      ...off,
      allowedSources: [{ address: addressBytes('10.7.0.0'), length: 16 }],
    }),
    tunnel('clamped', OURS, '203.0.113.8', {
      clampFrom: { v4: 1400, v6: 1380 },
      clampTo: { v4: 1436, v6: 1416 },
    }),
    tunnel('cleared', OURS, '203.0.113.9', { ...off, clearDontFragment: true }),
  ],
  [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((x) => [
    route(`10.${x}.0.0/16`, x - 1),
    route(`2001:db8:${x}::/48`, x - 1),
  ]),
);

/** The same network with other tunnels' fields. */
export function changed(name: string, change: Partial<TablesSpec['tunnels'][number]>): TablesSpec {
  return { ...network, tunnels: network.tunnels.map((t) => (t.name === name ? { ...t, ...change } : t)) };
}

/** Customer endpoint of tunnel number x (1 to 9) of `network`. */
export function customer(x: number): string {
  return x === 5 ? '2001:db8:ffff::5' : `203.0.113.${x}`;
}

/** Outer header as it arrives from customer x. */
export function from(
  x: number,
  more: Partial<NonNullable<FrameSpec['ip']>> = {},
): NonNullable<FrameSpec['ip']> {
  return { source: customer(x), destination: x === 5 ? OURS6 : OURS, ttl: 57, ...more };
}

/** Outer header as grebe makes it for customer x. */
export function to(
  x: number,
  more: Partial<NonNullable<FrameSpec['ip']>> = {},
): NonNullable<FrameSpec['ip']> {
  return {
    source: x === 5 ? OURS6 : OURS,
    destination: customer(x),
    ttl: 64,
    id: 0,
    dontFragment: true,
    ...more,
  };
}

/** A small UDP packet: 20 + 8 + 12 = 40 bytes in IPv4, 60 in IPv6. */
export function udp(
  source: string,
  destination: string,
  more: Partial<NonNullable<FrameSpec['ip']>> = {},
  payload = 12,
): FrameSpec {
  return {
    ip: { source, destination, ttl: 60, id: 0x1111, ...more },
    udp: { sourcePort: 1000, destinationPort: 2000 },
    payload,
  };
}

export function overlay(frame: FrameSpec | Uint8Array, linkType?: number): ExpectedFrame {
  return { side: Side.OVERLAY, frame, ...(linkType === undefined ? {} : { linkType }) };
}

export function underlay(frame: FrameSpec | Uint8Array, linkType?: number): ExpectedFrame {
  return { side: Side.UNDERLAY, frame, ...(linkType === undefined ? {} : { linkType }) };
}

/** The first bytes of a packet, as an ICMP error quotes them. */
export function quote(packet: FrameSpec, bytes = Infinity): Uint8Array {
  return buildPacket(packet).slice(0, bytes);
}

/** The flow label of an outer IPv6 header behind a link header of so many bytes, for `hashed`. */
export function flowLabel(frame: number, linkHeader = 0): [number, number, number] {
  return [frame, linkHeader * 2 + 3, 5];
}

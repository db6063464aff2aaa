/** docs/dataplane.md §3 (is it GRE for us?) and §4 (decapsulation). */
import type { TablesSpec, TunnelSpec } from '../../src/dataplane/tables.js';
import { equal, inPrefix, onesSum, read16, read32, replaceWord } from './bytes.js';
import {
  checkIp,
  destinationOf,
  headerLengthOf,
  INNER,
  sourceOf,
  trafficClassOf,
  transportOf,
  versionOf,
} from './ip.js';
import { ethernetHeaderLength } from './link.js';
import { Drop, type Way } from './outcome.js';

const GRE = 47;

/** A packet on its way through the pipeline. */
export interface Carried {
  /** The IP packet, padding cut off; null for an Ethernet frame that carries no IP. */
  packet: Uint8Array | null;
  /** The Ethernet frame around it, when it came in one out of a gretap tunnel or from an Ethernet overlay. */
  frame: { header: Uint8Array; padding: Uint8Array } | null;
  /** It is a keepalive of the tunnel that it came out of. */
  keepalive?: true;
}

export type GreForUs = { kind: 'no' } | { kind: 'fragment' } | { kind: 'whole'; at: number };

export function greForUs(packet: Uint8Array, tunnels: readonly TunnelSpec[]): GreForUs {
  const isEndpoint = ({ mode, local }: TunnelSpec): boolean =>
    mode !== 'plain' && equal(local, destinationOf(packet));
  if (!tunnels.some(isEndpoint)) return { kind: 'no' };
  const transport = transportOf(packet, { walkAuthentication: false });
  if (transport.fragment === 'first' || transport.fragment === 'later') {
    const protocol = versionOf(packet) === 4 ? transport.protocol : transport.behindFragment;
    return { kind: protocol === GRE ? 'fragment' : 'no' };
  }
  return transport.protocol === GRE ? { kind: 'whole', at: transport.at } : { kind: 'no' };
}

interface GreHeader {
  protocol: number;
  hasChecksum: boolean;
  key: number | null;
  payload: Uint8Array;
}

/** Steps 1 to 6. */
function parseGre(gre: Uint8Array): GreHeader {
  if (gre.length < 4) throw new Drop('gre_truncated');
  const flags = gre[0]!;
  if ((gre[1]! & 7) !== 0) throw new Drop('gre_bad_version');
  if ((flags & 0x40) !== 0) throw new Drop('gre_routing_present');
  if ((flags & 0x0c) !== 0) throw new Drop('gre_reserved_bits');
  const hasChecksum = (flags & 0x80) !== 0;
  const hasKey = (flags & 0x20) !== 0;
  const hasSequence = (flags & 0x10) !== 0;
  const length = 4 + (hasChecksum ? 4 : 0) + (hasKey ? 4 : 0) + (hasSequence ? 4 : 0);
  if (length > gre.length) throw new Drop('gre_truncated');
  if (hasChecksum && onesSum(gre) !== 0xffff) throw new Drop('gre_bad_checksum');
  const protocol = read16(gre, 2);
  if (![0x0800, 0x86dd, 0x6558].includes(protocol)) throw new Drop('gre_unsupported_protocol');
  const key = hasKey ? read32(gre, hasChecksum ? 8 : 4) : null;
  return { protocol, hasChecksum, key, payload: gre.slice(length) };
}

/** Step 7: the number of the tunnel. */
function lookUp(tunnels: readonly TunnelSpec[], outer: Uint8Array, key: number | null): number {
  const matches = (tunnel: TunnelSpec): boolean =>
    tunnel.mode !== 'plain' &&
    equal(tunnel.remote, sourceOf(outer)) &&
    equal(tunnel.local, destinationOf(outer));
  if (!tunnels.some(matches)) throw new Drop('endpoint_unknown');
  const index = tunnels.findIndex((tunnel) => matches(tunnel) && tunnel.key === key);
  if (index < 0) throw new Drop('gre_key_mismatch');
  return index;
}

function openPayload(protocol: number, payload: Uint8Array): Carried {
  if (protocol === 0x0800) return { packet: checkIp(4, payload, INNER), frame: null };
  if (protocol === 0x86dd) return { packet: checkIp(6, payload, INNER), frame: null };
  const length = ethernetHeaderLength(payload);
  if (length === null) throw new Drop('inner_truncated');
  const header = payload.slice(0, length);
  const ethertype = read16(header, length - 2);
  const rest = payload.slice(length);
  if (ethertype !== 0x0800 && ethertype !== 0x86dd) {
    return { packet: null, frame: { header, padding: rest } };
  }
  const packet = checkIp(ethertype === 0x0800 ? 4 : 6, rest, INNER);
  return { packet, frame: { header, padding: rest.slice(packet.length) } };
}

function setEcn(packet: Uint8Array, ecn: number): void {
  const byte = Math.floor(trafficClassOf(packet) / 4) * 4 + ecn;
  if (versionOf(packet) === 4) {
    replaceWord(packet, 0, packet[0]! * 256 + byte, 10);
  } else {
    packet[0] = 0x60 + (byte >> 4);
    packet[1] = (byte & 15) * 16 + (packet[1]! & 15);
  }
}

const NOT_ECT = 0;
const ECT1 = 1;
const ECT0 = 2;
const CE = 3;

/** RFC 6040 §4.2. */
function combineEcn(outer: Uint8Array, inner: Uint8Array): void {
  const outerEcn = trafficClassOf(outer) % 4;
  const innerEcn = trafficClassOf(inner) % 4;
  if (outerEcn === CE) {
    if (innerEcn === NOT_ECT) throw new Drop('inner_ecn_invalid');
    setEcn(inner, CE);
  } else if (outerEcn === ECT1 && innerEcn === ECT0) {
    setEcn(inner, ECT1);
  }
}

export function checkSource(tunnel: TunnelSpec, packet: Uint8Array): void {
  if (tunnel.allowedSources === null) return;
  const source = sourceOf(packet);
  if (!tunnel.allowedSources.some((prefix) => inPrefix(source, prefix.address, prefix.length))) {
    throw new Drop('inner_source_denied');
  }
}

/** §4a: whether what came out of this tunnel is its own keepalive, coming home. */
function isKeepalive(tunnel: TunnelSpec, packet: Uint8Array): boolean {
  if (tunnel.local.length !== 4 || versionOf(packet) !== 4 || headerLengthOf(packet) !== 20) return false;
  if (!equal(sourceOf(packet), tunnel.local) || !equal(destinationOf(packet), tunnel.remote)) return false;
  const transport = transportOf(packet, { walkAuthentication: false });
  if (transport.protocol !== GRE || transport.fragment !== 'whole' || packet[8]! < 2) return false;
  const gre = packet.slice(20);
  if (gre.length < 4 || read16(gre, 2) !== 0) return false;
  if (read16(gre, 0) === 0) return true;
  return read16(gre, 0) === 0x2000 && gre.length >= 8 && read32(gre, 4) === tunnel.key;
}

/** One layer: the GRE header at `at` of `outer` and what it carries. `depth`: 1 for the outermost. */
export function decapsulate(
  spec: TablesSpec,
  outer: Uint8Array,
  at: number,
  depth: number,
  way: Way,
): Carried {
  const gre = parseGre(outer.slice(at));
  const index = lookUp(spec.tunnels, outer, gre.key);
  const tunnel = spec.tunnels[index]!;
  const isEthernet = gre.protocol === 0x6558;
  if (isEthernet !== (tunnel.mode === 'gretap')) throw new Drop('gre_unsupported_protocol');
  if (tunnel.checksum && !gre.hasChecksum) throw new Drop('gre_checksum_missing');
  way.tunnelIn = index;
  const carried = openPayload(gre.protocol, gre.payload);
  if (depth === 1 && !isEthernet && isKeepalive(tunnel, carried.packet!)) {
    carried.keepalive = true;
  } else if (carried.packet !== null) {
    checkSource(tunnel, carried.packet);
    combineEcn(outer, carried.packet);
  }
  const bytes = isEthernet ? gre.payload.length : carried.packet!.length;
  way.tally.decapsulated.push({ tunnel: index, bytes });
  return carried;
}

/** All layers, down to the packet that is not GRE for us; `first` is the outermost GRE header. */
export function decapsulateAll(spec: TablesSpec, packet: Uint8Array, first: number, way: Way): Carried {
  let carried = decapsulate(spec, packet, first, 1, way);
  for (let depth = 1; carried.packet !== null && carried.frame === null; depth++) {
    if (carried.keepalive) break;
    const nested = greForUs(carried.packet, spec.tunnels);
    if (nested.kind === 'no') break;
    if (depth + 1 > spec.maxNestingDepth) throw new Drop('nesting_too_deep');
    if (nested.kind === 'fragment') throw new Drop('outer_fragment');
    carried = decapsulate(spec, carried.packet, nested.at, depth + 1, way);
  }
  return carried;
}

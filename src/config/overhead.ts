/** What a tunnel adds to each inner IP packet. */
import { DEFAULTS, LIMITS, type Mode, type TunnelConfig } from './config.js';

/** All in bytes. */
export interface Overhead {
  /** Outer IP header: 20 (IPv4) or 40 (IPv6). */
  readonly outer_header: number;
  /** GRE header (RFC 2784, 2890): 4, and 4 more for each of checksum, key, sequence. */
  readonly gre: number;
  /** Inner Ethernet header: 14 for gretap, else 0. */
  readonly ethernet: number;
  readonly total: number;
}

export interface Encapsulation {
  readonly family: 4 | 6;
  readonly key: number | null;
  readonly checksum: boolean;
  readonly sequence: boolean;
  readonly mode: Mode;
}

export function overheadOf({ family, key, checksum, sequence, mode }: Encapsulation): Overhead {
  const outer_header = family === 4 ? 20 : 40;
  const gre = 4 + 4 * (Number(checksum) + Number(key !== null) + Number(sequence));
  const ethernet = mode === 'gretap' ? 14 : 0;
  return { outer_header, gre, ethernet, total: outer_header + gre + ethernet };
}

export function overheadOfTunnel(tunnel: TunnelConfig): Overhead {
  return overheadOf({ ...tunnel, family: tunnel.cloudflare_gre_endpoint.includes(':') ? 6 : 4 });
}

/** Tunnel MTU where the configuration gives none: what fits whole into 1500 bytes. */
export function defaultMtu(overhead: Overhead): number {
  return DEFAULTS.path_mtu - overhead.total;
}

/** Largest tunnel MTU: the outer packet's length must fit into 16 bits. */
export function largestMtu(overhead: Overhead): number {
  return LIMITS.mtu[1] - overhead.total;
}

/** MSS limits in bytes, as the dataplane takes them: 0 leaves the option as it is. */
import type { MssLimit } from '../config/config.js';

export interface MssPair {
  readonly v4: number;
  readonly v6: number;
}

/** Bytes of IP and TCP header without options: what an MSS is smaller than the MTU (RFC 879, RFC 6691). */
const HEADERS = { v4: 40, v6: 60 } as const;

/** What `auto` means for a tunnel MTU. */
export function autoMss(mtu: number): MssPair {
  return { v4: mtu - HEADERS.v4, v6: mtu - HEADERS.v6 };
}

export function mssOf(limit: MssLimit, mtu: number): MssPair {
  if (limit === 'auto') return autoMss(mtu);
  return limit === 'off' ? { v4: 0, v6: 0 } : { v4: limit, v6: limit };
}

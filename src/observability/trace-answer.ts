/** What grebe has answered itself, explained (docs/dataplane.md §§4a, 7a). */
import { formatAddress } from '../config/address.js';
import { Side } from '../dataplane/packet-vector.js';
import { be16 } from '../wire/bytes.js';
import type { TraceNode } from './trace-decap.js';
import { Fields } from './trace-fields.js';
import type { IpInfo } from './trace-ip.js';

const ICMP_SEQUENCE = 6;
const ICMP_ID = 4;

/** A keepalive out of a tunnel, sent back without one. */
export function explainKeepalive({ at, ttl, source, destination }: IpInfo): TraceNode {
  const f = new Fields();
  f.at(at + 8, 1, 'TTL', ttl, `becomes ${ttl - 1}`);
  f.fact(
    'sent',
    `${formatAddress(source)} > ${formatAddress(destination)}`,
    'as it is, outside of the tunnel',
  );
  return { node: 'answer', title: `keepalive, back to ${formatAddress(destination)}`, fields: f.list };
}

/** An echo request for an address of ours. `tunnel`: name of the one that it came out of, and the reply enters. */
export function explainEcho(bytes: Uint8Array, packet: IpInfo, side: number, tunnel: string): TraceNode {
  const f = new Fields();
  const { payload, source } = packet;
  f.at(payload + ICMP_ID, 2, 'identifier', be16(bytes, payload + ICMP_ID));
  f.at(payload + ICMP_SEQUENCE, 2, 'sequence', be16(bytes, payload + ICMP_SEQUENCE));
  const way = side === Side.OVERLAY ? 'to the overlay' : `through ${tunnel}`;
  return { node: 'answer', title: `echo reply to ${formatAddress(source)}, back ${way}`, fields: f.list };
}

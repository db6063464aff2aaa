/**
 * Verdicts: every packet ends with exactly one. This table is the only place where they are declared;
 * counters, metrics, trace text, capture comments and docs/verdicts.md come from it.
 * Numbers are stable: a new verdict takes the next free one, and none is used again.
 */

/** Where a packet's way can end: well (deliver, answer), or at a stage of the pipeline, in the order of these. */
export const STAGES = [
  'deliver',
  'answer',
  'frame',
  'ip',
  'gre',
  'endpoint',
  'inner',
  'route',
  'forward',
  'encap',
] as const;
export type Stage = (typeof STAGES)[number];

export interface VerdictEntry {
  readonly number: number;
  readonly name: string;
  readonly stage: Stage;
  readonly explanation: string;
  /** Where the rule comes from, such as "RFC 2784 §2.2"; empty when it is grebe's own. */
  readonly rfc: string;
}

const table = [
  [
    1,
    'delivered_overlay',
    'deliver',
    'Handed to the overlay: the inner packet of a tunnel, or an answer to a packet from there. Answers to health probes count here too, though the daemon keeps them.',
    '',
  ],
  [2, 'delivered_underlay', 'deliver', 'Sent to the underlay inside a tunnel (whole or as fragments).', ''],
  [
    3,
    'answered_echo',
    'answer',
    'An ICMP echo request for the interface address of a tunnel, answered back to where it came from.',
    'RFC 1122 §3.2.2.6, RFC 4443 §4.2',
  ],
  [
    4,
    'answered_keepalive',
    'answer',
    "A keepalive of the tunnel's other side (GRE in GRE, protocol type 0), sent back to it.",
    'Cisco IOS, GRE Tunnel Keepalive',
  ],
  [16, 'frame_truncated', 'frame', 'The frame ends inside its link header.', ''],
  [
    17,
    'ethertype_unsupported',
    'frame',
    'The link header announces neither IPv4 nor IPv6 (behind at most one 802.1Q tag).',
    '',
  ],
  [18, 'link_unsupported', 'frame', 'The frame has a link type that grebe does not read.', ''],
  [
    24,
    'ip_bad_version',
    'ip',
    'The IP version is not 4 or 6, or not the one that the link header announces.',
    'RFC 791 §3.1, RFC 8200 §3',
  ],
  [
    25,
    'ip_bad_header_length',
    'ip',
    'The IPv4 header length is below 20 bytes or beyond the total length.',
    'RFC 791 §3.1',
  ],
  [
    26,
    'ip_truncated',
    'ip',
    'The frame ends before the IP packet does (header, total length or payload length).',
    'RFC 791 §3.1, RFC 8200 §3',
  ],
  [27, 'ip_bad_checksum', 'ip', 'The IPv4 header checksum is wrong.', 'RFC 1122 §3.2.1.2'],
  [
    28,
    'outer_fragment',
    'ip',
    'A fragment of a GRE packet for one of our endpoints; grebe does not reassemble the outer packet.',
    'RFC 7588 §3',
  ],
  [
    32,
    'gre_truncated',
    'gre',
    'The packet ends inside the GRE header or the options that its flags announce.',
    'RFC 2784 §2.1',
  ],
  [33, 'gre_bad_version', 'gre', 'The GRE version is not 0 (1 is PPTP).', 'RFC 2784 §2.3.1'],
  [34, 'gre_routing_present', 'gre', 'Bit 1 (routing present, RFC 1701) is set.', 'RFC 2784 §2.3'],
  [35, 'gre_reserved_bits', 'gre', 'Reserved bit 4 or 5 is set.', 'RFC 2784 §2.3, RFC 2890 §2'],
  [36, 'gre_bad_checksum', 'gre', 'The GRE checksum over GRE header and payload is wrong.', 'RFC 2784 §2.3'],
  [
    37,
    'gre_unsupported_protocol',
    'gre',
    'The GRE protocol type is not one that the tunnel carries (IPv4 and IPv6 for mode gre, Ethernet for gretap).',
    'RFC 2784 §2.4',
  ],
  [38, 'gre_checksum_missing', 'gre', 'The tunnel has checksum: true and the packet carries none.', ''],
  [
    48,
    'endpoint_unknown',
    'endpoint',
    'GRE for one of our endpoint addresses from a source that no tunnel has.',
    '',
  ],
  [
    49,
    'gre_key_mismatch',
    'endpoint',
    'A tunnel has this source and destination, but not this key (or presence of a key).',
    'RFC 2890 §2.1',
  ],
  [
    56,
    'inner_bad_version',
    'inner',
    'The inner IP version is not the one that the GRE protocol type announces.',
    '',
  ],
  [
    57,
    'inner_bad_header_length',
    'inner',
    'The inner IPv4 header length is below 20 bytes or beyond the total length.',
    'RFC 791 §3.1',
  ],
  [58, 'inner_truncated', 'inner', 'The GRE payload ends before the inner packet does.', ''],
  [59, 'inner_bad_checksum', 'inner', 'The inner IPv4 header checksum is wrong.', 'RFC 1122 §3.2.1.2'],
  [
    60,
    'inner_source_denied',
    'inner',
    "The inner source address lies outside the tunnel's allowed_sources.",
    'RFC 2827',
  ],
  [
    61,
    'inner_ecn_invalid',
    'inner',
    'The outer header says congestion experienced and the inner packet is not ECN-capable.',
    'RFC 6040 §4.2',
  ],
  [
    62,
    'nesting_too_deep',
    'inner',
    'The inner packet is again GRE for one of our endpoints, beyond the configured depth.',
    'CERT VU#636397',
  ],
  [
    64,
    'not_for_us',
    'route',
    'From the underlay, not GRE for one of our endpoints, and no route matches.',
    '',
  ],
  [65, 'no_route', 'route', 'From the overlay, and no route matches.', ''],
  [
    72,
    'ttl_exceeded',
    'forward',
    'The TTL or hop limit ran out where grebe itself forwards (underlay to underlay); ICMP time exceeded is sent.',
    'RFC 1812 §5.3.1, RFC 8200 §3',
  ],
  [
    80,
    'mtu_exceeded',
    'encap',
    'Larger than the tunnel MTU and not to be fragmented; ICMP too big is sent.',
    'RFC 1191, RFC 8201',
  ],
  [81, 'no_buffer', 'encap', 'No room was left for the fragments of this packet.', ''],
  [
    82,
    'fragment_invalid',
    'encap',
    'A fragment that ends beyond 65,535 bytes, and is too large for the tunnel: its pieces would have no offset.',
    'RFC 791 §3.2',
  ],
] as const;

export type VerdictName = (typeof table)[number][1];

export const VERDICTS: readonly VerdictEntry[] = table.map(([number, name, stage, explanation, rfc]) => ({
  number,
  name,
  stage,
  explanation,
  rfc,
}));

/** Verdict numbers by name: `Verdict.gre_bad_version`. */
export const Verdict = Object.fromEntries(table.map(([number, name]) => [name, number])) as {
  readonly [K in (typeof table)[number] as K[1]]: K[0];
};

/** One more than the largest verdict number; the size of a counter array indexed by verdict. */
export const VERDICT_LIMIT = 96;

/** Numbers from here on, below FIRST_DROP, are answers: the packet goes back to the side that it came from. */
export const FIRST_ANSWER = 3;

/** Numbers from here on are drops. */
export const FIRST_DROP = 16;

/** The answers, in order of their numbers. */
export const ANSWERS: readonly VerdictEntry[] = VERDICTS.filter(
  (v) => v.number >= FIRST_ANSWER && v.number < FIRST_DROP,
);

/** The drop reasons, in order of their numbers. */
export const DROP_REASONS: readonly VerdictEntry[] = VERDICTS.filter((v) => v.number >= FIRST_DROP);

const byNumber = new Map(VERDICTS.map((v) => [v.number, v]));

/** The table's entry for a number, or undefined for a number that is no verdict. */
export function verdictEntry(number: number): VerdictEntry | undefined {
  return byNumber.get(number);
}

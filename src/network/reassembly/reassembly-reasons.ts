/** Why a fragment does not become part of a whole packet. Each fragment ends in one, or joined. */
export const REASSEMBLY_REASONS = [
  /** The same again, byte for byte; the datagram goes on (RFC 8200 §4.5). */
  'duplicate',
  /** Without data. */
  'empty',
  /** More follow, and its data is no multiple of 8 bytes. */
  'misaligned',
  /** The datagram would be longer than its length field can say. */
  'too_long',
  /** The first fragment does not hold all headers, or holds another fragment header (RFC 7112 §5). */
  'header_chain',
  /** Some of its bytes are there already: the whole datagram is discarded (RFC 5722 §4, RFC 8900 §3.7). */
  'overlap',
  /** Another fragment says that the datagram ends elsewhere. */
  'contradiction',
  /** The datagram has more pieces than are kept. */
  'too_many',
  /** Some fragments met congestion and others cannot say so (RFC 3168 §5.3). */
  'ecn_mixed',
  /** The others did not come in time. */
  'timed_out',
  /** Newer datagrams needed the room. */
  'evicted',
] as const;

export type ReassemblyReason = (typeof REASSEMBLY_REASONS)[number];

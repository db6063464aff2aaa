/**
 * Probes as bytes: an ICMP echo message with who sent it, for which tunnel and when, under a keyed hash, so that an
 * answer that lands anywhere of the edge can be told from a forged one and be handed to its prober. It is the
 * inner packet; the tunnel's encapsulation is the dataplane's business.
 *
 *     payload, network order:  0 magic  4 version  5 zero  6 server (16 bits)  8 PoP  12 target  16 sequence
 *                              20 time of sending in nanoseconds (64 bits)  28 SipHash-2-4 of all that (64 bits)
 *
 * Who sees a probe of type `reply` on its way can send its answer: it is its own answer. That is so by the nature of
 * the type; the hash shuts out those who do not see it.
 */
import type { HealthCheckType } from '../../config/network.js';
import { be16, be32, putBe16, putBe32, putWord, word } from '../../wire/bytes.js';
import { writeFrame } from '../../wire/build.js';
import { fold, sumBytes } from '../../wire/checksum.js';
import { EchoType, ICMP_HEADER, IpProtocol, IPV4_HEADER, IPV6_HEADER } from '../../wire/protocol.js';
import { sipHash } from './siphash.js';

const ECHO_REQUEST = { 4: EchoType.REQUEST4, 6: EchoType.REQUEST6 } as const;
const ECHO_REPLY = { 4: EchoType.REPLY4, 6: EchoType.REPLY6 } as const;
const TTL = 64;

/** "greb": the first four bytes behind the ICMP header of a probe, and of its answer. */
export const PROBE_MAGIC = 0x67726562;
const VERSION = 1;
const HASHED = 28;
const PAYLOAD = 36;

/** Bytes of a probe, over IPv4 and over IPv6. */
export const PROBE_BYTES = {
  4: IPV4_HEADER + ICMP_HEADER + PAYLOAD,
  6: IPV6_HEADER + ICMP_HEADER + PAYLOAD,
} as const;

/** Whom a probe is from and for, whatever its type: 4 or 16 bytes each, of one family. */
export interface ProbeAddresses {
  /** The edge's. */
  readonly ours: Uint8Array;
  /** The customer's. */
  readonly theirs: Uint8Array;
}

/** What a probe says. All but `sent` are unsigned, `server` of 16 bits, the others of 32. */
export interface Probe {
  /** Number of the prober: a PoP, or a node. */
  pop: number;
  /** Server of the PoP that sent it. */
  server: number;
  /** Number of the target, as the prober counted when it sent. For people: the sequence number says it too. */
  target: number;
  sequence: number;
  /** When it was sent, by the prober's time: nanoseconds, 0 to 2^53 − 1. */
  sent: number;
}

/** Why a packet is no answer. The first five: it has nothing to do with probes. */
export const PROBE_REFUSALS = [
  /** Not an IP packet that is all there. */
  'not_ip',
  /** A fragment; probes are never fragmented. */
  'fragment',
  'not_icmp',
  /** An ICMP message other than an echo reply. */
  'not_echo_reply',
  /** An echo reply to someone else. */
  'not_a_probe',
  /** Of a version that is not known here. */
  'other_version',
  'bad_checksum',
  /** It was not made with this key, or was changed. */
  'forged',
] as const;
export type ProbeRefusal = (typeof PROBE_REFUSALS)[number];

const payload = new Uint8Array(PAYLOAD);
const hash = new Int32Array(2);

/**
 * Writes a probe at an offset; PROBE_BYTES of it. A reply has the addresses of the answer that it is.
 *
 * @param key made by sipKey
 * @returns its length
 */
export function writeProbe(
  bytes: Uint8Array,
  at: number,
  type: HealthCheckType,
  { ours, theirs }: ProbeAddresses,
  probe: Probe,
  key: Int32Array,
): number {
  const family = ours.length === 4 ? 4 : 6;
  putPayload(probe, key);
  const isRequest = type === 'request';
  return writeFrame(bytes, at, {
    ip: {
      source: isRequest ? ours : theirs,
      destination: isRequest ? theirs : ours,
      ttl: TTL,
      dontFragment: true,
    },
    // What a stateful firewall tells echoes apart by: two probers have two identifiers.
    icmp: {
      type: (isRequest ? ECHO_REQUEST : ECHO_REPLY)[family],
      id: probe.pop & 0xffff,
      sequence: probe.sequence & 0xffff,
    },
    payload,
  });
}

function putPayload({ pop, server, target, sequence, sent }: Probe, key: Int32Array): void {
  putBe32(payload, 0, PROBE_MAGIC);
  payload[4] = VERSION;
  payload[5] = 0;
  putBe16(payload, 6, server);
  putBe32(payload, 8, pop);
  putBe32(payload, 12, target);
  putBe32(payload, 16, sequence);
  putBe32(payload, 20, Math.floor(sent / 0x1_0000_0000));
  putBe32(payload, 24, sent >>> 0);
  sipHash(key, payload, 0, HASHED, hash);
  putWord(payload, HASHED, hash[0]!);
  putWord(payload, HASHED + 4, hash[1]!);
}

/**
 * Reads what may be the answer to a probe: any bytes whatever.
 *
 * @param at offset of the IP header; `length` bytes from there on are looked at, no more
 * @param out becomes what the probe said, if this returns null
 * @returns why it is none; null: it is one. Whose answer it is, and whether anyone waits for it, has still to be seen.
 */
export function readAnswer(
  bytes: Uint8Array,
  at: number,
  length: number,
  key: Int32Array,
  out: Probe,
): ProbeRefusal | null {
  if (at < 0 || length < 1 || at + length > bytes.length) return 'not_ip';
  const version = bytes[at]! >>> 4;
  if (version === 4) return readAnswer4(bytes, at, length, key, out);
  return version === 6 ? readAnswer6(bytes, at, length, key, out) : 'not_ip';
}

/**
 * Whether a checked packet looks like an answer to somebody's probe: cheap, and no more than a guess. No packet that
 * readAnswer takes is missed.
 */
export function mayBeAnswer(bytes: Uint8Array, at: number, length: number): boolean {
  const family = bytes[at]! >>> 4 === 4 ? 4 : 6;
  const header = family === 4 ? (bytes[at]! & 0x0f) * 4 : IPV6_HEADER;
  const protocol = family === 4 ? bytes[at + 9] : bytes[at + 6];
  return (
    length >= header + ICMP_HEADER + PAYLOAD &&
    protocol === (family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6) &&
    bytes[at + header] === ECHO_REPLY[family] &&
    be32(bytes, at + header + ICMP_HEADER) === PROBE_MAGIC
  );
}

function readAnswer4(
  bytes: Uint8Array,
  at: number,
  length: number,
  key: Int32Array,
  out: Probe,
): ProbeRefusal | null {
  if (length < IPV4_HEADER) return 'not_ip';
  const header = (bytes[at]! & 0x0f) * 4;
  const total = be16(bytes, at + 2);
  if (header < IPV4_HEADER || total < header || total > length) return 'not_ip';
  // More fragments, or an offset.
  if ((be16(bytes, at + 6) & 0x3fff) !== 0) return 'fragment';
  if (bytes[at + 9] !== IpProtocol.ICMP) return 'not_icmp';
  return readEcho(bytes, at + header, total - header, ECHO_REPLY[4], 0, key, out);
}

function readAnswer6(
  bytes: Uint8Array,
  at: number,
  length: number,
  key: Int32Array,
  out: Probe,
): ProbeRefusal | null {
  if (length < IPV6_HEADER) return 'not_ip';
  const size = be16(bytes, at + 4);
  if (IPV6_HEADER + size > length) return 'not_ip';
  if (bytes[at + 6] === IpProtocol.FRAGMENT) return 'fragment';
  if (bytes[at + 6] !== IpProtocol.ICMPV6) return 'not_icmp';
  // Pseudo-header (RFC 8200 §8.1), in native order: addresses, length, next header.
  const pseudo =
    sumBytes(bytes, at + 8, 32) + (((size & 0xff) << 8) | (size >>> 8)) + (IpProtocol.ICMPV6 << 8);
  return readEcho(bytes, at + IPV6_HEADER, size, ECHO_REPLY[6], pseudo, key, out);
}

/** @param pseudo sum of the pseudo-header, 0 where the checksum has none */
function readEcho(
  bytes: Uint8Array,
  at: number,
  size: number,
  reply: number,
  pseudo: number,
  key: Int32Array,
  out: Probe,
): ProbeRefusal | null {
  if (size < ICMP_HEADER || be16(bytes, at) !== reply << 8) return 'not_echo_reply';
  const data = at + ICMP_HEADER;
  if (size !== ICMP_HEADER + PAYLOAD || be32(bytes, data) !== PROBE_MAGIC) return 'not_a_probe';
  if (bytes[data + 4] !== VERSION) return 'other_version';
  if (fold(sumBytes(bytes, at, size) + pseudo) !== 0xffff) return 'bad_checksum';
  sipHash(key, bytes, data, HASHED, hash);
  const differences = (word(bytes, data + HASHED) ^ hash[0]!) | (word(bytes, data + HASHED + 4) ^ hash[1]!);
  if (differences !== 0) return 'forged';
  out.server = be16(bytes, data + 6);
  out.pop = be32(bytes, data + 8);
  out.target = be32(bytes, data + 12);
  out.sequence = be32(bytes, data + 16);
  out.sent = be32(bytes, data + 20) * 0x1_0000_0000 + be32(bytes, data + 24);
  return null;
}

/** Whether an answer (that readAnswer took for one) goes from the customer's address to the edge's. */
export function hasAddresses(bytes: Uint8Array, at: number, { ours, theirs }: ProbeAddresses): boolean {
  const size = bytes[at]! >>> 4 === 4 ? 4 : 16;
  if (ours.length !== size) return false;
  const source = at + (size === 4 ? 12 : 8);
  for (let i = 0; i < size; i++) {
    if (bytes[source + i] !== theirs[i] || bytes[source + size + i] !== ours[i]) return false;
  }
  return true;
}

/**
 * A stateful firewall: what goes out makes an entry, what comes in needs one, or has to be the beginning of
 * something that is let in (a SYN or datagram to a service, an echo request). An echo reply that nobody asked for
 * has none: that is what happens to health probes of type `reply` (behaviour §4).
 */
import { be16 } from '../../wire/bytes.js';
import { EchoType, IpProtocol, TCP_HEADER, TcpFlag } from '../../wire/protocol.js';
import { SECOND, type Nanoseconds } from '../../network/time.js';
import { ADDRESS_WORDS, putAddressWords } from './address-words.js';
import { IcmpQuote } from './icmp-quote.js';
import type { IpPacket } from './ip-packet.js';
import { WordTable } from './word-table.js';

/** Something behind the firewall that anybody may begin to talk to. */
export interface Service {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** How long an entry is kept without a packet (RFC 5382 §5, RFC 4787 §4.3, RFC 5508 §3.2). */
const IDLE_TCP = 7440 * SECOND;
const IDLE_UDP = 300 * SECOND;
const IDLE_OTHER = 60 * SECOND;
/** Later fragments of a packet whose first fragment was let in. */
const IDLE_FRAGMENT = 30 * SECOND;

const KEY_WORDS = 2 * ADDRESS_WORDS + 2;
const INSIDE = 0;
const OUTSIDE = ADDRESS_WORDS;
const PORTS = 2 * ADDRESS_WORDS;
const PROTOCOL = PORTS + 1;
/** Beside the protocol, in the key of an entry for fragments. */
const FRAGMENTS = 0x100;

const SYN_ACK = TcpFlag.SYN | TcpFlag.ACK;

export class Firewall {
  private readonly flows = new WordTable(KEY_WORDS);
  private readonly services = new WordTable(ADDRESS_WORDS + 1);
  private readonly key = new Int32Array(KEY_WORDS);
  private readonly serviceKey = new Int32Array(ADDRESS_WORDS + 1);
  private readonly quote = new IcmpQuote();
  /** Of each entry: until when, and its key. */
  private expiry: Float64Array;
  private keys: Int32Array;
  private count = 0;
  private nextSweep: Nanoseconds = 0;

  /** @param most entries at a time; what would begin one more is denied */
  constructor(
    services: readonly Service[],
    private readonly most = 1 << 18,
  ) {
    this.expiry = new Float64Array(64);
    this.keys = new Int32Array(64 * KEY_WORDS);
    for (const { address, protocol, port } of services) {
      const number = protocol === 'tcp' ? IpProtocol.TCP : IpProtocol.UDP;
      putAddressWords(this.serviceKey, 0, address, 0, address.length === 4 ? 4 : 6);
      this.serviceKey[ADDRESS_WORDS] = (number << 16) | port;
      this.services.put(this.serviceKey, 0);
    }
  }

  get entries(): number {
    return this.count;
  }

  /** Whether a packet with a checked header may pass. @param fromInside it comes from the LAN */
  admits(bytes: Uint8Array, ip: IpPacket, fromInside: boolean, now: Nanoseconds): boolean {
    const inside = fromInside ? ip.source : ip.destination;
    const outside = fromInside ? ip.destination : ip.source;
    if (ip.fragment) {
      if (ip.laterFragment) {
        this.putKey(bytes, inside, outside, ip.family, idOf(bytes, ip), ip.protocol | FRAGMENTS);
        return fromInside || this.isKnown(now, IDLE_FRAGMENT);
      }
      if (!this.admitsWhole(bytes, ip, inside, outside, fromInside, now)) return false;
      if (fromInside) return true;
      this.putKey(bytes, inside, outside, ip.family, idOf(bytes, ip), ip.protocol | FRAGMENTS);
      return this.isKnown(now, IDLE_FRAGMENT) || this.begin(now, IDLE_FRAGMENT);
    }
    return this.admitsWhole(bytes, ip, inside, outside, fromInside, now);
  }

  private admitsWhole(
    bytes: Uint8Array,
    ip: IpPacket,
    inside: number,
    outside: number,
    fromInside: boolean,
    now: Nanoseconds,
  ): boolean {
    const idle =
      ip.protocol === IpProtocol.TCP ? IDLE_TCP : ip.protocol === IpProtocol.UDP ? IDLE_UDP : IDLE_OTHER;
    this.putKey(bytes, inside, outside, ip.family, portsOf(bytes, ip, fromInside), ip.protocol);
    if (this.isKnown(now, idle)) return true;
    if (isError(bytes, ip)) return fromInside || this.admitsError(bytes, ip, now);
    return (fromInside || this.mayBegin(bytes, ip)) && this.begin(now, idle);
  }

  /** An ICMP error is let in about what is known to have gone out. */
  private admitsError(bytes: Uint8Array, ip: IpPacket, now: Nanoseconds): boolean {
    const { quote } = this;
    if (!quote.read(bytes, ip)) return false;
    const ports = quote.isIcmp
      ? be16(bytes, quote.transport + 4)
      : (be16(bytes, quote.transport) << 16) | be16(bytes, quote.transport + 2);
    this.putKey(bytes, quote.source, quote.destination, quote.family, ports, quote.protocol);
    return this.isKnown(now, 0);
  }

  private mayBegin(bytes: Uint8Array, ip: IpPacket): boolean {
    const { transport, protocol, family, end, destination } = ip;
    if (end < transport + 8) return false;
    if (protocol === IpProtocol.ICMP || protocol === IpProtocol.ICMPV6) {
      return bytes[transport] === (family === 4 ? EchoType.REQUEST4 : EchoType.REQUEST6);
    }
    if (
      protocol === IpProtocol.TCP &&
      (end < transport + TCP_HEADER || (bytes[transport + 13]! & SYN_ACK) !== TcpFlag.SYN)
    ) {
      return false;
    }
    putAddressWords(this.serviceKey, 0, bytes, destination, family);
    this.serviceKey[ADDRESS_WORDS] = (protocol << 16) | be16(bytes, transport + 2);
    return this.services.get(this.serviceKey) >= 0;
  }

  private putKey(
    bytes: Uint8Array,
    inside: number,
    outside: number,
    family: number,
    ports: number,
    protocol: number,
  ): void {
    const { key } = this;
    putAddressWords(key, INSIDE, bytes, inside, family);
    putAddressWords(key, OUTSIDE, bytes, outside, family);
    key[PORTS] = ports;
    key[PROTOCOL] = protocol;
  }

  /** Whether the key's entry is there; it is then kept for `idle` from now on (0: as long as before). */
  private isKnown(now: Nanoseconds, idle: Nanoseconds): boolean {
    const entry = this.flows.get(this.key);
    if (entry < 0 || this.expiry[entry]! <= now) return false;
    if (idle > 0) this.expiry[entry] = now + idle;
    return true;
  }

  /** Makes the key's entry; false when there is no room for it. */
  private begin(now: Nanoseconds, idle: Nanoseconds): boolean {
    let entry = this.flows.get(this.key);
    if (entry < 0) {
      if (this.count === this.expiry.length && now >= this.nextSweep) this.makeRoom(now);
      if (this.count === this.expiry.length) return false;
      entry = this.count++;
      this.keys.set(this.key, entry * KEY_WORDS);
      this.flows.put(this.key, entry);
    }
    this.expiry[entry] = now + idle;
    return true;
  }

  /** Takes out what is over, and makes the arrays larger when that is not much. */
  private makeRoom(now: Nanoseconds): void {
    const { flows, keys, expiry } = this;
    const old = new Int32Array(KEY_WORDS);
    for (let entry = 0; entry < this.count;) {
      if (expiry[entry]! > now) {
        entry++;
        continue;
      }
      old.set(keys.subarray(entry * KEY_WORDS, (entry + 1) * KEY_WORDS));
      flows.delete(old);
      // The last one takes its number.
      const last = --this.count;
      if (last === entry) break;
      old.set(keys.subarray(last * KEY_WORDS, (last + 1) * KEY_WORDS));
      keys.set(old, entry * KEY_WORDS);
      expiry[entry] = expiry[last]!;
      flows.put(old, entry);
    }
    if (this.count * 2 < expiry.length) return;
    if (expiry.length >= this.most) {
      // Under attack: the way through all entries is not taken for each packet.
      this.nextSweep = now + SECOND;
      return;
    }
    const size = Math.min(expiry.length * 2, this.most);
    this.expiry = new Float64Array(size);
    this.expiry.set(expiry);
    this.keys = new Int32Array(size * KEY_WORDS);
    this.keys.set(keys);
  }
}

/** Inside port and outside port in one word; identifier of an echo; 0 of what has neither. */
function portsOf(bytes: Uint8Array, ip: IpPacket, fromInside: boolean): number {
  const { protocol, transport, end } = ip;
  if (end < transport + 8) return 0;
  if (protocol === IpProtocol.TCP || protocol === IpProtocol.UDP) {
    const source = be16(bytes, transport);
    const destination = be16(bytes, transport + 2);
    return fromInside ? (source << 16) | destination : (destination << 16) | source;
  }
  return protocol === IpProtocol.ICMP || protocol === IpProtocol.ICMPV6 ? be16(bytes, transport + 4) : 0;
}

/** An ICMP error, or another ICMP message that is no echo. */
function isError(bytes: Uint8Array, ip: IpPacket): boolean {
  const { protocol, transport, end, family } = ip;
  if (protocol !== (family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6) || end <= transport) return false;
  const type = bytes[transport]!;
  return family === 4 ? type !== EchoType.REQUEST4 && type !== EchoType.REPLY4 : type < EchoType.REQUEST6;
}

/** Identification that the fragments of a packet share. */
function idOf(bytes: Uint8Array, ip: IpPacket): number {
  if (ip.family === 4) return be16(bytes, ip.at + 4);
  // A fragment header stands directly behind the IPv6 header, unless somebody is up to something.
  return be16(bytes, ip.at + 46);
}

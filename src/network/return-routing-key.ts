/**
 * Which flow a packet belongs to, read from the packet: addresses, and ports or the identifier of an ICMP echo. A
 * key names one direction of a flow; `reversed` is the other one. Words are as they lie in the packet.
 */
import { be16, word } from '../wire/bytes.js';
import { Ipv6Chain } from '../wire/ipv6-chain.js';
import { EchoType, ICMP_HEADER, IpProtocol, IPV4_HEADER, IPV6_HEADER, TcpFlag } from '../wire/protocol.js';

/** Words of a key: source (4), destination (4), ports, family and kind. */
export const FLOW_KEY_WORDS = 10;

/** What a packet means for its flow. */
export const FlowEvent = {
  /** It cannot be the first of a flow, nor the last. */
  NONE: 0,
  /** It may be the first: SYN, UDP, echo request. */
  OPENS: 1,
  /** FIN or RST. */
  CLOSES: 2,
} as const;

/** Kinds of flows; an echo's two directions are told apart. */
export const FlowKind = { TCP: 1, UDP: 2, ECHO_REQUEST: 3, ECHO_REPLY: 4 } as const;

const PORTS = 4;
/** Flags of a TCP header end here. */
const TCP_FLAGS_END = 14;

const ECHO4 = { request: EchoType.REQUEST4, reply: EchoType.REPLY4 };
const ECHO6 = { request: EchoType.REQUEST6, reply: EchoType.REPLY6 };
/** Unreachable, source quench, time exceeded, parameter problem. */
const ERRORS4 = [3, 4, 11, 12];
/** Unreachable, too big, time exceeded, parameter problem. */
const ERRORS6 = [1, 2, 3, 4];

/** What was read of one packet; made once, filled by each `read`. */
export class FlowKey {
  readonly words = new Int32Array(FLOW_KEY_WORDS);
  /** The key of the packets that go the other way. */
  readonly reversed = new Int32Array(FLOW_KEY_WORDS);
  kind = 0;
  event: number = FlowEvent.NONE;
  private protocol = 0;
  private transport = 0;
  private readonly chain = new Ipv6Chain();

  /**
   * Reads the checked packet of `length` bytes at `ip`. False for one of which no flow can be told: another protocol,
   * a fragment, a transport header of which too little is there.
   */
  read(bytes: Uint8Array, ip: number, length: number, family: number): boolean {
    if (!this.findTransport(bytes, ip, length, family)) return false;
    return this.readTransport(bytes, ip, ip + length, family);
  }

  /**
   * Reads the packet about which this packet is an ICMP error, if it is one, and sent to where that packet came from.
   */
  readQuoted(bytes: Uint8Array, ip: number, length: number, family: number): boolean {
    if (!this.findTransport(bytes, ip, length, family)) return false;
    const isIcmp = this.protocol === (family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6);
    const end = ip + length;
    const quoted = this.transport + ICMP_HEADER;
    if (!isIcmp || quoted + (family === 4 ? IPV4_HEADER : IPV6_HEADER) > end) return false;
    if (!(family === 4 ? ERRORS4 : ERRORS6).includes(bytes[this.transport]!)) return false;
    if (bytes[quoted]! >>> 4 !== family) return false;
    const [source, destination, size] = family === 4 ? [12, 16, 4] : [8, 24, 16];
    for (let i = 0; i < size; i += 4) {
      if (word(bytes, quoted + source + i) !== word(bytes, ip + destination + i)) return false;
    }
    // How long the quoted packet was matters to nobody: it ends where the error does.
    return (
      this.findTransport(bytes, quoted, end - quoted, family) &&
      this.readTransport(bytes, quoted, end, family)
    );
  }

  private findTransport(bytes: Uint8Array, ip: number, length: number, family: number): boolean {
    if (family === 4) {
      const header = (bytes[ip]! & 0x0f) * 4;
      if (header < IPV4_HEADER || header > length || (be16(bytes, ip + 6) & 0x3fff) !== 0) return false;
      this.protocol = bytes[ip + 9]!;
      this.transport = ip + header;
      return true;
    }
    const { chain } = this;
    chain.walk(bytes, ip, length, false);
    this.protocol = chain.protocol;
    this.transport = chain.offset;
    return !chain.fragment && chain.protocol >= 0;
  }

  private readTransport(bytes: Uint8Array, ip: number, end: number, family: number): boolean {
    const { transport } = this;
    switch (this.protocol) {
      case IpProtocol.TCP:
        if (transport + PORTS > end) return false;
        this.event = transport + TCP_FLAGS_END > end ? FlowEvent.NONE : tcpEvent(bytes[transport + 13]!);
        this.fill(bytes, ip, family, word(bytes, transport), FlowKind.TCP, FlowKind.TCP);
        return true;
      case IpProtocol.UDP:
        if (transport + PORTS > end) return false;
        this.event = FlowEvent.OPENS;
        this.fill(bytes, ip, family, word(bytes, transport), FlowKind.UDP, FlowKind.UDP);
        return true;
      case IpProtocol.ICMP:
        return family === 4 && this.readEcho(bytes, ip, end, family, ECHO4);
      case IpProtocol.ICMPV6:
        return family === 6 && this.readEcho(bytes, ip, end, family, ECHO6);
      default:
        return false;
    }
  }

  private readEcho(
    bytes: Uint8Array,
    ip: number,
    end: number,
    family: number,
    types: { readonly request: number; readonly reply: number },
  ): boolean {
    const { transport } = this;
    if (transport + ICMP_HEADER > end) return false;
    const type = bytes[transport];
    if ((type !== types.request && type !== types.reply) || bytes[transport + 1] !== 0) return false;
    const isRequest = type === types.request;
    const identifier = be16(bytes, transport + 4);
    this.event = isRequest ? FlowEvent.OPENS : FlowEvent.NONE;
    this.fill(
      bytes,
      ip,
      family,
      identifier | (identifier << 16),
      isRequest ? FlowKind.ECHO_REQUEST : FlowKind.ECHO_REPLY,
      isRequest ? FlowKind.ECHO_REPLY : FlowKind.ECHO_REQUEST,
    );
    return true;
  }

  private fill(
    bytes: Uint8Array,
    ip: number,
    family: number,
    ports: number,
    kind: number,
    kindBack: number,
  ): void {
    const { words, reversed } = this;
    const count = family === 4 ? 1 : 4;
    const source = ip + (family === 4 ? 12 : 8);
    for (let i = 0; i < 4; i++) {
      words[i] = reversed[4 + i] = i < count ? word(bytes, source + i * 4) : 0;
      words[4 + i] = reversed[i] = i < count ? word(bytes, source + (count + i) * 4) : 0;
    }
    words[8] = ports;
    reversed[8] = (ports << 16) | (ports >>> 16);
    words[9] = (family << 8) | kind;
    reversed[9] = (family << 8) | kindBack;
    this.kind = kind;
  }
}

function tcpEvent(flags: number): number {
  if ((flags & (TcpFlag.FIN | TcpFlag.RST)) !== 0) return FlowEvent.CLOSES;
  return (flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN ? FlowEvent.OPENS : FlowEvent.NONE;
}

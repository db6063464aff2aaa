/** Builds and sends the segments of one end of a TCP connection. */
import { IpProtocol, TCP_HEADER, TcpFlag } from '../../wire/protocol.js';
import type { Host } from '../node/host.js';
import { DEFAULT_TTL, ipHeaderLength, putIpHeader } from '../node/ip-header.js';
import type { Pattern } from './pattern.js';
import { putTcpHeader, SYN_OPTIONS, tcpPseudoSum } from './tcp-segment.js';

export interface TcpOptions {
  /** Number within its owner. */
  readonly index: number;
  readonly isServer: boolean;
  readonly host: Host;
  /** 4 or 16 bytes. */
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
  localPort: number;
  readonly remotePort: number;
  /** The recorder's flow. */
  readonly flow: number;
  /** First sequence number, 32 bits. */
  readonly initial: number;
  readonly pattern: Pattern;
  /** Compares what comes with what was sent, byte by byte. */
  readonly verify: boolean;
}

/** Bytes that a receiver takes beyond what is acknowledged, and how that is written in 16 bits. */
export const TCP_WINDOW = 262_144;
const SHIFT = 3;

export class TcpOutput {
  private readonly ipHeader: number;
  private readonly pseudo: number;
  /** The stream that this end sends, of the two of the connection. */
  private readonly stream: number;

  constructor(private readonly options: TcpOptions) {
    const { local, remote, index, isServer } = options;
    this.ipHeader = ipHeaderLength(local.length === 4 ? 4 : 6);
    this.pseudo = tcpPseudoSum(local, remote);
    this.stream = 2 * index + (isServer ? 1 : 0);
  }

  /**
   * @param from position of its first byte; the SYN is 0
   * @param length bytes of data
   * @param acknowledgment 32 bits; 0 without the flag
   */
  send(from: number, length: number, flags: number, acknowledgment: number): void {
    const { options, ipHeader, stream } = this;
    const { host, local, remote } = options;
    const { packets, scheduler, recorder } = host.world;
    const isSyn = (flags & TcpFlag.SYN) !== 0;
    const header = isSyn ? TCP_HEADER + SYN_OPTIONS : TCP_HEADER;
    const size = ipHeader + header + length;
    const packet = packets.take(size);
    const at = packets.start[packet]!;
    const tcp = at + ipHeader;
    const dataSum = length === 0 ? 0 : options.pattern.put(tcp + header, stream, from - 1, length);
    const sequence = (options.initial + from) | 0;
    // RFC 7323 §2.2: the window of a SYN is not scaled.
    const window = isSyn ? 0xffff : TCP_WINDOW >>> SHIFT;
    // prettier-ignore
    putTcpHeader(packets.bytes, tcp, options.localPort, options.remotePort, sequence, acknowledgment, flags, window,
      isSyn ? this.mss() : 0, SHIFT, length, this.pseudo, dataSum);
    const id = host.pathMtuDiscovery ? 0 : host.takeId();
    // prettier-ignore
    putIpHeader(packets.bytes, at, local, remote, IpProtocol.TCP, header + length, DEFAULT_TTL,
      host.pathMtuDiscovery, id);
    packets.length[packet] = size;
    packets.flow[packet] = options.flow;
    packets.born[packet] = scheduler.now;
    recorder.sent(options.flow, packet);
    host.send(packet);
  }

  /** What this end offers. */
  private mss(): number {
    const { host } = this.options;
    return host.mss ?? host.mtu - this.ipHeader - TCP_HEADER;
  }
}

/**
 * A TCP server: connections that its traffic has announced are taken up; every other SYN is answered too, as a
 * server under attack does, without keeping anything (SYN cookies, RFC 4987 §3.6).
 */
import { hashWords } from '../../dataplane/hash.js';
import { be16 } from '../../wire/bytes.js';
import { IpProtocol, TCP_HEADER, TcpFlag } from '../../wire/protocol.js';
import { ADDRESS_WORDS, putAddressWords } from '../node/address-words.js';
import type { Host } from '../node/host.js';
import type { IcmpQuote } from '../node/icmp-quote.js';
import { DEFAULT_TTL, ipHeaderLength, putIpHeader } from '../node/ip-header.js';
import type { IpPacket } from '../node/ip-packet.js';
import type { Socket } from '../node/socket.js';
import { WordTable } from '../node/word-table.js';
import type { TcpEndpoint } from './tcp-endpoint.js';
import { putTcpHeader, SYN_OPTIONS, tcpPseudoSum, TcpSegment } from './tcp-segment.js';

const PORT = ADDRESS_WORDS;

export class TcpListener implements Socket {
  /** SYNs that were answered and not kept. */
  answered = 0;
  private readonly table = new WordTable(ADDRESS_WORDS + 1);
  private readonly key = new Int32Array(ADDRESS_WORDS + 1);
  private readonly endpoints: TcpEndpoint[] = [];
  private readonly segment = new TcpSegment();

  constructor(
    private readonly host: Host,
    private readonly port: number,
  ) {
    host.bind(IpProtocol.TCP, port, this);
  }

  /** Segments from this address and port are for this end; the last one that said so has them. */
  expect(remote: Uint8Array, remotePort: number, endpoint: TcpEndpoint): void {
    putAddressWords(this.key, 0, remote, 0, remote.length === 4 ? 4 : 6);
    this.key[PORT] = remotePort;
    this.table.put(this.key, this.endpoints.push(endpoint) - 1);
  }

  receive(packet: number, ip: IpPacket): void {
    const { host, segment, key } = this;
    const { world } = host;
    const { bytes, flow } = world.packets;
    putAddressWords(key, 0, bytes, ip.source, ip.family);
    key[PORT] = be16(bytes, ip.transport);
    const found = this.table.get(key);
    if (found >= 0) {
      this.endpoints[found]!.receive(packet, ip);
      return;
    }
    if (flow[packet]! >= 0) world.recorder.delivered(flow[packet]!, packet);
    if (segment.read(bytes, ip) && segment.has(TcpFlag.SYN) && !segment.has(TcpFlag.ACK)) {
      this.answer(packet, ip);
      world.arrive(packet, host.name);
    } else {
      host.refuse(packet);
    }
  }

  hasSent(quote: IcmpQuote): boolean {
    return this.endpointOf(quote)?.hasSent(quote) ?? false;
  }

  failed(quote: IcmpQuote): void {
    this.endpointOf(quote)?.failed(quote);
  }

  private endpointOf(quote: IcmpQuote): TcpEndpoint | null {
    const { bytes } = this.host.world.packets;
    putAddressWords(this.key, 0, bytes, quote.destination, quote.family);
    this.key[PORT] = be16(bytes, quote.transport + 2);
    return this.endpoints[this.table.get(this.key)] ?? null;
  }

  /** Sends a SYN-ACK that says all there is to know about the connection. */
  private answer(syn: number, ip: IpPacket): void {
    const { host, segment } = this;
    const { packets, scheduler, observer } = host.world;
    const { bytes } = packets;
    const local = bytes.slice(ip.destination, ip.destination + ip.addressBytes);
    const remote = bytes.slice(ip.source, ip.source + ip.addressBytes);
    const header = ipHeaderLength(ip.family);
    const size = TCP_HEADER + SYN_OPTIONS;
    const packet = packets.take();
    const at = packets.start[packet]!;
    const cookie = hashWords(this.key, 0, this.key.length);
    const mss = host.mss ?? host.mtu - header - TCP_HEADER;
    // prettier-ignore
    putTcpHeader(bytes, at + header, this.port, segment.sourcePort, cookie, (segment.sequence + 1) | 0,
      TcpFlag.SYN | TcpFlag.ACK, 0xffff, mss, 0, 0, tcpPseudoSum(local, remote), 0);
    putIpHeader(bytes, at, local, remote, IpProtocol.TCP, size, DEFAULT_TTL, true, 0);
    packets.length[packet] = header + size;
    packets.born[packet] = scheduler.now;
    if (observer !== null) observer.child(syn, packet);
    this.answered++;
    host.send(packet);
  }
}

/**
 * The outer header of an encapsulated packet, byte by byte and with every option: IPv4 or IPv6, GRE with
 * checksum, key and sequence, an Ethernet header for gretap (docs/dataplane.md §6.6).
 */
import { be16, le16, putBe16, putBe32, putLe16, putWord, word } from '../wire/bytes.js';
import { fold } from '../wire/checksum.js';
import type { PayloadKernels } from '../wire/payload.js';
import { ETHERNET_HEADER, EtherType, GRE_HEADER, IPV4_HEADER, IPV6_HEADER } from '../wire/protocol.js';
import { bytesOf } from './aligned.js';
import { COUNTERS_PER_TUNNEL, TUNNEL_COUNTERS, TunnelCounter } from './counters.js';
import type { PacketPool } from './packet-pool.js';
import type { Tables } from './tables.js';
import { TUNNEL_WORDS, TunnelField, TunnelFlag } from './tunnel-table.js';

export class OuterHeader {
  private readonly bytes: Uint8Array;
  private readonly words: Int32Array;
  private readonly tunnels: Int32Array;
  private readonly tunnelBytes: Uint8Array;

  constructor(
    pool: PacketPool,
    private readonly kernels: PayloadKernels,
    private readonly tables: Tables,
    private readonly counters: Float64Array,
  ) {
    this.bytes = pool.bytes;
    this.words = pool.words;
    this.tunnels = tables.shared.tunnels;
    this.tunnelBytes = bytesOf(this.tunnels);
  }

  /** Family of what leaves through a tunnel, 4 or 6: that of the outer header, or where there is none `inner`. */
  family(tunnel: number, inner: number): number {
    const flags = this.tunnels[tunnel * TUNNEL_WORDS + TunnelField.FLAGS]!;
    if ((flags & TunnelFlag.PLAIN) !== 0) return inner;
    return (flags & TunnelFlag.IPV6) !== 0 ? 6 : 4;
  }

  /** Where the outer header will start for an inner packet at `ip` with so many bytes of Ethernet in front. */
  start(tunnel: number, ip: number, ethernet: number): number {
    const record = tunnel * TUNNEL_WORDS;
    const header = this.tunnels[record + TunnelField.HEADER_LENGTH]!;
    const gretap = (this.tunnels[record + TunnelField.FLAGS]! & TunnelFlag.GRETAP) !== 0;
    return ip - header - (gretap ? ethernet || ETHERNET_HEADER : 0);
  }

  /**
   * Writes outer IP and GRE header (and a made Ethernet header, for gretap without one) in front of the
   * packet of `length` bytes at `ip`, nothing for a plain next hop, and counts it for the tunnel.
   */
  put(tunnel: number, ip: number, length: number, family: number, ethernet: number, hash: number): void {
    const { bytes, tunnels } = this;
    const record = tunnel * TUNNEL_WORDS;
    const flags = tunnels[record + TunnelField.FLAGS]!;
    const header = tunnels[record + TunnelField.HEADER_LENGTH]!;
    const gretap = (flags & TunnelFlag.GRETAP) !== 0;
    const outer = this.start(tunnel, ip, ethernet);
    const payload = outer + header;
    const total = ip + length - outer;
    const c = TUNNEL_COUNTERS + tunnel * COUNTERS_PER_TUNNEL;
    this.counters[c + TunnelCounter.ENCAPSULATED_PACKETS]! += 1;
    this.counters[c + TunnelCounter.ENCAPSULATED_BYTES]! += outer + total - payload;
    if ((flags & TunnelFlag.PLAIN) !== 0) return;
    if (gretap && ethernet === 0) this.putMadeEthernet(payload, record, family);

    this.copyTemplate(record + TunnelField.TEMPLATE, outer, header);
    const innerTos = family === 4 ? bytes[ip + 1]! : be16(bytes, ip) >>> 4;
    const tos =
      (innerTos & 0xff & tunnels[record + TunnelField.TOS_KEEP]!) | tunnels[record + TunnelField.TOS_FIXED]!;
    let gre = outer;
    if ((flags & TunnelFlag.IPV6) !== 0) {
      putBe32(bytes, outer, 0x60000000 | (tos << 20) | (hash & 0xfffff));
      putBe16(bytes, outer + 4, total - IPV6_HEADER);
      gre += IPV6_HEADER;
    } else {
      bytes[outer + 1] = tos;
      putBe16(bytes, outer + 2, total);
      const sum = tunnels[record + TunnelField.CHECKSUM_BASE]! + (tos << 8) + le16(bytes, outer + 2);
      putLe16(bytes, outer + 10, ~fold(sum) & 0xffff);
      gre += IPV4_HEADER;
    }
    putBe16(bytes, gre + 2, gretap ? EtherType.TEB : family === 4 ? EtherType.IPV4 : EtherType.IPV6);
    if ((flags & TunnelFlag.SEQUENCE) !== 0) {
      putBe32(bytes, payload - 4, Atomics.add(this.tables.shared.sequences, tunnel, 1));
    }
    if ((flags & TunnelFlag.CHECKSUM) !== 0) {
      const size = outer + total - gre;
      putWord(bytes, gre + GRE_HEADER, 0);
      putLe16(bytes, gre + GRE_HEADER, ~this.kernels.sum(gre, size) & 0xffff);
    }
  }

  /** Copies `length` bytes (a multiple of 4) from a word of the tunnel table; in words where that can be. */
  private copyTemplate(from: number, to: number, length: number): void {
    const { tunnels, words } = this;
    if ((to & 3) === 0) {
      const target = to >> 2;
      for (let k = 0; k < length >> 2; k++) words[target + k] = tunnels[from + k]!;
    } else {
      for (let k = 0; k < length >> 2; k++) putWord(this.bytes, to + k * 4, tunnels[from + k]!);
    }
  }

  /** Ethernet header of a packet that had none: locally administered addresses made of the endpoints'. */
  private putMadeEthernet(at: number, record: number, family: number): void {
    const { bytes, tunnelBytes } = this;
    const template = (record + TunnelField.TEMPLATE) * 4;
    const v6 = (this.tunnels[record + TunnelField.FLAGS]! & TunnelFlag.IPV6) !== 0;
    const local = template + (v6 ? 20 : 12);
    const remote = template + (v6 ? 36 : 16);
    putBe16(bytes, at, 0x0200);
    putWord(bytes, at + 2, word(tunnelBytes, remote));
    putBe16(bytes, at + 6, 0x0200);
    putWord(bytes, at + 8, word(tunnelBytes, local));
    putBe16(bytes, at + 12, family === 4 ? EtherType.IPV4 : EtherType.IPV6);
  }
}

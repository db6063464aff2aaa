/** Cuts packets that are too long for the way out, as hosts (IPv4, IPv6) and routers (IPv4) do. */
import { FragmentPlan } from '../../dataplane/fragment.js';
import { be16, putBe16, putBe32 } from '../../wire/bytes.js';
import { FRAGMENT_HEADER, IpProtocol, IPV6_HEADER } from '../../wire/protocol.js';
import type { World } from '../core/world.js';

export class Fragmenter {
  /** Fragments made by the last call, in order: packets of the store. */
  readonly pieces: number[] = [];
  private readonly plan = new FragmentPlan();
  private lastId = 0;

  constructor(private readonly world: World) {}

  /**
   * Cuts an IPv4 packet into `pieces` of at most `mtu` bytes each (RFC 791 §3.2), which take its place. `mtu` is 68 and up;
   * the header is a checked one.
   */
  cut4(packet: number, mtu: number): void {
    const { packets } = this.world;
    const { bytes } = packets;
    const { plan, pieces } = this;
    const ip = packets.start[packet]!;
    pieces.length = 0;
    plan.plan(bytes, ip, packets.length[packet]!, mtu);
    for (let f = 0; f < plan.count; f++) {
      const piece = this.takePiece(packet, mtu);
      const at = packets.start[piece]!;
      const header = plan.headerLength(f);
      const payload = plan.payloadLength(f);
      plan.writeHeader(bytes, ip, at, f);
      packets.kernels.copy(at + header, ip + plan.firstHeader + plan.payloadStart(f), payload);
      packets.length[piece] = header + payload;
    }
    this.world.replace(packet);
  }

  /** The same for an IPv6 packet without extension headers, at its source (RFC 8200 §4.5). */
  cut6(packet: number, mtu: number): void {
    const { packets } = this.world;
    const { bytes, kernels } = packets;
    const { pieces } = this;
    const ip = packets.start[packet]!;
    const total = packets.length[packet]! - IPV6_HEADER;
    const room = (mtu - IPV6_HEADER - FRAGMENT_HEADER) & ~7;
    const id = ++this.lastId;
    pieces.length = 0;
    for (let from = 0; from < total; from += room) {
      const payload = Math.min(room, total - from);
      const piece = this.takePiece(packet, mtu);
      const at = packets.start[piece]!;
      const header = at + IPV6_HEADER;
      kernels.copy(at, ip, IPV6_HEADER);
      putBe16(bytes, at + 4, FRAGMENT_HEADER + payload);
      bytes[at + 6] = IpProtocol.FRAGMENT;
      bytes[header] = bytes[ip + 6]!;
      bytes[header + 1] = 0;
      putBe16(bytes, header + 2, from | (from + payload < total ? 1 : 0));
      putBe32(bytes, header + 4, id);
      kernels.copy(header + FRAGMENT_HEADER, ip + IPV6_HEADER + from, payload);
      packets.length[piece] = IPV6_HEADER + FRAGMENT_HEADER + payload;
    }
    this.world.replace(packet);
  }

  private takePiece(parent: number, room: number): number {
    const { packets, observer } = this.world;
    const piece = packets.take(room);
    packets.flow[piece] = packets.flow[parent]!;
    packets.born[piece] = packets.born[parent]!;
    this.pieces.push(piece);
    if (observer !== null) observer.child(parent, piece);
    return piece;
  }
}

/** Gives an IPv4 packet that is going to be cut an identification, and takes DF off; the checksum is left wrong. */
export function allowCuts(bytes: Uint8Array, ip: number, id: number): void {
  putBe16(bytes, ip + 4, id);
  putBe16(bytes, ip + 6, be16(bytes, ip + 6) & 0xbfff);
}

/**
 * A second implementation of docs/dataplane.md, written for reading: one object per packet, bytes read
 * one by one, everything copied. It shares no code with src/dataplane or src/wire, so that a
 * disagreement shows a mistake in one of them (or a gap in the document).
 */
import type { TablesSpec } from '../../src/dataplane/tables.js';
import type { VerdictName } from '../../src/dataplane/verdicts.js';
import { concat, read16, replaceWord } from './bytes.js';
import { type Carried, checkSource, decapsulateAll, greForUs } from './decapsulate.js';
import { echoReply } from './echo.js';
import { encapsulate, greLength, madeEthernetHeader, outerLength, sequenceOffset } from './encapsulate.js';
import { fragment } from './fragment.js';
import { icmpError, type IcmpError, isSuppressed } from './icmp.js';
import { checkIp, headerLengthOf, OUTERMOST, versionOf } from './ip.js';
import { type OpenedFrame, openFrame, replyLink, reverseEthernet } from './link.js';
import { clampMss, lowerLimit } from './mss.js';
import {
  type Choices,
  Drop,
  emptyTally,
  type Frame,
  type NextHop,
  type Outcome,
  type Sent,
  type Way,
} from './outcome.js';
import { flowOf, isForUs, nextHops } from './route.js';

const LINK_ETHERNET = 1;
const LINK_RAW = 101;
const DONT_FRAGMENT = 0x4000;

/** What happens to one frame; the oracle remembers nothing from frame to frame. */
export function judge(spec: TablesSpec, frame: Frame, choices: Choices): Outcome {
  const way: Way = { tunnelIn: -1, tunnelOut: -1, tally: emptyTally() };
  const outputs: Sent[] = [];
  try {
    const verdict = new Judgement(spec, frame, choices, way, outputs).run();
    return { verdict, ...way, outputs };
  } catch (error) {
    if (!(error instanceof Drop)) throw error;
    return { verdict: error.verdict, ...way, outputs };
  }
}

/** Where an IPv4 packet's payload ends in the packet of which it may be a fragment. */
function endOfPayload(packet: Uint8Array): number {
  return (read16(packet, 6) & 0x1fff) * 8 + packet.length - headerLengthOf(packet);
}

class Judgement {
  private readonly opened: OpenedFrame;

  constructor(
    private readonly spec: TablesSpec,
    private readonly frame: Frame,
    private readonly choices: Choices,
    private readonly way: Way,
    private readonly outputs: Sent[],
  ) {
    this.opened = openFrame(frame.link, frame.bytes);
  }

  run(): VerdictName {
    const packet = checkIp(this.opened.version, this.opened.rest, OUTERMOST);
    if (this.frame.side === 'overlay') {
      const isEthernet = this.frame.link === LINK_ETHERNET;
      const around = { header: this.opened.header, padding: new Uint8Array(0) };
      return this.route({ packet, frame: isEthernet ? around : null });
    }
    const gre = greForUs(packet, this.spec.tunnels);
    if (gre.kind === 'fragment') throw new Drop('outer_fragment');
    if (gre.kind === 'no') {
      if (this.frame.over !== undefined) this.arrive(packet, this.frame.over);
      return this.route({ packet, frame: null });
    }
    const carried = decapsulateAll(this.spec, packet, gre.at, this.way);
    return carried.keepalive ? this.answerKeepalive(carried.packet!) : this.route(carried);
  }

  /** §4b. */
  private arrive(packet: Uint8Array, nexthop: number): void {
    this.way.tunnelIn = nexthop;
    checkSource(this.spec.tunnels[nexthop]!, packet);
    this.way.tally.decapsulated.push({ tunnel: nexthop, bytes: packet.length });
  }

  /** §4a. */
  private answerKeepalive(packet: Uint8Array): 'answered_keepalive' {
    replaceWord(packet, 8, read16(packet, 8) - 256, 10);
    const { link, header } = this.linkTowardsUnderlay(4);
    this.outputs.push({ side: 'underlay', link, bytes: concat(header, packet), through: -1 });
    return 'answered_keepalive';
  }

  /** §7a; null for a packet that is not answered. */
  private answerEcho({ packet, frame }: Carried): 'answered_echo' | null {
    const isOverlay = this.frame.side === 'overlay';
    const back = this.way.tunnelIn;
    if (packet === null || frame !== null || (!isOverlay && back < 0)) return null;
    if (!isOverlay && packet.length > this.spec.tunnels[back]!.mtu) return null;
    const reply = echoReply(packet);
    if (reply === null) return null;
    if (isOverlay) {
      this.outputs.push({ side: 'overlay', link: LINK_RAW, bytes: reply, through: -1 });
    } else {
      this.way.tunnelOut = back;
      this.sendThrough(back, reply, new Uint8Array(0), flowOf(reply));
    }
    return 'answered_echo';
  }

  /** §5. */
  private route(carried: Carried): VerdictName {
    const packet = carried.packet;
    const isProbe = this.frame.pin !== undefined && this.frame.side === 'overlay';
    const isLocal = packet !== null && isForUs(this.spec, packet) && !isProbe;
    const answered = isLocal ? this.answerEcho(carried) : null;
    if (answered !== null) return answered;
    const hops = packet === null || isLocal ? null : this.hopsFor(packet);
    if (packet === null || hops === null) {
      if (this.frame.side === 'overlay') throw new Drop('no_route');
      if (this.way.tunnelIn < 0) throw new Drop('not_for_us');
      return this.deliverToOverlay(carried);
    }
    this.way.tunnelOut = this.choices.tunnel(hops, flowOf(packet));
    this.forward(packet, carried);
    return 'delivered_underlay';
  }

  /** §5. */
  private hopsFor(packet: Uint8Array): readonly NextHop[] | null {
    const { pin } = this.frame;
    return pin === undefined ? nextHops(this.spec, packet) : [{ tunnel: pin, weight: 1 }];
  }

  /** §6. */
  private forward(packet: Uint8Array, carried: Carried): void {
    const tunnel = this.spec.tunnels[this.way.tunnelOut]!;
    const asItArrived = packet.slice();
    const isIpv4 = versionOf(packet) === 4;
    if (this.frame.side === 'underlay') {
      const ttlAt = isIpv4 ? 8 : 7;
      if (packet[ttlAt]! <= 1) {
        this.sendError('time exceeded', asItArrived, carried);
        throw new Drop('ttl_exceeded');
      }
      if (isIpv4) replaceWord(packet, 8, read16(packet, 8) - 256, 10);
      else packet[ttlAt]!--;
    }
    let cleared = false;
    if (isIpv4 && tunnel.clearDontFragment && (read16(packet, 6) & DONT_FRAGMENT) !== 0) {
      replaceWord(packet, 6, read16(packet, 6) - DONT_FRAGMENT, 10);
      cleared = true;
    }
    const tooLong = packet.length > tunnel.mtu;
    if (tooLong && (!isIpv4 || (read16(packet, 6) & DONT_FRAGMENT) !== 0)) {
      this.sendError('too big', asItArrived, carried);
      throw new Drop('mtu_exceeded');
    }
    if (tooLong && endOfPayload(packet) > 65_535) throw new Drop('fragment_invalid');
    const flow = flowOf(packet);
    this.clampForTunnel(packet);
    let pieces = [packet];
    if (tooLong) {
      const id = read16(packet, 4);
      pieces = fragment(
        packet,
        tunnel.mtu,
        cleared && id === 0 ? this.chosenFragmentId(packet, carried) : id,
      );
      this.way.tally.fragmented++;
      this.way.tally.fragments_created += pieces.length;
    }
    const header = carried.frame?.header ?? madeEthernetHeader(tunnel, versionOf(packet));
    for (const piece of pieces) this.sendThrough(this.way.tunnelOut, piece, header, flow);
  }

  private clampForTunnel(packet: Uint8Array): void {
    const to = this.spec.tunnels[this.way.tunnelOut]!.clampTo;
    const from = this.spec.tunnels[this.way.tunnelIn]?.clampFrom ?? { v4: 0, v6: 0 };
    const limits = { v4: lowerLimit(from.v4, to.v4), v6: lowerLimit(from.v6, to.v6) };
    clampMss(packet, limits, this.way.tally);
  }

  /** The ID stands in the first fragment, behind link header, outer header, GRE and Ethernet header. */
  private chosenFragmentId(packet: Uint8Array, carried: Carried): number {
    const tunnel = this.spec.tunnels[this.way.tunnelOut]!;
    const ethernet = carried.frame?.header ?? madeEthernetHeader(tunnel, versionOf(packet));
    const around = tunnel.mode === 'plain' ? 0 : outerLength(tunnel) + greLength(tunnel);
    const before = this.linkTowardsUnderlay(4).header.length + around;
    const at = before + (tunnel.mode === 'gretap' ? ethernet.length : 0) + 4;
    return this.choices.fragmentId(this.outputs.length, at);
  }

  /** §6.7: the frame's own link header, turned round; raw IP for what came from the overlay. */
  private linkTowardsUnderlay(version: 4 | 6): { link: number; header: Uint8Array } {
    if (this.frame.side === 'overlay') return { link: LINK_RAW, header: new Uint8Array(0) };
    return replyLink(this.frame.link, this.opened.header, version);
  }

  private sendThrough(index: number, packet: Uint8Array, ethernetHeader: Uint8Array, flow: string): void {
    const tunnel = this.spec.tunnels[index]!;
    if (tunnel.mode === 'plain') {
      const { link, header } = this.linkTowardsUnderlay(versionOf(packet));
      this.outputs.push({ side: 'underlay', link, bytes: concat(header, packet), through: index });
      this.way.tally.encapsulated.push({ tunnel: index, bytes: packet.length });
      return;
    }
    const version = tunnel.local.length === 4 ? 4 : 6;
    const { link, header } = this.linkTowardsUnderlay(version);
    const output = this.outputs.length;
    const sequence = tunnel.sequence
      ? this.choices.sequence(output, header.length + sequenceOffset(tunnel), index)
      : 0;
    const flowLabel = version === 6 ? this.choices.flowLabel(output, header.length, flow) : 0;
    const outer = encapsulate(tunnel, packet, ethernetHeader, { sequence, flowLabel });
    this.outputs.push({ side: 'underlay', link, bytes: concat(header, outer), through: index });
    const bytes = packet.length + (tunnel.mode === 'gretap' ? ethernetHeader.length : 0);
    this.way.tally.encapsulated.push({ tunnel: index, bytes });
  }

  /** §10. */
  private sendError(kind: IcmpError['kind'], packet: Uint8Array, carried: Carried): void {
    if (isSuppressed(packet)) {
      this.way.tally.icmp_suppressed++;
      return;
    }
    this.way.tally.icmp_errors++;
    const back = this.way.tunnelIn;
    const through = this.spec.tunnels[back] ?? null;
    const toEnter = this.spec.tunnels[this.way.tunnelOut]!;
    const toOverlay = through === null && this.frame.side === 'overlay';
    const error = icmpError(packet, { kind, toEnter, through, toOverlay });
    if (through !== null) {
      const ethernetHeader =
        carried.frame === null
          ? madeEthernetHeader(through, versionOf(packet))
          : reverseEthernet(carried.frame.header);
      this.sendThrough(back, error, ethernetHeader, flowOf(error));
    } else if (this.frame.side === 'overlay') {
      this.outputs.push({ side: 'overlay', link: LINK_RAW, bytes: error, through: -1 });
    } else {
      const { link, header } = this.linkTowardsUnderlay(versionOf(packet));
      this.outputs.push({ side: 'underlay', link, bytes: concat(header, error), through: -1 });
    }
  }

  /** §7. */
  private deliverToOverlay(carried: Carried): 'delivered_overlay' {
    if (carried.packet !== null) {
      clampMss(carried.packet, this.spec.tunnels[this.way.tunnelIn]!.clampFrom, this.way.tally);
    }
    const packet = carried.packet ?? new Uint8Array(0);
    const bytes =
      carried.frame === null ? packet : concat(carried.frame.header, packet, carried.frame.padding);
    this.outputs.push({
      side: 'overlay',
      link: carried.frame === null ? LINK_RAW : LINK_ETHERNET,
      bytes,
      through: -1,
    });
    return 'delivered_overlay';
  }
}

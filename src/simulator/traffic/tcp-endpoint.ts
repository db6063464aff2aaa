/**
 * One end of a TCP connection (RFC 9293): handshake, data that follows from its position, FIN. A sender and a
 * receiver of segments, made once for each connection; its data is never kept.
 */
import { be16, be32 } from '../../wire/bytes.js';
import type { Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import { Quote, type IcmpQuote } from '../node/icmp-quote.js';
import { ipHeaderLength } from '../node/ip-header.js';
import type { IpPacket } from '../node/ip-packet.js';
import type { Socket } from '../node/socket.js';
import { TcpOutput, TCP_WINDOW, type TcpOptions } from './tcp-output.js';
import { TcpReceiver } from './tcp-receiver.js';
import { DEFAULT_MSS4, DEFAULT_MSS6, TcpSegment } from './tcp-segment.js';
import { AckResult, TcpSender } from './tcp-sender.js';
import { TCP_HEADER, TcpFlag } from '../../wire/protocol.js';

/** Who runs the connections: told what becomes of them, and keeps their timers. */
export interface TcpOwner {
  /** Calls `timer()` of this end at `time`. */
  wake(endpoint: TcpEndpoint, time: Nanoseconds): void;
  opened(endpoint: TcpEndpoint): void;
  /** More of the other side's data is there, or its FIN. */
  received(endpoint: TcpEndpoint): void;
  /** Both sides have sent their FIN and had it acknowledged. */
  closed(endpoint: TcpEndpoint): void;
  /** Reset, or given up. */
  failed(endpoint: TcpEndpoint): void;
}

export const TcpState = { LISTEN: 0, SYN_SENT: 1, SYN_RECEIVED: 2, OPEN: 3, CLOSED: 4, FAILED: 5 } as const;

/** RFC 9293 §3.8.3: tries of a SYN (Linux: two minutes), and timeouts in a row of data (100 s and more). */
const SYN_TRIES = 6;
const DATA_TRIES = 9;
/** Least segment, whatever an ICMP error tells. */
const LEAST_SEGMENT = 48;

const segment = new TcpSegment();

export class TcpEndpoint implements Socket {
  state: number = TcpState.LISTEN;
  readonly sender = new TcpSender();
  readonly receiver = new TcpReceiver();
  /** Bytes of data to send in all, and whether a FIN follows. */
  toSend = 0;
  closing = false;
  /** Segments whose bytes were not those that were sent; always 0 without `verify`. */
  corrupt = 0;
  retransmitted = 0;
  /** Of the other side's data, in order. */
  receivedBytes = 0;
  /** The other side's FIN has come. */
  peerClosed = false;
  /** MSS that the other side told. */
  peerMss: number;
  /** When the owner has promised to call `timer`. */
  wakeAt: Nanoseconds = Infinity;
  private readonly world: World;
  private readonly output: TcpOutput;
  private readonly ipHeader: number;
  /** Sequence number of the other side's SYN. */
  private peerInitial = 0;
  private peerShift = 0;
  private peerFin = Infinity;

  constructor(
    readonly options: TcpOptions,
    private readonly owner: TcpOwner,
  ) {
    const { local, host } = options;
    this.world = host.world;
    this.output = new TcpOutput(options);
    this.ipHeader = ipHeaderLength(local.length === 4 ? 4 : 6);
    this.peerMss = local.length === 4 ? DEFAULT_MSS4 : DEFAULT_MSS6;
  }

  /** Begins the handshake. */
  connect(): void {
    this.state = TcpState.SYN_SENT;
    this.transmit(0, 0, TcpFlag.SYN);
    this.keepTime();
  }

  /** Has so many bytes in all sent, and (`close`) a FIN behind them. */
  send(bytes: number, close: boolean): void {
    this.toSend = bytes;
    this.closing = close;
    this.push();
    this.keepTime();
  }

  /** Ends at once, with a reset for the other side. */
  abort(): void {
    if (this.state === TcpState.CLOSED || this.state === TcpState.FAILED) return;
    if (this.state > TcpState.SYN_SENT) this.transmit(this.sender.nxt, 0, TcpFlag.RST | TcpFlag.ACK);
    this.fail();
  }

  receive(packet: number, ip: IpPacket): void {
    const { world, options } = this;
    const { packets, recorder } = world;
    if (packets.flow[packet]! >= 0) recorder.delivered(packets.flow[packet]!, packet);
    const isOurs = segment.read(packets.bytes, ip) && segment.sourcePort === options.remotePort;
    if (isOurs && options.verify && segment.dataLength > 0 && this.state !== TcpState.LISTEN) this.check();
    world.arrive(packet, options.host.name);
    if (isOurs) this.process();
  }

  hasSent(quote: IcmpQuote): boolean {
    const { bytes } = this.world.packets;
    const { options } = this;
    if (be16(bytes, quote.transport + 2) !== options.remotePort) return false;
    // RFC 5927 §4.1: only what is on its way may be spoken of.
    const position = this.positionOfOwn(be32(bytes, quote.transport + 4));
    return position >= this.sender.una && position < this.sender.max;
  }

  failed(quote: IcmpQuote): void {
    if (quote.kind === Quote.TOO_BIG && this.state === TcpState.OPEN) {
      const size = this.segmentSize();
      if (size >= this.sender.segment) return;
      this.sender.resegment(size);
      this.push();
      this.keepTime();
    } else if (quote.kind === Quote.UNREACHABLE && this.state === TcpState.SYN_SENT) {
      // RFC 9293 §3.9.2.2: a hard error while connecting ends it.
      this.fail();
    }
  }

  /** Something may be due. */
  timer(): void {
    const { now } = this.world.scheduler;
    const { sender, receiver } = this;
    // Another event has taken the place of this one.
    if (this.wakeAt !== now) return;
    this.wakeAt = Infinity;
    if (this.state === TcpState.CLOSED || this.state === TcpState.FAILED) return;
    if (receiver.deadline <= now) this.acknowledge();
    if (sender.deadline <= now) {
      if (sender.timeouts >= (this.state === TcpState.OPEN ? DATA_TRIES : SYN_TRIES)) {
        this.fail();
        return;
      }
      sender.timeOut(now);
      if (this.state === TcpState.OPEN) this.push();
      else this.transmitSyn();
    }
    this.keepTime();
  }

  private check(): void {
    const { options } = this;
    const position = this.positionOfPeer(segment.sequence) - 1;
    const stream = 2 * options.index + (options.isServer ? 0 : 1);
    if (!options.pattern.matches(segment.data, stream, position, segment.dataLength)) this.corrupt++;
  }

  private process(): void {
    switch (this.state) {
      case TcpState.LISTEN:
        if (segment.has(TcpFlag.SYN) && !segment.has(TcpFlag.ACK)) this.accept();
        break;
      case TcpState.SYN_SENT:
        this.processAnswer();
        break;
      case TcpState.SYN_RECEIVED:
      case TcpState.OPEN:
        this.processSegment();
        break;
      case TcpState.CLOSED:
        // The last acknowledgment was lost.
        if (segment.has(TcpFlag.FIN)) this.acknowledge();
        break;
    }
    this.keepTime();
  }

  private accept(): void {
    this.takeSyn();
    this.state = TcpState.SYN_RECEIVED;
    this.transmitSyn();
  }

  private processAnswer(): void {
    if (segment.has(TcpFlag.ACK) && this.positionOfOwn(segment.acknowledgment) !== 1) return;
    if (segment.has(TcpFlag.RST)) {
      if (segment.has(TcpFlag.ACK)) this.fail();
      return;
    }
    if (!segment.has(TcpFlag.SYN) || !segment.has(TcpFlag.ACK)) return;
    this.takeSyn();
    this.sender.acknowledged(1, false, this.world.scheduler.now);
    this.receiver.urgent = true;
    this.open();
    if (this.receiver.urgent) this.acknowledge();
  }

  private takeSyn(): void {
    const { options, world } = this;
    this.peerInitial = segment.sequence;
    this.receiver.next = 1;
    if (segment.mss !== 0) this.peerMss = segment.mss;
    this.peerShift = Math.max(segment.shift, 0);
    this.sender.peerWindow = segment.window;
    this.sender.segment = this.segmentSize();
    world.recorder.mss(options.flow, options.isServer, this.peerMss);
  }

  private open(): void {
    this.state = TcpState.OPEN;
    this.sender.segment = this.segmentSize();
    this.sender.open();
    this.owner.opened(this);
  }

  private processSegment(): void {
    const { sender } = this;
    if (segment.has(TcpFlag.RST)) {
      // RFC 5961 §3.2, less strictly: one out of the window is no one's.
      const ahead = this.positionOfPeer(segment.sequence) - this.receiver.next;
      if (ahead >= 0 && ahead < TCP_WINDOW) this.fail();
      return;
    }
    if (segment.has(TcpFlag.SYN)) {
      if (this.state === TcpState.SYN_RECEIVED) this.transmitSyn();
      else this.acknowledge();
      return;
    }
    if (!segment.has(TcpFlag.ACK)) return;
    const { now } = this.world.scheduler;
    const { flags, dataLength } = segment;
    const from = this.positionOfPeer(segment.sequence);
    const window = segment.window << this.peerShift;
    const isPlain = dataLength === 0 && (flags & TcpFlag.FIN) === 0 && window === sender.peerWindow;
    const result = sender.acknowledged(this.positionOfOwn(segment.acknowledgment), isPlain, now);
    if (result !== AckResult.IGNORED) sender.peerWindow = window;
    if (this.state === TcpState.SYN_RECEIVED) {
      if (sender.una < 1) return;
      this.open();
    }
    if (result === AckResult.RETRANSMIT) this.retransmit();
    this.take(from, dataLength, (flags & TcpFlag.FIN) !== 0);
    this.push();
    // What went out just now has acknowledged already.
    if (this.receiver.urgent) this.acknowledge();
    this.finishIfDone();
  }

  private take(from: number, length: number, hasFin: boolean): void {
    if (length === 0 && !hasFin) return;
    const { receiver } = this;
    const before = receiver.next;
    if (hasFin) this.peerFin = from + length;
    if (from > before + TCP_WINDOW) return;
    const end = from + length + (hasFin ? 1 : 0);
    receiver.take(from, end, this.sender.segment, this.world.scheduler.now);
    if (hasFin) receiver.urgent = true;
    if (receiver.next > before) {
      this.receivedBytes = Math.min(receiver.next, this.peerFin) - 1;
      this.peerClosed = receiver.next > this.peerFin;
      this.owner.received(this);
    }
  }

  private finishIfDone(): void {
    const finAcknowledged = this.closing && this.sender.una === this.toSend + 2;
    if (!finAcknowledged || !this.peerClosed || this.state !== TcpState.OPEN) return;
    this.state = TcpState.CLOSED;
    this.sender.deadline = Infinity;
    this.owner.closed(this);
  }

  private fail(): void {
    this.state = TcpState.FAILED;
    this.sender.deadline = Infinity;
    this.receiver.deadline = Infinity;
    this.owner.failed(this);
  }

  /** Sends what may be sent. */
  private push(): void {
    if (this.state !== TcpState.OPEN) return;
    const { sender } = this;
    const dataEnd = 1 + this.toSend;
    const end = this.closing ? dataEnd + 1 : dataEnd;
    while (sender.nxt < end) {
      const left = dataEnd - sender.nxt;
      const length = Math.max(Math.min(sender.segment, left), 0);
      const withFin = this.closing && length === left;
      // A part of a segment waits, unless nothing is on its way (RFC 9293 §3.8.6.2.1).
      if (sender.room < length && (sender.nxt > sender.una || length === 0)) break;
      const flags = TcpFlag.ACK | (withFin ? TcpFlag.FIN | TcpFlag.PSH : left === length ? TcpFlag.PSH : 0);
      const from = sender.nxt;
      if (from < sender.max) this.retransmitted++;
      sender.nxt += length + (withFin ? 1 : 0);
      this.transmit(from, length, flags);
    }
  }

  /** Sends the first segment that is not acknowledged once more. */
  private retransmit(): void {
    const { sender } = this;
    const left = 1 + this.toSend - sender.una;
    const length = Math.max(Math.min(sender.segment, left), 0);
    const withFin = this.closing && length === Math.max(left, 0) && sender.max === this.toSend + 2;
    this.retransmitted++;
    this.transmit(sender.una, length, TcpFlag.ACK | (withFin ? TcpFlag.FIN : 0));
  }

  private transmitSyn(): void {
    this.transmit(0, 0, this.state === TcpState.SYN_SENT ? TcpFlag.SYN : TcpFlag.SYN | TcpFlag.ACK);
  }

  private acknowledge(): void {
    this.transmit(this.sender.nxt, 0, TcpFlag.ACK);
  }

  /** Sends a segment. @param from position of its first byte */
  private transmit(from: number, length: number, flags: number): void {
    const { sender, receiver } = this;
    const isSyn = (flags & TcpFlag.SYN) !== 0;
    const hasAck = (flags & TcpFlag.ACK) !== 0;
    const taken = length + (isSyn ? 1 : 0) + ((flags & TcpFlag.FIN) === 0 ? 0 : 1);
    if (isSyn) sender.nxt = 1;
    if (taken > 0) sender.sent(from + taken, this.world.scheduler.now);
    const acknowledgment = hasAck ? (this.peerInitial + receiver.next) | 0 : 0;
    if (hasAck) receiver.acknowledged();
    this.output.send(from, length, flags, acknowledgment);
  }

  /** Has the timer wound up for what comes first. */
  private keepTime(): void {
    const due = Math.min(this.sender.deadline, this.receiver.deadline);
    if (due >= this.wakeAt) return;
    this.wakeAt = due;
    this.owner.wake(this, due);
  }

  /** Data in a segment: what the other side takes, and the path as far as it is known. */
  private segmentSize(): number {
    const { host, remote } = this.options;
    const mtu = host.pathMtuDiscovery ? host.pathMtu(remote) : host.mtu;
    return Math.max(Math.min(this.peerMss, mtu - this.ipHeader - TCP_HEADER), LEAST_SEGMENT);
  }

  /** Position of a sequence number of ours, the one nearest to what is on its way. */
  private positionOfOwn(sequence: number): number {
    const { una } = this.sender;
    return una + ((sequence - ((this.options.initial + una) | 0)) | 0);
  }

  private positionOfPeer(sequence: number): number {
    const { next } = this.receiver;
    return next + ((sequence - ((this.peerInitial + next) | 0)) | 0);
  }
}

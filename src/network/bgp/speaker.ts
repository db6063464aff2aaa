/**
 * One side of a BGP session: the state machine of RFC 4271 §8 with automatic start. Where implementations differ
 * from the RFC, it does as most routers do: without an answer it waits in `active`, listens there, and tries again.
 */
import { describeError, type BgpError, type BgpMessage, type OpenMessage } from './message.js';
import type { BgpState, SpeakerHost, SpeakerOptions } from './speaker-host.js';
import {
  CONNECT_RETRY,
  CONNECT_TIMEOUT,
  OPEN_HOLD_TIME,
  SYN_TIMES,
  keepaliveOf,
  negotiateHoldTime,
} from './timers.js';
import { SECOND } from '../time.js';
import type { Segment, Side } from './wire.js';

const BGP_PORT = 179;
const FIRST_FREE_PORT = 49_152;

export class Speaker {
  private current: BgpState = 'idle';
  private reasonText = 'not started';
  /** Number of the TCP connection; 0: none. In `connect`, the one that is being tried. */
  private connection = 0;
  private hold = 0;
  /** Both sides have the capability: an end without notification is a restart (RFC 4724). */
  private graceful = false;
  /** Due times in nanoseconds. */
  private retryAt = Infinity;
  private synAt = Infinity;
  private holdAt = Infinity;
  private keepaliveAt = Infinity;
  private synsSent = 0;
  private attemptAt = 0;
  private lastComplaint = '';

  constructor(
    private readonly options: SpeakerOptions,
    private readonly host: SpeakerHost,
  ) {}

  get state(): BgpState {
    return this.current;
  }

  /** Why it is in this state: empty while established. */
  get reason(): string {
    return this.reasonText;
  }

  /** Seconds; 0 before the peer's OPEN, or without hold timer. */
  get holdTime(): number {
    return this.hold;
  }

  get next(): number {
    return Math.min(this.retryAt, this.synAt, this.holdAt, this.keepaliveAt);
  }

  start(now: number): void {
    if (this.options.asn === this.options.peerAsn) {
      const text = `remote AS ${this.options.peerAsn} is the local AS: only eBGP is supported`;
      this.complain(`%BGP-3-CONFIG: neighbor ${this.options.peerAddress}: ${text}`);
      this.enter('idle', text);
      return;
    }
    this.connect(now);
  }

  /** Ends the process: what runs on the machine closes its connections, and nothing listens any more. */
  stop(reason: string): void {
    if (this.isConnected()) this.host.send({ type: 'fin', connection: this.connection });
    this.close(reason);
  }

  /** The machine is without power: nobody hears of it. */
  vanish(reason: string): void {
    this.drop(reason);
  }

  /** Takes the session down by itself, and does not come back before `start`. */
  shutDown(error: BgpError): void {
    this.notify(error);
    this.retryAt = Infinity;
  }

  /** Takes the session down with a notification and tries again later. */
  fail(now: number, error: BgpError): void {
    this.notify(error);
    this.retryAt = now + CONNECT_RETRY * SECOND;
  }

  sendMessage(message: BgpMessage): void {
    this.host.send({ type: 'message', connection: this.connection, message });
  }

  /** Whether a connection exists for BFD to take down. */
  isConnected(): boolean {
    return ['open_sent', 'open_confirm', 'established'].includes(this.current);
  }

  advance(now: number): void {
    if (this.holdAt <= now) {
      this.fail(this.holdAt, 'hold_timer');
    } else if (this.keepaliveAt <= now) {
      this.sendMessage({ type: 'keepalive' });
      this.keepaliveAt += keepaliveOf(this.hold) * SECOND;
    } else if (this.synAt <= now) {
      this.repeatSyn();
    } else if (this.retryAt <= now) {
      this.connect(this.retryAt);
    }
  }

  receive(now: number, segment: Segment): void {
    switch (segment.type) {
      case 'syn':
        this.receiveSyn(now, segment.connection, segment.md5Key);
        break;
      case 'syn_ack':
        if (this.current === 'connect' && segment.connection === this.connection) this.opened(now);
        else this.host.send({ type: 'rst', connection: segment.connection });
        break;
      case 'rst':
      case 'fin':
        if (segment.connection === this.connection) this.closedByPeer(now, segment.type);
        break;
      case 'message':
        if (segment.connection === this.connection && this.isConnected()) {
          this.receiveMessage(now, segment.message);
        } else {
          this.host.send({ type: 'rst', connection: segment.connection });
        }
    }
  }

  private connect(now: number): void {
    this.connection = this.host.newConnection();
    this.attemptAt = now;
    this.synsSent = 0;
    this.retryAt = now + CONNECT_RETRY * SECOND;
    this.enter('connect', this.reasonText);
    this.repeatSyn();
  }

  private repeatSyn(): void {
    if (this.synsSent === SYN_TIMES.length) {
      this.synAt = Infinity;
      this.connection = 0;
      this.enter('active', this.lastComplaint || `no answer from ${this.options.peerAddress}`);
      return;
    }
    this.host.send({ type: 'syn', connection: this.connection, md5Key: this.options.md5Key });
    this.synsSent++;
    this.synAt = this.attemptAt + (SYN_TIMES[this.synsSent] ?? CONNECT_TIMEOUT) * SECOND;
  }

  private receiveSyn(now: number, connection: number, key: string | null): void {
    const { side, md5Key, peerAddress, address } = this.options;
    if (key !== md5Key) {
      const port = FIRST_FREE_PORT + (connection % (65_536 - FIRST_FREE_PORT));
      const fault = key === null ? 'No' : md5Key === null ? 'Unexpected' : 'Invalid';
      this.complain(
        `%TCP-6-BADAUTH: ${fault} MD5 digest from ${peerAddress}(${port}) to ${address}(${BGP_PORT})`,
      );
      return;
    }
    if (!this.accepts(side)) {
      this.host.send({ type: 'rst', connection });
      return;
    }
    // A new connection beside an established one means that the peer has restarted (RFC 4724 §4.2).
    if (this.isConnected()) this.closedByPeer(now, 'restart');
    this.connection = connection;
    this.host.send({ type: 'syn_ack', connection });
    this.opened(now);
  }

  /** Both may try at a time: then the edge gives way (RFC 4271 §6.8 decides by the identifier). */
  private accepts(side: Side): boolean {
    switch (this.current) {
      case 'idle':
        return false;
      case 'connect':
        return side === 'edge';
      case 'established':
        return this.graceful;
      default:
        return true;
    }
  }

  private opened(now: number): void {
    this.synAt = Infinity;
    this.retryAt = Infinity;
    this.holdAt = now + OPEN_HOLD_TIME * SECOND;
    this.keepaliveAt = Infinity;
    this.enter('open_sent', `waiting for the OPEN of ${this.options.peerAddress}`);
    const { asn, holdTime, restartTime } = this.options;
    this.sendMessage({ type: 'open', asn, holdTime, restartTime });
  }

  private receiveMessage(now: number, message: BgpMessage): void {
    if (message.type === 'notification') {
      const text = describeError(message.error);
      this.complain(`%BGP-3-NOTIFICATION: received from neighbor ${this.options.peerAddress} ${text}`);
      this.close(`received ${text}`);
      this.retryAt = now + CONNECT_RETRY * SECOND;
      return;
    }
    if (message.type === 'open') {
      this.receiveOpen(now, message);
      return;
    }
    if (this.hold > 0) this.holdAt = now + this.hold * SECOND;
    if (message.type !== 'keepalive') this.host.received(message);
    else if (this.current === 'open_confirm') this.establish();
  }

  private receiveOpen(now: number, open: OpenMessage): void {
    const { peerAsn, holdTime, restartTime } = this.options;
    if (open.asn !== peerAsn) {
      this.fail(now, 'wrong_as');
      return;
    }
    if (open.holdTime > 0 && open.holdTime < 3) {
      this.fail(now, 'hold_time_refused');
      return;
    }
    this.hold = negotiateHoldTime(holdTime, open.holdTime);
    this.graceful = restartTime !== null && open.restartTime !== null;
    this.holdAt = this.hold === 0 ? Infinity : now + this.hold * SECOND;
    this.keepaliveAt = this.hold === 0 ? Infinity : now + keepaliveOf(this.hold) * SECOND;
    this.sendMessage({ type: 'keepalive' });
    this.enter('open_confirm', `waiting for a keepalive of ${this.options.peerAddress}`);
  }

  private establish(): void {
    this.lastComplaint = '';
    this.enter('established', '');
    this.host.log(`%BGP-5-ADJCHANGE: neighbor ${this.options.peerAddress} Up`);
    this.host.established();
  }

  private notify(error: BgpError): void {
    const text = describeError(error);
    this.complain(`%BGP-3-NOTIFICATION: sent to neighbor ${this.options.peerAddress} ${text}`);
    if (this.isConnected()) {
      this.sendMessage({ type: 'notification', error });
      this.host.send({ type: 'fin', connection: this.connection });
    }
    this.close(`sent ${text}`);
  }

  /** The TCP connection ended without a notification. */
  private closedByPeer(now: number, how: 'rst' | 'fin' | 'restart'): void {
    const { peerAddress } = this.options;
    const text = {
      rst: this.current === 'connect' ? 'connection refused' : 'connection reset by the peer',
      fin: 'peer closed the session',
      restart: 'peer has restarted',
    }[how];
    const wasEstablished = this.current === 'established';
    this.forgetConnection();
    this.retryAt = now + CONNECT_RETRY * SECOND;
    this.enter('active', text);
    if (!wasEstablished) return;
    this.host.log(`%BGP-5-ADJCHANGE: neighbor ${peerAddress} Down ${text}`);
    this.host.lost(this.graceful);
  }

  private close(reason: string): void {
    const wasEstablished = this.current === 'established';
    this.drop(reason);
    if (!wasEstablished) return;
    this.host.log(`%BGP-5-ADJCHANGE: neighbor ${this.options.peerAddress} Down ${reason}`);
    this.host.lost(false);
  }

  private drop(reason: string): void {
    this.forgetConnection();
    this.retryAt = Infinity;
    this.enter('idle', reason);
  }

  private forgetConnection(): void {
    this.host.forget(this.connection);
    this.connection = 0;
    this.hold = 0;
    this.synAt = Infinity;
    this.holdAt = Infinity;
    this.keepaliveAt = Infinity;
  }

  private enter(state: BgpState, reason: string): void {
    this.reasonText = reason;
    if (state === this.current) return;
    this.current = state;
    this.host.changed(state);
  }

  /** The same complaint again and again is logged once; ports differ from attempt to attempt. */
  private complain(text: string): void {
    const known = text.replace(/\(\d+\) to/, ' to');
    if (known === this.lastComplaint) return;
    this.lastComplaint = known;
    this.host.log(text);
  }
}

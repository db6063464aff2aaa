/**
 * Hears ICMP as it comes to this machine: the errors about packets that are too big for their way, both families
 * (the kernel lowers the MTU of its own routes by them as well; that is not touched); and echo replies of a kind,
 * IPv4, which are answers to health probes.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { sumBytes } from '../../wire/checksum.js';
import { IPV4_HEADER } from '../../wire/protocol.js';
import { loadAddon, type Addon } from '../native/addon.js';
import type { Watch } from '../native/system-calls.js';

/** Some hundred messages: more at a time are a flood. */
const RECEIVE_BUFFER = 262_144;
/** A message quotes 1,280 bytes at the most (RFC 4443 §2.4 c). */
const MESSAGE_BYTES = 2048;
/** So many messages at a time are a flood: the rest has to wait, and what the queue cannot hold is lost. */
const TURN = 64;
const PAUSE_MS = 50;

/**
 * Takes a message without its IP header, good only during the call; its checksum is right.
 */
export type IcmpHandler = (message: Uint8Array, family: 4 | 6) => void;

/** Takes an IPv4 packet with an echo reply in it, good only during the call. Nothing of it has been checked. */
export type EchoReplyHandler = (packet: Uint8Array) => void;

interface OpenSocket {
  readonly fd: number;
  /** Takes what has been received, so many bytes of the buffer; negative: it did not fit. */
  readonly take: (length: number) => void;
  /** Null during a pause. */
  watch: Watch | null;
  pause: NodeJS.Timeout | null;
}

export class IcmpListener {
  /** Messages whose checksum or length is wrong. */
  invalid = 0;
  private readonly buffer = new Uint8Array(MESSAGE_BYTES);
  private readonly sockets: OpenSocket[] = [];

  private constructor(private readonly addon: Addon) {}

  /**
   * Begins to listen to errors; calls come from the event loop, which is kept alive until `close`.
   *
   * @throws SystemError (EPERM without CAP_NET_RAW), AddonMissing
   */
  static ofErrors(handler: IcmpHandler, addon: Addon = loadAddon()): IcmpListener {
    const listener = new IcmpListener(addon);
    try {
      listener.openErrors(4, handler);
      listener.openErrors(6, handler);
    } catch (error) {
      listener.close();
      throw error;
    }
    return listener;
  }

  /**
   * The same for echo replies whose payload begins with a word.
   *
   * @param magic 32 bits, most significant first
   * @throws SystemError (EPERM without CAP_NET_RAW), AddonMissing
   */
  static ofEchoReplies(magic: number, handler: EchoReplyHandler, addon: Addon = loadAddon()): IcmpListener {
    const listener = new IcmpListener(addon);
    listener.begin(addon.echoReplyOpen(magic, RECEIVE_BUFFER), (length) => {
      if (length < 0) listener.invalid++;
      else handler(listener.buffer.subarray(0, length));
    });
    return listener;
  }

  close(): void {
    for (const { fd, watch, pause } of this.sockets.splice(0)) {
      if (watch !== null) this.addon.unwatch(watch);
      if (pause !== null) clearTimeout(pause);
      closeSync(fd);
    }
  }

  private openErrors(family: 4 | 6, handler: IcmpHandler): void {
    let fd: number;
    try {
      fd = this.addon.icmpOpen(family, RECEIVE_BUFFER);
    } catch (error) {
      // A kernel without IPv6.
      if (family === 6 && (error as { code?: string }).code === 'EAFNOSUPPORT') return;
      throw error;
    }
    this.begin(fd, (length) => {
      const message = messageOf(this.buffer, length, family);
      if (message === null) this.invalid++;
      else handler(message, family);
    });
  }

  private begin(fd: number, take: (length: number) => void): void {
    const socket: OpenSocket = { fd, take, watch: null, pause: null };
    this.sockets.push(socket);
    this.resume(socket);
  }

  private resume(socket: OpenSocket): void {
    socket.pause = null;
    socket.watch = this.addon.watchReadable(socket.fd, () => {
      if (!this.read(socket)) this.rest(socket);
    });
  }

  private rest(socket: OpenSocket): void {
    if (socket.watch === null || !this.sockets.includes(socket)) return;
    this.addon.unwatch(socket.watch);
    socket.watch = null;
    socket.pause = setTimeout(() => this.resume(socket), PAUSE_MS);
  }

  /** Whether the socket is empty. */
  private read(socket: OpenSocket): boolean {
    const { fd, take } = socket;
    for (let turn = 0; turn < TURN && this.sockets.includes(socket); turn++) {
      const length = this.addon.receiveMessage(fd, this.buffer);
      if (length === -constants.errno.EAGAIN) return true;
      take(length);
    }
    return false;
  }
}

/**
 * The ICMP message in a datagram; null when there is none, or when its checksum is wrong. (The kernel has
 * checked the IPv4 header, and the checksum of ICMPv6.)
 *
 * @param length of the datagram; negative: it did not fit
 */
function messageOf(datagram: Uint8Array, length: number, family: 4 | 6): Uint8Array | null {
  if (family === 6) return length < 0 ? null : datagram.subarray(0, length);
  const header = (datagram[0]! & 0x0f) * 4;
  if (length < IPV4_HEADER || header < IPV4_HEADER || header >= length) return null;
  return sumBytes(datagram, header, length - header) === 0xffff ? datagram.subarray(header, length) : null;
}

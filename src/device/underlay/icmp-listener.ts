/**
 * Hears the ICMP errors about packets that are too big for their way, both families, as they come to this
 * machine. The kernel lowers the MTU of its own routes by them as well; that is not touched.
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

interface OpenSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  /** Null during a pause. */
  watch: Watch | null;
  pause: NodeJS.Timeout | null;
}

export class IcmpListener {
  /** Messages whose checksum or length is wrong. */
  invalid = 0;
  private readonly buffer = new Uint8Array(MESSAGE_BYTES);
  private sockets: OpenSocket[] = [];

  /**
   * Begins to listen; calls come from the event loop, which is kept alive until `close`.
   *
   * @throws SystemError (EPERM without CAP_NET_RAW), AddonMissing
   */
  constructor(
    private readonly handler: IcmpHandler,
    private readonly addon: Addon = loadAddon(),
  ) {
    try {
      this.open(4);
      this.open(6);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    for (const { fd, watch, pause } of this.sockets.splice(0)) {
      if (watch !== null) this.addon.unwatch(watch);
      if (pause !== null) clearTimeout(pause);
      closeSync(fd);
    }
  }

  private open(family: 4 | 6): void {
    let fd: number;
    try {
      fd = this.addon.icmpOpen(family, RECEIVE_BUFFER);
    } catch (error) {
      // A kernel without IPv6.
      if (family === 6 && (error as { code?: string }).code === 'EAFNOSUPPORT') return;
      throw error;
    }
    const socket: OpenSocket = { fd, family, watch: null, pause: null };
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
    const { fd, family } = socket;
    for (let turn = 0; turn < TURN && this.sockets.includes(socket); turn++) {
      const length = this.addon.receiveMessage(fd, this.buffer);
      if (length === -constants.errno.EAGAIN) return true;
      const message = messageOf(this.buffer, length, family);
      if (message === null) this.invalid++;
      else this.handler(message, family);
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

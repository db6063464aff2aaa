/** One rtnetlink socket: a request and its answers. The kernel answers at once, so that nothing waits here. */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Addon } from '../native/addon.js';
import { parseMessages, MessageWriter, type Message } from './message.js';
import { errorOf, errorText, NetlinkError } from './netlink-error.js';
import { MessageFlag, MessageType } from './protocol.js';

/** The kernel sends dumps in pieces of up to 32 KB. */
const RECEIVE_BYTES = 65_536;
const SOCKET_BUFFER = 1_048_576;
/** How often a dump is begun anew because the table changed meanwhile. */
const DUMP_ATTEMPTS = 5;

export class NetlinkSocket {
  private readonly fd: number;
  private readonly writer = new MessageWriter();
  private readonly buffer = new Uint8Array(RECEIVE_BYTES);
  private sequence = 0;
  private closed = false;

  /** @throws SystemError when there can be no netlink socket */
  constructor(private readonly addon: Addon) {
    this.fd = addon.netlinkOpen(SOCKET_BUFFER);
  }

  /**
   * Sends a request and returns the answers without the acknowledgement. They are views of a buffer that the
   * next request overwrites.
   *
   * @param words what is asked for, to go behind "cannot …"
   * @param write what follows the message's header
   * @throws NetlinkError when the kernel refuses
   */
  request(words: string, type: number, flags: number, write: (writer: MessageWriter) => void): Message[] {
    const sequence = this.send(type, flags | MessageFlag.ACK, write);
    const answers: Message[] = [];
    let used = 0;
    for (;;) {
      const length = this.receive(words, used);
      for (const message of parseMessages(this.buffer.subarray(used, used + length))) {
        if (message.sequence !== sequence) continue;
        if (message.type === MessageType.ERROR) {
          const error = errorOf(message);
          if (error === 0) return answers;
          throw NetlinkError.fromKernel(words, error, errorText(message));
        }
        answers.push(message);
      }
      used += (length + 3) & ~3;
    }
  }

  /**
   * Asks for a whole table and calls `take` for each message of it. A table that changes while it is read is
   * read again, so that `take` returns what it makes of a message, and the last round's are returned.
   */
  dump<T>(
    words: string,
    type: number,
    write: (writer: MessageWriter) => void,
    take: (message: Message) => T | null,
  ): T[] {
    for (let attempt = 1; ; attempt++) {
      const sequence = this.send(type, MessageFlag.DUMP, write);
      const found: T[] = [];
      if (!this.takeDump(words, sequence, take, found) || attempt === DUMP_ATTEMPTS) return found;
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSync(this.fd);
  }

  private send(type: number, flags: number, write: (writer: MessageWriter) => void): number {
    this.sequence = (this.sequence + 1) >>> 0;
    this.writer.begin(type, flags | MessageFlag.REQUEST, this.sequence);
    write(this.writer);
    this.addon.netlinkSend(this.fd, this.writer.end(), this.writer.length);
    return this.sequence;
  }

  /** Whether the table changed while it was read. */
  private takeDump<T>(
    words: string,
    sequence: number,
    take: (message: Message) => T | null,
    found: T[],
  ): boolean {
    let interrupted = false;
    for (;;) {
      const length = this.receive(words, 0);
      for (const message of parseMessages(this.buffer.subarray(0, length))) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & MessageFlag.DUMP_INTERRUPTED) !== 0) interrupted = true;
        if (message.type === MessageType.DONE || message.type === MessageType.ERROR) {
          const error = errorOf(message);
          if (error === 0) return interrupted;
          throw NetlinkError.fromKernel(words, error, errorText(message));
        }
        const taken = take(message);
        if (taken !== null) found.push(taken);
      }
    }
  }

  private receive(words: string, at: number): number {
    const length = this.addon.receiveMessage(this.fd, this.buffer.subarray(at));
    if (length >= 0) return length;
    if (length === -constants.errno.EAGAIN) throw new NetlinkError(words, '', 'the kernel does not answer');
    throw NetlinkError.fromKernel(words, -length, null);
  }
}

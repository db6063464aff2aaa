/**
 * Sends IP packets as Ethernet frames, with the link header that the table of adjacencies has for their
 * destination; through the kernel's routing where it has none.
 */
import { IPV4_HEADER, IPV6_HEADER, ETHERNET_HEADER } from '../../wire/protocol.js';
import { word } from '../../wire/bytes.js';
import {
  Adjacencies,
  AdjacencyField,
  AdjacencyState,
  type SharedAdjacencies,
} from '../underlay/adjacency.js';
import { DeviceCount } from '../device-counters.js';
import type { FallbackSender } from '../raw/fallback-sender.js';
import type { PacketSender } from '../underlay/underlay-port.js';
import type { PacketPool } from '../../dataplane/packet-pool.js';

const { STATE, INTERFACE, HEADER } = AdjacencyField;
const { USABLE } = AdjacencyState;
const DESTINATION4 = 16;
const DESTINATION6 = 24;
/** Words that are written in front of a 4-aligned IP header: the Ethernet header, and two bytes before it. */
const HEADER_WORDS = 4;

/** What takes the frames of one interface. */
export interface FrameSender extends PacketSender {
  /** Frames added since the last flush. */
  readonly count: number;
}

/** A sender of frames, and the kernel's index of its interface. */
export interface InterfaceSender {
  readonly index: number;
  readonly sender: FrameSender;
}

export class LinkSender {
  private readonly adjacencies: Adjacencies;
  private readonly bytes: Uint8Array;
  private readonly words: Int32Array;
  /** The IPv4 destination added last, its record, and what sends there; null: none since the last flush. */
  private lastDestination = 0;
  private lastRecord = 0;
  private lastSender: FrameSender | null = null;

  constructor(
    pool: PacketPool,
    adjacencies: SharedAdjacencies,
    private readonly senders: readonly InterfaceSender[],
    private readonly fallback: FallbackSender,
    private readonly counters: Float64Array,
  ) {
    this.adjacencies = Adjacencies.open(adjacencies);
    this.bytes = pool.bytes;
    this.words = pool.words;
  }

  /**
   * Adds the IP packet at this offset, of whose bytes the last `bodyLength` are at `body`; the 16 bytes in front of it
   * are overwritten.
   */
  add(offset: number, length: number, body: number, bodyLength: number): void {
    const { words, lastSender } = this;
    const at = offset >> 2;
    // What follows each other mostly goes to the same next hop. A record is good until the flush.
    if (
      lastSender !== null &&
      (offset & 3) === 0 &&
      words[at + 4] === this.lastDestination &&
      (words[at]! & 0xff) === 0x45
    ) {
      this.writeHeader(offset, this.lastRecord + HEADER);
      lastSender.add(offset - ETHERNET_HEADER, length + ETHERNET_HEADER, body, bodyLength);
      return;
    }
    this.addOther(offset, length, body, bodyLength);
  }

  private addOther(offset: number, length: number, body: number, bodyLength: number): void {
    const record = this.find(offset, length);
    if (record < 0 || this.adjacencies.words[record + STATE] !== USABLE) {
      this.fallback.add(offset, length, body, bodyLength);
      return;
    }
    const sender = this.senderOf(this.adjacencies.words[record + INTERFACE]!);
    if (sender === null) {
      this.fallback.add(offset, length, body, bodyLength);
      return;
    }
    if ((offset & 3) === 0 && this.bytes[offset]! >>> 4 === 4) {
      this.lastDestination = this.words[(offset + DESTINATION4) >> 2]!;
      this.lastRecord = record;
      this.lastSender = sender;
    }
    this.writeHeader(offset, record + HEADER);
    sender.add(offset - ETHERNET_HEADER, length + ETHERNET_HEADER, body, bodyLength);
  }

  /** Sends what was added; returns how many packets were sent. */
  flush(): number {
    let sent = 0;
    this.lastSender = null;
    for (let i = 0; i < this.senders.length; i++) {
      const { sender } = this.senders[i]!;
      if (sender.count > 0) sent += sender.flush();
    }
    if (this.fallback.count === 0) return sent;
    const slow = this.fallback.flush();
    this.counters[DeviceCount.tx_fallback]! += slow;
    return sent + slow;
  }

  /** The destination's record of the table; −1 without one, and for what is no IP packet. */
  private find(offset: number, length: number): number {
    const { adjacencies, bytes } = this;
    const version = bytes[offset]! >>> 4;
    if (version === 4 && length >= IPV4_HEADER) {
      const at = offset + DESTINATION4;
      return adjacencies.find4((at & 3) === 0 ? this.words[at >> 2]! : word(bytes, at));
    }
    return version === 6 && length >= IPV6_HEADER ? adjacencies.find6(bytes, offset + DESTINATION6) : -1;
  }

  private senderOf(index: number): FrameSender | null {
    for (let i = 0; i < this.senders.length; i++) {
      if (this.senders[i]!.index === index) return this.senders[i]!.sender;
    }
    return null;
  }

  private writeHeader(offset: number, from: number): void {
    const { words, bytes } = this;
    const header = this.adjacencies.words;
    if ((offset & 3) === 0) {
      const at = (offset >> 2) - HEADER_WORDS;
      words[at] = header[from]!;
      words[at + 1] = header[from + 1]!;
      words[at + 2] = header[from + 2]!;
      words[at + 3] = header[from + 3]!;
      return;
    }
    for (let i = 0; i < ETHERNET_HEADER; i++) {
      const at = i + 2;
      bytes[offset - ETHERNET_HEADER + i] = header[from + (at >> 2)]! >>> ((at & 3) * 8);
    }
  }
}

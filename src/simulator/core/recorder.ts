/**
 * What is written down while a simulation runs. Nodes, links, next hops, reasons and flows are registered by name
 * when the network is built and known by number from then on, so that a packet costs additions only.
 */
import type { Nanoseconds } from '../../network/time.js';

/** Direction of a packet over a next hop. */
export const TO_CUSTOMER = 0;
export const FROM_CUSTOMER = 1;
export type NexthopDirection = typeof TO_CUSTOMER | typeof FROM_CUSTOMER;

/** What may be told of a TCP connection: SYN sent; all data came and both sides closed; given up. */
export type ConnectionEvent = 'opened' | 'closed' | 'failed';

export interface Recorder {
  /** Numbers from 0 by name; the same name has the same number. */
  node(name: string): number;
  link(name: string): number;
  nexthop(name: string): number;
  reason(name: string): number;
  /** Flows may be registered while the simulation runs; `index` counts those of one traffic from 0. */
  flow(traffic: string, index: number): number;

  /** A packet ends without having arrived. Its bytes are still there. */
  drop(node: number, reason: number, packet: number): void;
  /** A packet has gone into a link. */
  linkPacket(link: number, bytes: number): void;
  /**
   * A packet goes into, or came out of, a tunnel or interconnect.
   *
   * @param colo index of the PoP
   * @param packet as it is inside
   */
  nexthopPacket(nexthop: number, direction: NexthopDirection, colo: number, packet: number): void;
  sent(flow: number, packet: number): void;
  delivered(flow: number, packet: number): void;
  /** Something was sent that wants an answer (ping, UDP echo, SYN); and the answer is back. */
  asked(flow: number): void;
  answered(flow: number, askedAt: Nanoseconds): void;
  /** The MSS of a SYN as it arrived at the server, or of a SYN-ACK at the client. */
  mss(flow: number, atServer: boolean, mss: number): void;
  connection(flow: number, what: ConnectionEvent): void;
  event(kind: string, text: string): void;
}

/** Names to numbers from 0. */
export class Names {
  private readonly numbers = new Map<string, number>();
  readonly list: string[] = [];

  number(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.list.push(name) - 1;
    this.numbers.set(name, number);
    return number;
  }
}

/** Numbers by index that begin at 0 and grow as they are asked for. */
export class Counts {
  private values = new Float64Array(64);

  add(index: number, amount: number): void {
    if (index >= this.values.length) {
      const larger = new Float64Array(Math.max(2 * this.values.length, index + 1));
      larger.set(this.values);
      this.values = larger;
    }
    this.values[index]! += amount;
  }

  get(index: number): number {
    return this.values[index] ?? 0;
  }
}

/** Reasons that may be registered: the dataplane's and the simulator's are some sixty. */
const MOST_REASONS = 128;

/** Counts, and keeps no times: for tests, benchmarks, and to build on. */
export class CountingRecorder implements Recorder {
  readonly nodes = new Names();
  readonly links = new Names();
  readonly nexthops = new Names();
  readonly reasons = new Names();
  readonly flows = new Names();
  /** Packets dropped in all. */
  dropped = 0;
  /** Packets and bytes by link. */
  readonly linkPackets = new Counts();
  readonly linkBytes = new Counts();
  /** Packets by next hop and direction (2 × next hop + direction). */
  readonly nexthopPackets = new Counts();
  readonly sentPackets = new Counts();
  readonly deliveredPackets = new Counts();
  readonly askedCount = new Counts();
  readonly answeredCount = new Counts();
  readonly connections: Record<ConnectionEvent, number> = { opened: 0, closed: 0, failed: 0 };
  readonly events: { readonly kind: string; readonly text: string }[] = [];
  private readonly drops = new Counts();

  node(name: string): number {
    return this.nodes.number(name);
  }

  link(name: string): number {
    return this.links.number(name);
  }

  nexthop(name: string): number {
    return this.nexthops.number(name);
  }

  reason(name: string): number {
    const number = this.reasons.number(name);
    if (number >= MOST_REASONS) throw new RangeError(`more than ${MOST_REASONS} reasons`);
    return number;
  }

  flow(traffic: string, index: number): number {
    return this.flows.number(`${traffic} ${index}`);
  }

  drop(node: number, reason: number, _packet: number): void {
    this.dropped++;
    this.drops.add(node * MOST_REASONS + reason, 1);
  }

  linkPacket(link: number, bytes: number): void {
    this.linkPackets.add(link, 1);
    this.linkBytes.add(link, bytes);
  }

  nexthopPacket(nexthop: number, direction: NexthopDirection, _colo: number, _packet: number): void {
    this.nexthopPackets.add(2 * nexthop + direction, 1);
  }

  sent(flow: number, _packet: number): void {
    this.sentPackets.add(flow, 1);
  }

  delivered(flow: number, _packet: number): void {
    this.deliveredPackets.add(flow, 1);
  }

  asked(flow: number): void {
    this.askedCount.add(flow, 1);
  }

  answered(flow: number, _askedAt: Nanoseconds): void {
    this.answeredCount.add(flow, 1);
  }

  mss(_flow: number, _atServer: boolean, _mss: number): void {
    // Only the results of a run want to know.
  }

  connection(_flow: number, what: ConnectionEvent): void {
    this.connections[what]++;
  }

  event(kind: string, text: string): void {
    this.events.push({ kind, text });
  }

  /** Packets dropped for a reason, at a node or (null) anywhere. */
  dropsOf(reason: string, node: string | null = null): number {
    const names = node === null ? this.nodes.list : [node];
    const number = this.reason(reason);
    return names.reduce((sum, name) => sum + this.drops.get(this.node(name) * MOST_REASONS + number), 0);
  }
}

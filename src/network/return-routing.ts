/**
 * Automatic return routing (behaviour §3): the first packet of a flow (SYN, UDP, ICMP echo request) that comes out
 * of a tunnel with this option pins the return path of the flow to that tunnel, whatever the routes say.
 *
 * - What is first, for UDP, is what first comes out of the tunnel: to know what strangers sent before would need
 *   room for whatever strangers send.
 * - Later packets of the flow keep the pin, by whatever tunnel they come; a new SYN makes a new one.
 * - ICMP errors about packets of the flow take its return path too.
 * - Fragments have no ports and take the routes: with reassembly in front there are none.
 * - Where its tunnel is down (as the owner tells) the routes decide; it has its tunnel again when that is up.
 * - A flow is forgotten when it has been silent (FlowTimeouts), when its tunnel is gone or has the option no more, or
 *   when the table is full and no other has been silent for longer.
 *
 * Time comes in as a number of milliseconds from any origin.
 */
import type { PacketPool } from '../dataplane/packet-pool.js';
import type { SteerStage } from '../dataplane/pipeline.js';
import { Step } from '../dataplane/scratch.js';
import { AgedTable } from './aged-table.js';
import { FLOW_KEY_WORDS, FlowEvent, FlowKey, FlowKind } from './return-routing-key.js';

/** How long a flow may be silent, in milliseconds: the least that NATs have to wait, which flows are made for. */
export interface FlowTimeouts {
  /** Default 7,440,000: two hours and four minutes (RFC 5382 REQ-5). */
  readonly tcp: number;
  /** A TCP connection that is opening or closing. Default 240,000 (RFC 5382 REQ-5). */
  readonly tcpTransitory: number;
  /** Default 300,000 (RFC 4787 REQ-5). */
  readonly udp: number;
  /** Default 60,000 (RFC 5508 REQ-2). */
  readonly icmp: number;
}

const TIMEOUTS: FlowTimeouts = { tcp: 7_440_000, tcpTransitory: 240_000, udp: 300_000, icmp: 60_000 };

const DEFAULT_FLOWS = 65_536;

/** States of a flow. */
const OPENING = 0;
const OPEN = 1;
const CLOSING = 2;

export interface ReturnRoutingOptions {
  /** For each tunnel or plain next hop, by index, whether it has the option. */
  readonly nexthops: readonly boolean[];
  /** Most flows at a time, 1 and up. Default 65,536 (about 6 MB). */
  readonly flows?: number;
  readonly timeouts?: Partial<FlowTimeouts>;
}

export class ReturnRouting {
  /** Flows that were forgotten early, to make room. */
  evicted = 0;
  /** Keys are those of the packets to be pinned. */
  private readonly table: AgedTable;
  private readonly nexthop: Int32Array;
  private readonly state: Uint8Array;
  /** When each flow is forgotten. */
  private readonly expires: Float64Array;
  private readonly timeouts: FlowTimeouts;
  private enabled: readonly boolean[];
  private readonly key = new FlowKey();

  /** @throws RangeError for a table without room */
  constructor({ nexthops, flows = DEFAULT_FLOWS, timeouts }: ReturnRoutingOptions) {
    this.enabled = nexthops;
    this.table = new AgedTable(flows, FLOW_KEY_WORDS);
    this.nexthop = new Int32Array(flows);
    this.state = new Uint8Array(flows);
    this.expires = new Float64Array(flows);
    this.timeouts = { ...TIMEOUTS, ...timeouts };
  }

  /** Flows that are pinned; some of them may have been silent for too long. */
  get flows(): number {
    return this.table.size;
  }

  /**
   * A stage for PipelineOptions.steer: notes what comes out of tunnels with the option, and pins what belongs to a
   * noted flow. Packets that are pinned already are left alone.
   *
   * @param isUsable whether a next hop works as the place sees it whose view a vector has; default always
   */
  stage(
    { bytes }: PacketPool,
    isUsable: (view: number, nexthop: number) => boolean = () => true,
  ): SteerStage {
    return (vector, { step, ip, length, family }, nowMs) => {
      const { count, tunnelIn, pin } = vector;
      for (let i = 0; i < count; i++) {
        if (step[i] === Step.DONE || (vector.isPinned && pin[i]! >= 0)) continue;
        const to = this.route(bytes, ip[i]!, length[i]!, family[i]!, tunnelIn[i]!, nowMs);
        if (to >= 0 && isUsable(vector.view, to)) vector.pinTo(i, to);
      }
    };
  }

  /**
   * Takes note of one packet, and answers the next hop that its flow is pinned to; −1 when there is none and the
   * routes decide.
   *
   * @param ip offset of the packet's header, which was checked
   * @param length bytes of the packet, without padding
   * @param family 4 or 6
   * @param from tunnel or plain next hop out of which the packet came, or −1
   */
  route(bytes: Uint8Array, ip: number, length: number, family: number, from: number, nowMs: number): number {
    const { key } = this;
    if (!key.read(bytes, ip, length, family)) return this.routeError(bytes, ip, length, family, nowMs);
    const back = this.find(key.words, nowMs);
    if (back >= 0) {
      this.heard(back, nowMs);
      return this.nexthop[back]!;
    }
    if (from >= 0 && this.enabled[from] === true) this.note(from, nowMs);
    return -1;
  }

  /**
   * Takes up other next hops. Flows stay with theirs as long as it is there and has the option: the first packet of a
   * TCP connection does not come a second time.
   *
   * @param nexthops as in the options
   * @param numberOf number from now on of the next hop that had this one so far; −1: it is gone
   */
  setNexthops(nexthops: readonly boolean[], numberOf: (before: number) => number): void {
    const { table } = this;
    this.enabled = nexthops;
    for (let flow = table.oldest, next; flow >= 0; flow = next) {
      next = table.newerThan(flow);
      const number = numberOf(this.nexthop[flow]!);
      if (number >= 0 && nexthops[number] === true) this.nexthop[flow] = number;
      else table.remove(flow);
    }
  }

  /** An ICMP error goes where the answers to the packet would go that it is about. */
  private routeError(bytes: Uint8Array, ip: number, length: number, family: number, nowMs: number): number {
    const { key } = this;
    if (!key.readQuoted(bytes, ip, length, family)) return -1;
    const flow = this.find(key.reversed, nowMs);
    return flow < 0 ? -1 : this.nexthop[flow]!;
  }

  private find(key: Int32Array, nowMs: number): number {
    const flow = this.table.find(key);
    if (flow < 0 || this.expires[flow]! > nowMs) return flow;
    this.table.remove(flow);
    return -1;
  }

  /** A packet of the direction that pins. */
  private note(from: number, nowMs: number): void {
    const { key } = this;
    let flow = this.find(key.reversed, nowMs);
    const opens = key.event === FlowEvent.OPENS;
    if (flow < 0 && !opens) return;
    if (flow < 0) flow = this.add(from);
    else if (opens && key.kind === FlowKind.TCP) this.open(flow, from);
    else if (this.state[flow] === OPENING) this.state[flow] = OPEN;
    this.heard(flow, nowMs);
  }

  private add(from: number): number {
    const { table } = this;
    if (table.size === table.capacity) {
      table.remove(table.oldest);
      this.evicted++;
    }
    const flow = table.add(this.key.reversed);
    this.open(flow, from);
    return flow;
  }

  private open(flow: number, from: number): void {
    this.nexthop[flow] = from;
    this.state[flow] = OPENING;
  }

  private heard(flow: number, nowMs: number): void {
    if (this.key.event === FlowEvent.CLOSES) this.state[flow] = CLOSING;
    this.expires[flow] = nowMs + this.patience(this.state[flow]!);
    this.table.touch(flow);
  }

  private patience(state: number): number {
    const { timeouts } = this;
    switch (this.key.kind) {
      case FlowKind.TCP:
        return state === OPEN ? timeouts.tcp : timeouts.tcpTransitory;
      case FlowKind.UDP:
        return timeouts.udp;
      default:
        return timeouts.icmp;
    }
  }
}

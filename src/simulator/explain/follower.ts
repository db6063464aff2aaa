/** Follows the packets of one flow, and all that is made of them, and writes down each step. */
import { DROP_REASONS } from '../../dataplane/verdicts.js';
import { SIMULATOR_DROPS } from '../core/drop-reasons.js';
import type { PacketObserver } from '../core/observer.js';
import type { World } from '../core/world.js';
import { SECOND } from '../../network/time.js';
import { headersOf, type HeaderLine } from './headers.js';

/** Ready for JSON. Times are seconds since the packet was sent. */
export interface Hop {
  readonly at: number;
  readonly place: string;
  /** What was done there, as a verb phrase. */
  readonly action: string;
  /** That applied, in bytes; null where none did. */
  readonly mtu: number | null;
  /** Bytes of the packet after the step. */
  readonly bytes: number;
  readonly headers: readonly HeaderLine[];
}

export interface Way {
  readonly number: number;
  /** Number of the packet that it was made of; null: the one that was sent. */
  readonly parent: number | null;
  readonly kind: 'packet' | 'fragment' | 'icmp_error' | 'answer' | 'reassembled';
  readonly hops: readonly Hop[];
  readonly end: WayEnd | null;
}

export interface WayEnd {
  readonly at: number;
  readonly place: string;
  /** Null: it arrived. */
  readonly reason: string | null;
  /** What the reason means; empty if it arrived. */
  readonly explanation: string;
}

interface OpenWay {
  readonly number: number;
  readonly parent: number | null;
  kind: Way['kind'];
  readonly hops: Hop[];
  end: WayEnd | null;
}

/** A way whose packet is not known yet: its bytes are there with its first step. */
interface Made {
  readonly way: OpenWay;
  readonly from: OpenWay;
  /** Whether the packet that it was made of was a fragment. */
  readonly ofFragment: boolean;
}

export class Follower implements PacketObserver {
  readonly ways: OpenWay[] = [];
  /** When something was heard last, in nanoseconds of the world. */
  lastStep: number;
  /** Way by packet number. */
  private readonly current = new Map<number, OpenWay>();
  private readonly made = new Map<OpenWay, Made>();
  private readonly begin: number;

  /** @param flow of the recorder: packets of others are not looked at */
  constructor(
    private readonly world: World,
    private readonly flow: number,
  ) {
    this.begin = world.scheduler.now;
    this.lastStep = this.begin;
  }

  step(packet: number, place: string, action: string, mtu: number | null): void {
    if (!this.isOurs(packet)) return;
    const { bytes, start, length } = this.world.packets;
    const way = this.wayOf(packet);
    this.lastStep = this.world.scheduler.now;
    const headers = headersOf(bytes, start[packet]!, length[packet]!);
    this.recognise(way, headers, place);
    way.hops.push({ at: this.elapsed, place, action, mtu, bytes: length[packet]!, headers });
  }

  child(parent: number, child: number): void {
    if (!this.isOurs(parent)) return;
    // Answers are of no flow; this one is to be recognised.
    this.world.packets.flow[child] = this.flow;
    const from = this.wayOf(parent);
    const way = this.open(from.number);
    this.current.set(child, way);
    this.made.set(way, { way, from, ofFragment: isFragment(this.headers(parent)) });
  }

  end(packet: number, place: string, reason: string | null): void {
    if (!this.isOurs(packet)) return;
    const way = this.wayOf(packet);
    const headers = this.headers(packet);
    this.recognise(way, headers, place);
    // One that ends where it was put together, without a step: how large it was is told all the same.
    if (way.kind === 'reassembled' && way.hops.length === 0) {
      const bytes = this.world.packets.length[packet]!;
      way.hops.push({ at: this.elapsed, place, action: 'has it whole', mtu: null, bytes, headers });
    }
    way.end = { at: this.elapsed, place, reason, explanation: reason === null ? '' : explanationOf(reason) };
    this.current.delete(packet);
    this.lastStep = this.world.scheduler.now;
  }

  /** Whether all that was followed has ended. */
  get done(): boolean {
    return this.ways.length > 0 && this.ways.every(({ end }) => end !== null);
  }

  /** After so long a time fragments that wait for others wait in vain: what took them in has dropped them. */
  giveUp(): void {
    for (const way of this.ways) {
      const last = way.hops.at(-1);
      if (way.end !== null || last === undefined || !isFragment(last.headers)) continue;
      const reason = 'reassembly_failed';
      way.end = { at: this.elapsed, place: last.place, reason, explanation: explanationOf(reason) };
    }
  }

  private get elapsed(): number {
    return (this.world.scheduler.now - this.begin) / SECOND;
  }

  private isOurs(packet: number): boolean {
    return this.world.packets.flow[packet] === this.flow;
  }

  private wayOf(packet: number): OpenWay {
    const known = this.current.get(packet);
    if (known !== undefined) return known;
    const way = this.open(null);
    this.current.set(packet, way);
    return way;
  }

  private open(parent: number | null): OpenWay {
    const way: OpenWay = { number: this.ways.length + 1, parent, kind: 'packet', hops: [], end: null };
    this.ways.push(way);
    return way;
  }

  /** Says what a new packet is, now that its bytes are there. */
  private recognise(way: OpenWay, headers: readonly HeaderLine[], place: string): void {
    const made = this.made.get(way);
    if (made !== undefined) this.settle(made, kindOf(headers, made.ofFragment), place);
  }

  /** Ends the ways of those that a new packet stands for. */
  private settle({ way, from, ofFragment }: Made, kind: Way['kind'], place: string): void {
    this.made.delete(way);
    way.kind = kind;
    // One that was made whole and cut again on the spot was never seen.
    const unseen = this.made.get(from);
    if (unseen !== undefined && from.hops.length === 0) {
      this.settle(unseen, unseen.ofFragment ? 'reassembled' : 'answer', place);
    }
    const finish = (other: OpenWay, explanation: string): void => {
      other.end ??= { at: this.elapsed, place: other.hops.at(-1)?.place ?? place, reason: null, explanation };
    };
    if (kind === 'fragment') finish(from, 'goes on in fragments');
    if (kind !== 'reassembled' || !ofFragment) return;
    const last = from.hops.at(-1)?.place;
    const parts = this.ways.filter((one) => one.kind === 'fragment' && one.hops.at(-1)?.place === last);
    for (const part of [from, ...parts]) finish(part, 'goes on in the whole packet');
  }

  private headers(packet: number): HeaderLine[] {
    const { bytes, start, length } = this.world.packets;
    return headersOf(bytes, start[packet]!, length[packet]!);
  }
}

function isFragment(lines: readonly HeaderLine[]): boolean {
  // Not ICMP's "fragmentation needed".
  return lines.some(({ name, text }) => name.startsWith('IP') && text.includes('fragment'));
}

function kindOf(headers: readonly HeaderLine[], ofFragment: boolean): Way['kind'] {
  const last = headers.at(-1);
  if (last?.name.startsWith('ICMP') === true && !last.text.startsWith('echo')) return 'icmp_error';
  if (isFragment(headers)) return 'fragment';
  return ofFragment ? 'reassembled' : 'answer';
}

const EXPLANATIONS = new Map<string, string>([
  ...SIMULATOR_DROPS,
  ...DROP_REASONS.map(({ name, explanation }) => [name, explanation] as const),
]);

function explanationOf(reason: string): string {
  return EXPLANATIONS.get(reason) ?? '';
}

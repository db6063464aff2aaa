/** The main thread's end of a capture: sets the filter of all workers, and takes what they hand over. */
import type { Side } from '../dataplane/packet-vector.js';
import { verdictEntry, VERDICTS } from '../dataplane/verdicts.js';
import {
  CaptureDirection,
  CaptureRing,
  CaptureVerdicts,
  CaptureWord,
  createCapture,
  type CaptureRecord,
  type SharedCapture,
} from './capture-ring.js';

export const DIRECTIONS = ['in', 'out', 'both'] as const;

/** What is captured. */
export interface CaptureFilter {
  /** Name of the only tunnel; null: all, and packets that belong to none. */
  readonly tunnel: string | null;
  /** Name of a verdict, `dropped`, `delivered`, or null for all. */
  readonly verdict: string | null;
  readonly direction: (typeof DIRECTIONS)[number];
  /** Most bytes of a frame, 1 and up. */
  readonly snaplen: number;
}

/** A captured frame with the words for what happened to it. */
export interface CapturedPacket {
  readonly bytes: Uint8Array;
  readonly originalLength: number;
  readonly linkType: number;
  readonly side: 'underlay' | 'overlay';
  readonly direction: 'in' | 'out';
  readonly verdict: string;
  readonly tunnelIn: string | null;
  readonly tunnelOut: string | null;
  /** Milliseconds since 1970, with fraction. */
  readonly timeMs: number;
  /** Packets that were left out before this one because its worker's ring was full. */
  readonly lost: number;
}

/** The tunnels of a configuration that is or was in effect. */
export interface CaptureNames {
  readonly generation: number;
  readonly names: readonly string[];
}

const SIDES: Readonly<Record<(typeof Side)[keyof typeof Side], 'underlay' | 'overlay'>> = [
  'underlay',
  'overlay',
];

/** Number for CaptureWord.VERDICT; undefined for a word that is no verdict. */
export function verdictWord(verdict: string | null): number | undefined {
  if (verdict === null) return CaptureVerdicts.ANY;
  if (verdict === 'dropped') return CaptureVerdicts.DROPPED;
  if (verdict === 'delivered') return CaptureVerdicts.DELIVERED;
  return VERDICTS.find(({ name }) => name === verdict)?.number;
}

/** The rings of all workers, by place; made when a worker first needs one. */
export class CaptureRings {
  private readonly memory: SharedCapture[] = [];
  private readonly rings: CaptureRing[] = [];
  private session: CaptureSession | null = null;

  shared(place: number): SharedCapture {
    for (let i = this.memory.length; i <= place; i++) {
      this.memory[i] = createCapture();
      this.rings[i] = new CaptureRing(this.memory[i]!);
      this.session?.prepare(this.rings[i]!);
    }
    return this.memory[place]!;
  }

  /** Starts a capture; null when there is one already. */
  start(filter: CaptureFilter, names: CaptureNames): CaptureSession | null {
    if (this.session !== null) return null;
    this.session = new CaptureSession(this.rings, filter, names, () => {
      this.session = null;
    });
    return this.session;
  }
}

export class CaptureSession {
  private readonly lost = new Map<CaptureRing, number>();
  private readonly record: CaptureRecord = {
    ...{ originalLength: 0, linkType: 0, side: 0, direction: 0, verdict: 0 },
    ...{ tunnelIn: -1, tunnelOut: -1, generation: 0, timeMs: 0 },
  };
  private known: readonly CaptureNames[];

  /** @param rings may grow */
  constructor(
    private readonly rings: readonly CaptureRing[],
    private readonly filter: CaptureFilter,
    names: CaptureNames,
    private readonly onEnd: () => void,
  ) {
    this.known = [names];
    for (const ring of rings) this.prepare(ring);
  }

  /** Lets a worker's tap take what the filter asks for. */
  prepare(ring: CaptureRing): void {
    ring.clear();
    const { control } = ring;
    const { snaplen, verdict, direction } = this.filter;
    const directions = { in: CaptureDirection.IN, out: CaptureDirection.OUT, both: 3 }[direction];
    Atomics.store(control, CaptureWord.SNAPLEN, snaplen);
    Atomics.store(control, CaptureWord.VERDICT, verdictWord(verdict) ?? CaptureVerdicts.ANY);
    Atomics.store(control, CaptureWord.DIRECTIONS, directions);
    this.setTunnel(ring);
    Atomics.store(control, CaptureWord.ACTIVE, 1);
  }

  /** Takes what has come since the last call, in order of time. `names`: the configuration in effect. */
  poll(names: CaptureNames): CapturedPacket[] {
    if (names.generation !== this.known[0]!.generation) {
      this.known = [names, ...this.known.slice(0, 1)];
      for (const ring of this.rings) this.setTunnel(ring);
    }
    const packets = this.rings.flatMap((ring) => this.drain(ring));
    return packets.sort((a, b) => a.timeMs - b.timeMs);
  }

  end(): void {
    for (const ring of this.rings) Atomics.store(ring.control, CaptureWord.ACTIVE, 0);
    this.onEnd();
  }

  private setTunnel({ control }: CaptureRing): void {
    const { tunnel } = this.filter;
    const { names } = this.known[0]!;
    // A tunnel that a reload has removed has no packets: its index is beyond the last.
    const index = tunnel === null ? -1 : names.indexOf(tunnel);
    Atomics.store(control, CaptureWord.TUNNEL, tunnel !== null && index < 0 ? names.length : index);
  }

  private drain(ring: CaptureRing): CapturedPacket[] {
    const packets: CapturedPacket[] = [];
    const { record } = this;
    for (let bytes = ring.take(record); bytes !== null; bytes = ring.take(record)) {
      const lost = Atomics.load(ring.control, CaptureWord.LOST);
      packets.push({
        bytes,
        originalLength: record.originalLength,
        linkType: record.linkType,
        side: SIDES[record.side as 0 | 1],
        direction: record.direction === CaptureDirection.IN ? 'in' : 'out',
        verdict: verdictEntry(record.verdict)?.name ?? `verdict ${record.verdict}`,
        tunnelIn: this.nameOf(record.tunnelIn, record.generation),
        tunnelOut: this.nameOf(record.tunnelOut, record.generation),
        timeMs: record.timeMs,
        lost: lost - (this.lost.get(ring) ?? 0),
      });
      this.lost.set(ring, lost);
    }
    return packets;
  }

  private nameOf(tunnel: number, generation: number): string | null {
    return this.known.find((known) => known.generation === generation)?.names[tunnel] ?? null;
  }
}

/**
 * Trace: one packet's way through the pipeline, node by node. The packet goes through the real pipeline,
 * alone, and that says what becomes of it; the bytes are then decoded a second time, slowly, to say why.
 */
import { createCounters } from '../dataplane/counters.js';
import { linkTypeName } from '../dataplane/link-type.js';
import { PacketPool } from '../dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../dataplane/packet-vector.js';
import { Pipeline } from '../dataplane/pipeline.js';
import { Tables, type TablesSpec } from '../dataplane/tables.js';
import {
  FIRST_DROP,
  STAGES,
  Verdict,
  verdictEntry,
  type Stage,
  type VerdictEntry,
} from '../dataplane/verdicts.js';
import { FramePlacer } from '../device/frame-placer.js';
import { explainKeepalive } from './trace-answer.js';
import { decodeWay, type TraceNode, type Way } from './trace-decap.js';
import { explainOutcome, type Outcome, type SentFrame } from './trace-encap.js';
import { summarize } from './trace-summary.js';

export type { TraceField } from './trace-fields.js';
export type { TraceNode } from './trace-decap.js';

/** A frame that left, or the one that came. */
export interface TraceFrame {
  readonly side: 'underlay' | 'overlay';
  /** LINKTYPE_ number, and a name for it. */
  readonly link_type: number;
  readonly link: string;
  /** Bytes. */
  readonly length: number;
  /** In one line, as tcpdump would print it. */
  readonly summary: string;
  /** The bytes up to the end of the innermost header, as hexadecimal digits. */
  readonly headers: string;
}

export interface SentTraceFrame extends TraceFrame {
  readonly kind: 'packet' | 'fragment' | 'icmp_error' | 'echo_reply' | 'keepalive';
}

/** What became of one packet, and why. Ready for JSON. */
export interface Trace {
  readonly frame: TraceFrame;
  readonly verdict: VerdictEntry;
  readonly dropped: boolean;
  /** Tunnel that the packet came out of, and that it went into. */
  readonly tunnel_in: string | null;
  readonly tunnel_out: string | null;
  /** In the order in which the packet met them; the last is where its way ended. */
  readonly nodes: readonly TraceNode[];
  readonly sent: readonly SentTraceFrame[];
}

/** Traces packets, one at a time, through the tables of a specification. */
export class Tracer {
  private readonly pool: PacketPool;
  private readonly vector: PacketVector;
  private readonly placer: FramePlacer;
  private readonly pipeline: Pipeline;

  /** `spec`: what `compile` makes of a configuration. */
  constructor(private readonly spec: TablesSpec) {
    const tables = Tables.build(spec);
    const { slots, vectors, regions } = vectorRegions(1);
    this.pool = PacketPool.create({ slots, vectors });
    this.vector = PacketVector.create(this.pool, regions[0]!);
    this.placer = new FramePlacer(this.pool, this.vector);
    this.pipeline = new Pipeline(this.pool, tables, createCounters(tables.tunnelCount));
  }

  /** Traces the frame `bytes` of a link type that arrives on a side (Side.UNDERLAY or OVERLAY). */
  trace(bytes: Uint8Array, linkType: number, side: number): Trace {
    const { spec } = this;
    const outcome = this.run(bytes, linkType, side);
    const entry = verdictEntry(outcome.verdict);
    if (entry === undefined) throw new Error(`the pipeline gave the unknown verdict ${outcome.verdict}`);
    const dropped = entry.number >= FIRST_DROP;
    const way = decodeWay(bytes, linkType, side, spec);
    const kind = kindOf(outcome, dropped);
    return {
      frame: describeFrame({ bytes, linkType, side }),
      verdict: entry,
      dropped,
      tunnel_in: spec.tunnels[outcome.tunnelIn]?.name ?? null,
      tunnel_out: spec.tunnels[outcome.tunnelOut]?.name ?? null,
      nodes: [...nodesUpTo(way, entry.stage), ...nodesFrom(way, bytes, side, outcome, spec)],
      sent: outcome.sent.map((frame) => ({ ...describeFrame(frame), kind })),
    };
  }

  /** Runs the pipeline over a vector with this packet alone. */
  private run(bytes: Uint8Array, linkType: number, side: number): Outcome {
    const { pool, vector, placer } = this;
    placer.begin();
    placer.place(bytes, 0, bytes.length, linkType, side);
    this.pipeline.run(vector, 0);

    const sent: SentFrame[] = [];
    const add = (offset: number, length: number, linkType: number, side: number): void => {
      sent.push({ bytes: pool.bytes.slice(offset, offset + length), linkType, side });
    };
    const verdict = vector.verdict[0]!;
    const outSide = vector.outSide(0);
    if (outSide >= 0) {
      add(vector.outOffset[0]!, vector.outLength[0]!, vector.outLink[0]!, outSide);
    }
    for (let i = 0; i < vector.extraCount; i++) {
      add(vector.extraOffset[i]!, vector.extraLength[i]!, vector.extraLink[i]!, vector.extraSide[i]!);
    }
    return { verdict, tunnelIn: vector.tunnelIn[0]!, tunnelOut: vector.tunnelOut[0]!, sent };
  }
}

function kindOf({ verdict, sent }: Outcome, dropped: boolean): SentTraceFrame['kind'] {
  if (verdict === Verdict.answered_echo) return 'echo_reply';
  if (verdict === Verdict.answered_keepalive) return 'keepalive';
  if (dropped) return 'icmp_error';
  return sent.length > 1 ? 'fragment' : 'packet';
}

/** The decoded nodes, none behind the stage at which the pipeline ended the packet's way. */
function nodesUpTo({ nodes, failed }: Way, stage: Stage): TraceNode[] {
  if (failed || stage === 'deliver' || stage === 'answer') return nodes;
  const last = nodes.findLastIndex(({ node }) => STAGES.indexOf(node) <= STAGES.indexOf(stage));
  return nodes.slice(0, last + 1);
}

/** Route and what follows, for a packet that got there. */
function nodesFrom(
  way: Way,
  bytes: Uint8Array,
  side: number,
  outcome: Outcome,
  spec: TablesSpec,
): TraceNode[] {
  const stage = verdictEntry(outcome.verdict)?.stage ?? 'frame';
  const isRouted =
    stage === 'deliver' || stage === 'answer' || STAGES.indexOf(stage) >= STAGES.indexOf('route');
  if (!isRouted || way.failed) return [];
  if (way.packet !== null && way.keepalive) return [explainKeepalive(way.packet)];
  if (way.packet === null) return [{ node: 'deliver', title: 'the frame, to the overlay', fields: [] }];
  return explainOutcome({ bytes, packet: way.packet, side }, outcome, spec);
}

function describeFrame({ bytes, linkType, side }: SentFrame): TraceFrame {
  const { text, headers } = summarize(bytes, linkType);
  return {
    side: side === Side.OVERLAY ? 'overlay' : 'underlay',
    link_type: linkType,
    link: linkTypeName(linkType),
    length: bytes.length,
    summary: text,
    headers: Buffer.from(bytes.subarray(0, headers)).toString('hex'),
  };
}

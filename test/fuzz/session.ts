/**
 * Fuzzing with one random set of tables: vectors of mutated frames through a pipeline, with the checks
 * after each. Everything follows from (seed, number of the session).
 */
import { createCounters, isConserved, Misc } from '../../src/dataplane/counters.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { hashName } from '../../src/dataplane/ecmp.js';
import { Tables, type TablesSpec } from '../../src/dataplane/tables.js';
import { compare } from '../oracle/compare.js';
import type { Frame, Outcome } from '../oracle/outcome.js';
import { Memory, type Observed } from '../oracle/observed.js';
import { account, counterDifferences } from './account.js';
import type { Arena } from './arena.js';
import { Mutant } from './mutant.js';
import { mutate } from './mutate.js';
import { Prng } from './prng.js';
import { randomTemplate, type Template } from './shapes.js';
import { randomWay, randomWorld, specOfView, type World } from './world.js';

const TEMPLATES = 400;
/** All memory is checked for damage every so many vectors, else only what lies beside used slots. */
const FULL_CHECK_EVERY = 16;

export interface Failure {
  session: number;
  vector: number;
  /** Index of the packet in its vector; null when it is not one packet's doing. */
  packet: number | null;
  differences: string[];
  spec: TablesSpec;
  carefulOnly: boolean;
  frame: Frame | null;
  expected: Outcome | null;
  observed: Observed | null;
}

export interface SessionOptions {
  seed: number;
  session: number;
  packets: number;
  /** Share of vectors that are compared with the oracle, 0 to 1. */
  oracleShare: number;
}

export class Session {
  readonly world: World;
  readonly counters: Float64Array;
  readonly failures: Failure[] = [];
  compared = 0;
  private readonly tables: Tables;
  /** What each view does, as a specification without groups. */
  private readonly views: TablesSpec[];
  private readonly pipeline: Pipeline;
  private readonly carefulOnly: boolean;
  private readonly templates: Template[];
  private readonly mutant = new Mutant();
  private readonly memory = new Memory();
  private vectors = 0;

  constructor(
    private readonly arena: Arena,
    private readonly options: SessionOptions,
  ) {
    const prng = new Prng(options.seed, options.session);
    this.world = randomWorld(prng);
    this.carefulOnly = prng.chance(0.2);
    this.templates = Array.from({ length: TEMPLATES }, () => randomTemplate(prng, this.world));
    this.counters = createCounters(this.world.spec.tunnels.length);
    this.tables = Tables.build(this.world.spec);
    this.views = this.world.rows.map((_, view) => specOfView(this.world, view));
    this.world.rows.forEach((_, view) => {
      this.steer(view);
    });
    this.pipeline = new Pipeline(arena.pool, this.tables, this.counters, {
      carefulOnly: this.carefulOnly,
    });
  }

  /** Puts in effect what the world says for a view. */
  private steer(view: number): void {
    const { rows, spec } = this.world;
    rows[view]!.forEach((hops, group) => {
      const members = hops.map(({ tunnel, weight }) => ({
        member: tunnel,
        identity: hashName(spec.tunnels[tunnel]!.name),
        weight,
      }));
      this.tables.setGroup(view, group, members);
    });
  }

  /** All groups of a view without next hops, and back to what they were. */
  private shake(view: number): void {
    this.world.rows[view]!.forEach((_, group) => {
      this.tables.setGroup(view, group, []);
    });
    this.steer(view);
  }

  /** Runs until the packets are through or something failed. */
  run(): void {
    while (this.counters[Misc.received_packets]! < this.options.packets && this.failures.length === 0) {
      this.runVector();
      this.vectors++;
    }
    const damage = this.arena.checkMemory();
    if (this.failures.length === 0 && damage.length > 0) this.fail(null, damage);
  }

  private runVector(): void {
    const { arena, options } = this;
    const prng = new Prng(options.seed, options.session, this.vectors);
    this.fill(prng);
    const view = prng.below(this.views.length);
    arena.vector.view = view;
    if (prng.chance(0.2)) this.shake(prng.below(this.views.length));
    const count = arena.vector.count;
    const isCompared = prng.chance(options.oracleShare);
    const frames = isCompared ? Array.from({ length: count }, (_, i) => arena.frame(i)) : [];
    const before = this.counters.slice();
    try {
      this.pipeline.run(arena.vector, this.vectors);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.fail(null, [`exception: ${text}`]);
      return;
    }
    const differences = arena.check(this.vectors % FULL_CHECK_EVERY === 0);
    if (!isConserved(this.counters)) differences.push('received is not delivered + answered + dropped');
    const received = this.counters[Misc.received_packets]! - before[Misc.received_packets]!;
    if (received !== count) differences.push(`${received} packets received of ${count}`);
    if (differences.length > 0) this.fail(null, differences);
    else if (isCompared) this.compareVector(this.views[view]!, frames, before);
  }

  /** Fills the vector with mutants, with gaps between them. */
  private fill(prng: Prng): void {
    const { arena, mutant } = this;
    const wanted = prng.chance(0.8) ? 256 : prng.between(1, 256);
    arena.begin();
    while (arena.vector.count < wanted) {
      mutant.load(prng.pick(this.templates));
      mutate(mutant, prng, this.world);
      if (prng.chance(0.03)) arena.skip();
      const way = randomWay(prng, this.world.spec, mutant.isOverlay);
      if (!arena.place(mutant.bytes, mutant.length, mutant.link, mutant.isOverlay, way)) break;
    }
    arena.seal();
  }

  private compareVector(spec: TablesSpec, frames: readonly Frame[], before: Float64Array): void {
    const expectedCounters = createCounters(this.world.spec.tunnels.length);
    const observed = this.arena.observed();
    this.memory.sequences.clear();
    frames.forEach((frame, i) => {
      const { expected, differences } = compare(spec, frame, observed[i]!, this.memory);
      account(expectedCounters, frame, expected);
      if (differences.length > 0 && !(this.arena.isStarving && lacksRoom(expected, observed[i]!))) {
        this.fail(i, differences, frame, expected, observed[i], spec);
      }
    });
    this.compared += frames.length;
    if (this.failures.length > 0 || this.arena.isStarving) return;
    const differences = counterDifferences(expectedCounters, before, this.counters);
    for (const [tunnel, numbers] of this.memory.sequences) {
      if (!isRow(numbers)) differences.push(`sequence numbers of tunnel ${tunnel}: ${numbers.join(' ')}`);
    }
    if (differences.length > 0) this.fail(null, differences);
  }

  private fail(
    packet: number | null,
    differences: string[],
    frame: Frame | null = null,
    expected: Outcome | null = null,
    observed: Observed | null = null,
    spec: TablesSpec = this.world.spec,
  ): void {
    this.failures.push({
      session: this.options.session,
      vector: this.vectors,
      packet,
      differences,
      spec,
      carefulOnly: this.carefulOnly,
      frame,
      expected,
      observed,
    });
  }
}

/** Whether fragments or an ICMP error were not sent, and nothing else is different. */
function lacksRoom(expected: Outcome, observed: Observed): boolean {
  if (observed.outputs.length > 0) return false;
  if (observed.verdict === 'no_buffer') return expected.tally.fragmented > 0;
  return observed.verdict === expected.verdict && expected.tally.icmp_errors > 0;
}

/** Whether the numbers are, in some order, one behind the other. */
function isRow(numbers: readonly number[]): boolean {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.every((value, i) => i === 0 || value === sorted[i - 1]! + 1);
}

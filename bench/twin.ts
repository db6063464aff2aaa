/**
 * The C twin: compiled on the way with the machine's C compiler, loaded as a Node-API addon. Without a
 * compiler there is none, and the benchmark prints the TypeScript numbers alone.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileAddon, type Compiler } from '#compile-addon';
import { Misc, TUNNEL_COUNTERS } from '../src/dataplane/counters.js';
import type { PacketPool } from '../src/dataplane/packet-pool.js';
import type { PacketVector } from '../src/dataplane/packet-vector.js';
import type { Scratch } from '../src/dataplane/scratch.js';
import type { SharedTables } from '../src/dataplane/tables.js';
import type { WayName } from './ways.js';

const require = createRequire(import.meta.url);
const SOURCE = fileURLToPath(new URL('../../bench/twin.c', import.meta.url));
const BUILD = fileURLToPath(new URL('../../bench/build/', import.meta.url));
const FLAGS = ['-O3', '-march=native'];

interface TwinAddon {
  open(
    memory: readonly (Int32Array | Float64Array)[],
    layout: readonly number[],
    vectors: readonly (readonly Int32Array[])[],
    scratch: readonly Int32Array[],
  ): void;
  run(batch: number, decapOnly: boolean, prefetch: boolean): number;
}

/**
 * Compiles the twin unless this source was already compiled with this compiler for this processor.
 * Answers the path of the addon.
 * @throws Error with the compiler's messages when it does not compile
 */
export function compileTwin(compiler: Compiler): string {
  const hash = createHash('sha256').update(readFileSync(SOURCE));
  for (const part of [compiler.version, ...FLAGS, cpus()[0]?.model ?? '']) hash.update(part);
  const addon = join(BUILD, `twin-${hash.digest('hex').slice(0, 16)}.node`);
  if (existsSync(addon)) return addon;
  compileAddon(compiler, { sources: [SOURCE], flags: FLAGS, target: addon });
  return addon;
}

/** One thread's twin over one set of memory. Opening another one in the same thread closes this one. */
export class Twin {
  private readonly addon: TwinAddon;
  /** The addon knows addresses only; these hold the memory. */
  readonly held: readonly unknown[];

  /**
   * @param counters a block of its own, of the size of the pipeline's
   * @param scratch the pipeline's: both implementations find it in the same caches
   */
  constructor(
    path: string,
    pool: PacketPool,
    tables: SharedTables,
    counters: Float64Array,
    vectors: readonly PacketVector[],
    scratch: Scratch,
  ) {
    this.addon = require(path) as TwinAddon;
    const { endpoints, fib4, groups, buckets, tunnels } = tables;
    const memory = [pool.words, endpoints.v4, fib4.table, fib4.tail, groups, buckets, tunnels, counters];
    const layout = [
      TUNNEL_COUNTERS,
      Misc.received_packets,
      Misc.received_bytes,
      Misc.mss_clamped,
      Misc.mss_malformed,
    ];
    this.held = [memory, vectors, scratch];
    this.addon.open(memory, layout, vectors.map(vectorArrays), scratchArrays(scratch));
  }

  /**
   * Sends the first `batch` packets of each vector their way, with prefetches or without. Answers how many it
   * left because they are not what the flat loops do.
   */
  run(way: WayName, batch: number, prefetch: boolean): number {
    return this.addon.run(batch, way === 'decap', prefetch);
  }
}

function vectorArrays(v: PacketVector): Int32Array[] {
  return [
    v.offset,
    v.length,
    v.link,
    v.side,
    v.verdict,
    v.tunnelIn,
    v.tunnelOut,
    v.outOffset,
    v.outLength,
    v.outLink,
  ];
}

function scratchArrays(s: Scratch): Int32Array[] {
  return [
    s.step,
    s.ip,
    s.length,
    s.family,
    s.linkLength,
    s.ethernet,
    s.frameLength,
    s.group,
    s.hash,
    s.unfit,
  ];
}

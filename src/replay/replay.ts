/**
 * Replay: captures through the dataplane.
 *
 *   inputs ─▶ load ─▶ window ─▶ crew (pipeline over its vectors) ─▶ outputs ─▶ files
 *            main thread          workers                          main thread
 *
 * A few windows are on their way at a time. The main thread fills the next one while the workers have the
 * others, and takes each back in the order in which it was filled.
 */
import { setImmediate } from 'node:timers/promises';
import type { Config } from '../config/config.js';
import { sumCounters } from '../dataplane/counters.js';
import { LinkType } from '../dataplane/link-type.js';
import { PacketPool } from '../dataplane/packet-pool.js';
import { Side, vectorRegions, type VectorRegion } from '../dataplane/packet-vector.js';
import { Tables, type TablesSpec } from '../dataplane/tables.js';
import { MINIMUM_STAGING_BYTES, type StagingArea } from '../device/capture/read-buffer.js';
import { compile } from '../network/compile.js';
import { payloadKernels } from '../wire/payload.js';
import { asError, unlessAborted } from './abort.js';
import { InlineCrew, ThreadCrew, type Crew } from './crew.js';
import { createDistributor, DISTRIBUTIONS, type Distribution } from './distribution.js';
import { MergedInputs, type InputFile } from './inputs.js';
import { Load, loadWindow } from './loader.js';
import { outputLinks, Outputs, type OutputFiles } from './outputs.js';
import { countersToResult, type ReplayResult } from './result.js';
import { ExtraBudget, Window } from './window.js';

/** What a replay is to do, beside the network that it goes through. */
export interface ReplayWork {
  /** Captures that arrive on the underlay, and on the overlay; at least one in all. `-` is standard input. */
  readonly underlay?: readonly string[];
  readonly overlay?: readonly string[];
  readonly outputs?: OutputFiles;
  /** Threads that run the dataplane, 1 to 64; 0 runs it on the calling thread. Default 1. */
  readonly workers?: number;
  /** Default `flow`. Results do not depend on it. */
  readonly distribution?: Distribution;
  /** For the distribution `random`, a 32-bit number. Default 1. */
  readonly seed?: number;
  /** How many times the captures are played, 1 and up. Default 1. */
  readonly loops?: number;
  /** Aborts the replay: it rejects with the signal's reason and leaves no output behind. */
  readonly signal?: AbortSignal;
  /** Called some twenty times a second. */
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** Module that the threads run, for tests. */
  readonly workerModule?: URL;
}

export interface ReplayOptions extends ReplayWork {
  readonly config: Config;
}

export interface ReplayProgress {
  /** Packets read so far. */
  readonly packets: number;
  /** Bytes of the input files read so far, and in all; null when a file's size cannot be known. */
  readonly bytesRead: number;
  readonly totalBytes: number | null;
}

export const MAX_WORKERS = 64;

/** Windows on their way at a time, at the most: enough that nobody waits, few enough to stay in the cache. */
const MAX_WINDOWS = 8;
/** Vectors in all windows together, at the most: each takes 5 MB of address space. */
const MAX_VECTORS = 128;

const STDIN = '-';
const WORKER_MODULE = new URL('./worker.js', import.meta.url);

/** The event loop gets its turn so often, in milliseconds: signals and progress live there. */
const TURN_MS = 50;

const NANOS_PER_MS = 1e6;

/**
 * Plays captures through the dataplane and answers what became of every packet.
 *
 * @throws ConfigError when no tables can be made of the configuration
 * @throws CaptureError for an input that cannot be read or an output that cannot be written
 * @throws RangeError for options out of their range
 * In all cases no output appears.
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  return replayTables(compile(options.config), options);
}

/** As `replay`, through tables that no configuration file gave. */
export async function replayTables(spec: TablesSpec, options: ReplayWork): Promise<ReplayResult> {
  const settings = checkOptions(options);
  const { files, workers, loops } = settings;
  const lanes = Math.max(1, workers);
  const windows = workers === 0 ? 1 : Math.min(MAX_WINDOWS, Math.floor(MAX_VECTORS / workers));
  const { slots, vectors, regions } = vectorRegions(lanes * windows);
  const pool = PacketPool.create({ slots, vectors, stagingBytes: files.length * MINIMUM_STAGING_BYTES });

  const opening = MergedInputs.open(files, stagingAreas(pool, files.length), loops);
  const inputs = await unlessAborted(settings.signal, opening, (late) => late.close());
  try {
    const outputs = await openOutputs(options.outputs ?? {}, files, inputs, pool, spec);
    try {
      const ring = createWindows(pool, regions, lanes, smallestMtu(spec), outputs !== null);
      const crew = await startCrew(pool, Tables.build(spec), ring, settings);
      let elapsed: number;
      try {
        elapsed = await play(settings, inputs, ring, crew, outputs);
      } finally {
        await crew.close();
      }
      outputs?.commit();
      const counters = sumCounters(crew.counters);
      const counted = countersToResult(
        counters,
        spec.tunnels.map(({ name }) => name),
      );
      return {
        ...counted,
        elapsed_ns: elapsed,
        packets_per_second: elapsed === 0 ? 0 : Math.round(counted.received / (elapsed / 1e9)),
        workers,
        outputs: outputs?.volumes ?? { overlay: null, underlay: null, dropped: null },
      };
    } catch (error) {
      outputs?.abort();
      throw error;
    }
  } finally {
    await inputs.close();
  }
}

/** The options with their defaults. */
interface Settings {
  readonly files: readonly InputFile[];
  readonly workers: number;
  readonly loops: number;
  readonly distribution: Distribution;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: ReplayProgress) => void) | undefined;
  readonly workerModule: URL;
}

function checkOptions(options: ReplayWork): Settings {
  const { underlay = [], overlay = [], workers = 1, loops = 1, distribution = 'flow', seed = 1 } = options;
  const files = [
    ...underlay.map((path) => ({ path, side: Side.UNDERLAY })),
    ...overlay.map((path) => ({ path, side: Side.OVERLAY })),
  ];
  if (files.length === 0) throw new RangeError('no input: at least one capture is needed');
  const stdins = files.filter(({ path }) => path === STDIN).length;
  if (stdins > 1) throw new RangeError('standard input (-) can be given once');
  if (!Number.isInteger(workers) || workers < 0 || workers > MAX_WORKERS) {
    throw new RangeError(`found ${workers} workers, expected 0 to ${MAX_WORKERS}`);
  }
  if (!Number.isInteger(loops) || loops < 1) throw new RangeError(`found ${loops} loops, expected 1 and up`);
  if (loops > 1 && stdins > 0) throw new RangeError('standard input (-) cannot be played more than once');
  if (!DISTRIBUTIONS.includes(distribution)) {
    throw new RangeError(`found an unknown distribution, expected ${DISTRIBUTIONS.join(', ')}`);
  }
  const { signal, onProgress, workerModule = WORKER_MODULE } = options;
  return { files, workers, loops, distribution, seed, signal, onProgress, workerModule };
}

/** One part of the pool's staging area for each input. */
function stagingAreas(pool: PacketPool, count: number): StagingArea[] {
  return Array.from({ length: count }, (_, i) => ({
    buffer: pool.buffer,
    offset: pool.stagingOffset + i * MINIMUM_STAGING_BYTES,
    bytes: MINIMUM_STAGING_BYTES,
  }));
}

function smallestMtu({ tunnels }: TablesSpec): number {
  return tunnels.reduce((least, { mtu }) => Math.min(least, mtu), Infinity);
}

function createWindows(
  pool: PacketPool,
  regions: readonly VectorRegion[],
  lanes: number,
  mtu: number,
  keepsOrder: boolean,
): Window[] {
  const budget = new ExtraBudget(pool, mtu);
  const { copy } = payloadKernels(pool.memory);
  return Array.from({ length: regions.length / lanes }, (_, i) => {
    const own = regions.slice(i * lanes, (i + 1) * lanes);
    return new Window(i, pool, own, copy, budget, keepsOrder);
  });
}

async function startCrew(
  pool: PacketPool,
  tables: Tables,
  ring: readonly Window[],
  settings: Settings,
): Promise<Crew> {
  if (settings.workers === 0) return new InlineCrew(pool, tables);
  return ThreadCrew.start(pool, tables, ring, settings.workerModule);
}

/** Null when no output is wanted: what only outputs need is then left out. */
async function openOutputs(
  wanted: OutputFiles,
  files: readonly InputFile[],
  inputs: MergedInputs,
  pool: PacketPool,
  spec: TablesSpec,
): Promise<Outputs | null> {
  if (wanted.overlay === undefined && wanted.underlay === undefined && wanted.dropped === undefined)
    return null;
  const { readers } = inputs;
  const underlay = readers.filter((_, i) => files[i]!.side === Side.UNDERLAY);
  const links = underlay.map(({ interfaces }) => interfaces[0]?.linkType ?? LinkType.RAW);
  const isNano = readers.some(({ interfaces }) => interfaces.some(({ nanoseconds }) => nanoseconds));
  return Outputs.open(pool, wanted, outputLinks(wanted, links, spec.tunnels), isNano ? 'nano' : 'micro');
}

/** Plays the inputs to their end; answers the time it took, in nanoseconds. */
async function play(
  settings: Settings,
  inputs: MergedInputs,
  ring: readonly Window[],
  crew: Crew,
  outputs: Outputs | null,
): Promise<number> {
  const { signal, distribution, seed } = settings;
  const distributor = createDistributor(distribution, ring[0]!.vectors.length, seed);
  const abort = (): void => {
    crew.interrupt(asError(signal?.reason));
  };
  signal?.throwIfAborted();
  signal?.addEventListener('abort', abort);
  const start = performance.now();
  let nextTurn = start + TURN_MS;
  let packets = 0;
  let dispatched = 0;
  let finished = 0;
  try {
    for (let state: number = Load.FULL; state !== Load.END;) {
      if (dispatched - finished === ring.length) {
        // Half of the ring at once: to sleep and wake up takes as long as a window or more.
        const until = finished + Math.ceil(ring.length / 2);
        await crew.finish(ring[(until - 1) % ring.length]!);
        while (finished < until) await finish(ring[finished++ % ring.length]!, crew, outputs);
      }
      signal?.throwIfAborted();
      const window = ring[dispatched % ring.length]!;
      window.reset();
      for (;;) {
        state = loadWindow(window, inputs, distributor);
        if (state !== Load.STARVED) break;
        await unlessAborted(signal, inputs.refill());
      }
      if (window.count > 0) {
        packets += window.count;
        crew.dispatch(window);
        dispatched++;
      }
      if (performance.now() >= nextTurn) {
        await setImmediate();
        nextTurn = performance.now() + TURN_MS;
        settings.onProgress?.({ packets, bytesRead: inputs.bytesRead, totalBytes: inputs.totalBytes });
      }
    }
    while (finished < dispatched) await finish(ring[finished++ % ring.length]!, crew, outputs);
    return Math.round((performance.now() - start) * NANOS_PER_MS);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Takes a window back from the crew and writes what came of it. */
async function finish(window: Window, crew: Crew, outputs: Outputs | null): Promise<void> {
  await crew.finish(window);
  outputs?.write(window);
}

/**
 * `npm run bench`: the hot path against its C twin. Progress goes to stderr; tables, or with --json one
 * object, go to stdout. Exits with 1 when TypeScript and C disagree about a packet. docs/benchmarks.md says
 * how to read the numbers.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { Side } from '../src/dataplane/packet-vector.js';
import { createArenas, type SharedArena } from './arena.js';
import { CASE_NAMES, KINDS, quickRun, synShare, wholeRun, type Case } from './cases.js';
import { runLane } from './lane.js';
import { describeMachine } from './machine.js';
import type { Effort } from './measure.js';
import { buildNetwork, type Network } from './network.js';
import {
  heapResult,
  heapText,
  machineText,
  timingResult,
  timingTable,
  type HeapResult,
  type TimingResult,
} from './report.js';
import { buildTraffic } from './traffic.js';
import { findCompiler } from '#compile-addon';
import { compileTwin } from './twin.js';

interface Options {
  json?: true;
  quick?: true;
  only?: string;
  packets: number;
}

const WHOLE: Effort = { turns: 9, seconds: 0.15 };
const QUICK: Effort = { turns: 7, seconds: 0.08 };
const WHOLE_IMAGES = 131_072;
const QUICK_IMAGES = 65_536;

function packetCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('a number of packets was expected.');
  return value;
}

const options = new Command('npm run bench --')
  .description('Times the hot path against its C twin.')
  .option('--json', 'print one JSON object')
  .option('--quick', 'only the cases that have a limit, 64 bytes, in half a minute')
  .addOption(new Option('--only <name>', 'only cases of this name').choices([...CASE_NAMES, 'heap']))
  .option('--packets <count>', 'packets of the heap check', packetCount, 50_000_000)
  .parse()
  .opts<Options>();

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

const effort = options.quick === true ? QUICK : WHOLE;
const images = options.quick === true ? QUICK_IMAGES : WHOLE_IMAGES;
const compiler = findCompiler();
const addon = twinAddon();
const machine = describeMachine(addon === null ? null : compiler);

/** Null, and the reason told, where the twin cannot be compiled: TypeScript is then measured alone. */
function twinAddon(): string | null {
  try {
    if (compiler !== null) return compileTwin(compiler);
    progress('No C compiler found (cc, gcc, clang): TypeScript is measured alone, without a ratio.');
  } catch (error) {
    progress(`${String(error)}\nTypeScript is measured alone, without a ratio.`);
  }
  return null;
}

let network: Network | null = null;

/** The network of a case; keeps the last one, since they are large. */
function networkOf({ network: { tunnels, prefixes } }: Case): Network {
  if (network?.size.tunnels !== tunnels || network.size.prefixes !== prefixes) {
    progress(`building ${tunnels} tunnels and ${prefixes} prefixes`);
    network = null;
    network = buildNetwork({ tunnels, prefixes });
  }
  return network;
}

function arenasOf(item: Case): SharedArena[] {
  const { name, size, batch, workers } = item;
  const { direction, way } = KINDS[name];
  const built = networkOf(item);
  const traffic = buildTraffic(built, { direction, count: images, size, synShare: synShare(name) });
  const side = direction === 'to-tunnel' ? Side.OVERLAY : Side.UNDERLAY;
  return createArenas(workers, built.tables, { traffic, way, batch, side });
}

async function timeCase(item: Case): Promise<TimingResult> {
  const { verdict } = KINDS[item.name];
  const arenas = arenasOf(item);
  progress(
    `${item.name}: ${item.size} bytes, batches of ${item.batch}, ${item.network.tunnels} tunnels, ` +
      `${item.network.prefixes} prefixes, ${item.workers} worker(s)`,
  );
  const lanes = arenas.map((arena) => runLane({ kind: 'timing', arena, addon, verdict, effort }));
  return timingResult(item, await Promise.all(lanes));
}

async function watchHeap(): Promise<HeapResult> {
  const [arena] = arenasOf(quickRun().find((item) => item.name === 'full')!);
  progress(`heap: ${options.packets} packets`);
  return heapResult(await runLane({ kind: 'heap', arena: arena!, packets: options.packets }));
}

const wanted = (options.quick === true ? quickRun() : wholeRun()).filter(
  (item) => options.only === undefined || item.name === options.only,
);
const timings: TimingResult[] = [];
for (const item of wanted) timings.push(await timeCase(item));
const heap =
  options.only === 'heap' || (options.quick !== true && options.only === undefined)
    ? await watchHeap()
    : null;

if (options.json === true) {
  const results = heap === null ? timings : [...timings, heap];
  process.stdout.write(`${JSON.stringify({ machine, results }, null, 2)}\n`);
} else {
  process.stdout.write(`${machineText(machine)}\n`);
  if (timings.length > 0) process.stdout.write(`${timingTable(timings)}\n`);
  if (heap !== null) process.stdout.write(`${heapText(heap)}\n`);
}

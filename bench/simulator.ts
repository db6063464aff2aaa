/**
 * `npm run bench:simulator`: how fast the simulator is, and whether it keeps its limits. A packet-hop is a link, the way
 * over the Internet or the backbone, or an edge server with the whole pipeline; all packets are real bytes, all times
 * those of one core. Progress goes to stderr; a table, or with --json one object, to stdout. docs/benchmarks.md says how
 * to read it.
 *
 * `core` is links, Internet and edge between plain ends:
 *
 *     client ─ link ─ Internet ─ edge ─ Internet ─ link ─ router ─ LAN ─ host ─ link ─ Internet ─ link ─ client
 *
 * `whole` is what `grebe sim run` does with a scenario: hosts, routers, health checks, results.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describeMachine } from './machine.js';
import type { Measured, Point } from './simulator-point.js';
import type { BenchSize } from './simulator-world.js';

interface Options {
  json?: true;
  quick?: true;
  check?: true;
}

/** A row of the table. */
interface Row extends Measured {
  readonly name: string;
  readonly seconds: number;
}

interface Limit {
  readonly name: string;
  readonly found: number;
  readonly limit: number;
  readonly unit: string;
  readonly held: boolean;
}

const SMALL: BenchSize = { pops: 30, servers: 4, tunnels: 100, flows: 1000, rate: 20, payload: 512 };
const LARGE: BenchSize = { pops: 300, servers: 10, tunnels: 1000, flows: 10_000, rate: 10, payload: 512 };
/** Of the large network: what has to be done in LARGE_CPU and LARGE_MEMORY. */
const LARGE_SECONDS = 60;
const LARGE_CPU = 300;
const LARGE_MEMORY = 4096;
const LARGE_WARM_UP = 1;
const LEAST_SPEED = 1e6;
/** V8 has compiled all by then; the whole simulator has more to compile than its core. */
const CORE_WARM_UP = 1;
const WHOLE_WARM_UP = 4;
/** Dearest over cheapest packet-hop of a curve: more would be a cost that grows with the length of a run. */
const MOST_GROWTH = 1.5;

const POINT = fileURLToPath(new URL('./simulator-point.js', import.meta.url));

const options = new Command('npm run bench:simulator --')
  .description('Measures the simulator: packet-hops per second, memory, and the largest network.')
  .option('--json', 'print one JSON object')
  .option('--quick', 'shorter runs; those of the large network are projected to its 60 s')
  .option('--check', 'exit with 1 when a limit is not held')
  .parse()
  .opts<Options>();

function measure(name: string, point: Point): Row {
  process.stderr.write(`${name}, ${point.seconds} s of virtual time\n`);
  const args = ['--max-old-space-size=8192', POINT, JSON.stringify(point)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  return { name, seconds: point.seconds, ...(JSON.parse(stdout) as Measured) };
}

function speed({ hops, cpu }: Row): number {
  return hops / cpu;
}

/** CPU time of the large network over all of its virtual time. */
function projected({ allCpu, cpu, seconds }: Row): number {
  return allCpu - cpu + (cpu / seconds) * (LARGE_SECONDS - LARGE_WARM_UP);
}

function growth(rows: readonly Row[]): number {
  const speeds = rows.map(speed);
  return Math.max(...speeds) / Math.min(...speeds);
}

function limitsOf(core: readonly Row[], whole: readonly Row[], large: Row): Limit[] {
  const least = (name: string, found: number, limit: number, unit: string): Limit => ({
    ...{ name, found, limit, unit },
    held: found >= limit,
  });
  const most = (name: string, found: number, limit: number, unit: string): Limit => ({
    ...{ name, found, limit, unit },
    held: found <= limit,
  });
  return [
    least('core, packet-hops per second', Math.max(...core.map(speed)), LEAST_SPEED, '/s'),
    least('whole, packet-hops per second', Math.max(...whole.map(speed)), LEAST_SPEED, '/s'),
    most('core, dearest hop over cheapest', growth(core), MOST_GROWTH, 'times'),
    most('whole, dearest hop over cheapest', growth(whole), MOST_GROWTH, 'times'),
    most(`large network, ${LARGE_SECONDS} s`, projected(large), LARGE_CPU, 's of CPU'),
    most('large network, memory', large.megabytes, LARGE_MEMORY, 'MB'),
  ];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) => row.map((cell, i) => cell.padStart(widths[i]!)).join('  ')).join('\n');
}

function rowTexts({ name, seconds, hops, cpu, megabytes, allCpu, elapsed }: Row): string[] {
  return [
    name,
    `${seconds} s`,
    (hops / 1e6).toFixed(2),
    cpu.toFixed(2),
    (hops / cpu / 1e6).toFixed(2),
    ((cpu * 1e9) / hops).toFixed(0),
    megabytes.toFixed(0),
    allCpu.toFixed(1),
    elapsed.toFixed(1),
  ];
}

const HEAD = ['', 'virtual', 'M hops', 'CPU s', 'M hops/s', 'ns/hop', 'MB', 'all CPU s', 'elapsed s'];

function number(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

const isQuick = options.quick === true;
const curve = (part: Point['part'], warmUp: number, lengths: readonly number[]): Row[] =>
  lengths.map((seconds) => measure(part, { part, size: SMALL, seconds, warmUp }));
const core = curve('core', CORE_WARM_UP, isQuick ? [1, 2, 4] : [1, 2, 4, 8, 16]);
const whole = curve('whole', WHOLE_WARM_UP, isQuick ? [8, 16] : [8, 16, 32]);
const large = measure('whole, large', {
  ...{ part: 'whole', size: LARGE, warmUp: LARGE_WARM_UP },
  seconds: isQuick ? 3 : LARGE_SECONDS - LARGE_WARM_UP,
});
const rows = [...core, ...whole, large];
const limits = limitsOf(core, whole, large);
if (options.json === true) {
  const sizes = { small: SMALL, large: LARGE };
  process.stdout.write(`${JSON.stringify({ machine: describeMachine(null), sizes, rows, limits })}\n`);
} else {
  const verdicts = limits.map(({ name, found, limit, unit, held }) => [
    name,
    number(found),
    number(limit),
    unit,
    held ? 'held' : 'NOT HELD',
  ]);
  const small = table([HEAD, ...rows.map(rowTexts)]);
  process.stdout.write(`${small}\n\n${table([['limit', 'found', 'limit', '', ''], ...verdicts])}\n`);
}
if (options.check === true && limits.some(({ held }) => !held)) process.exitCode = 1;

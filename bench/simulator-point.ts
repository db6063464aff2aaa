/**
 * One measurement of the simulator, in a process of its own: the pipeline is as fast as it can be only in the first
 * world of a process, and memory is that of this world alone. Reads a Point (JSON) as its argument, prints a Measured.
 */
import { generatePops } from '../src/simulator/scenario/geography.js';
import { SECOND } from '../src/network/time.js';
import { runScenario } from '../src/simulator/run/run.js';
import { parseScenario } from '../src/simulator/scenario/load.js';
import { scenarioText } from './simulator-scenario.js';
import { buildBenchWorld, type BenchSize } from './simulator-world.js';

export interface Point {
  /** `core`: links, Internet and edge with plain ends. `whole`: all that `grebe sim run` does. */
  readonly part: 'core' | 'whole';
  readonly size: BenchSize;
  /** Virtual, behind the warm-up. */
  readonly seconds: number;
  /** Virtual time that is left out of `hops` and `cpu`, for V8 to compile in. */
  readonly warmUp: number;
}

/** Times in seconds, of CPU if not said otherwise. */
export interface Measured {
  readonly hops: number;
  readonly cpu: number;
  /** Of all the process: also loading, building, warm-up, and what comes behind the run. */
  readonly allCpu: number;
  readonly elapsed: number;
  readonly megabytes: number;
}

const begin = performance.now();

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function main(): Promise<void> {
  const point = JSON.parse(process.argv[2] ?? '') as Point;
  const window = point.part === 'core' ? measureCore(point) : await measureWhole(point);
  const measured: Measured = {
    ...window,
    allCpu: cpu(),
    elapsed: (performance.now() - begin) / 1000,
    megabytes: process.resourceUsage().maxRSS / 1024,
  };
  process.stdout.write(JSON.stringify(measured));
}

type Window = Pick<Measured, 'hops' | 'cpu'>;

function measureCore({ size, seconds, warmUp }: Point): Window {
  const { world, start } = buildBenchWorld(size, generatePops(size.pops, size.servers, null));
  start();
  world.scheduler.run(warmUp * SECOND);
  const before = { cpu: cpu(), hops: world.hops };
  world.scheduler.run((warmUp + seconds) * SECOND);
  if (world.lost !== 0) throw new Error(`${world.lost} packets are lost`);
  return { hops: world.hops - before.hops, cpu: cpu() - before.cpu };
}

async function measureWhole({ size, seconds, warmUp }: Point): Promise<Window> {
  const file = 'bench.yaml';
  const scenario = parseScenario(scenarioText(size, warmUp + seconds), file);
  let before: Window | null = null;
  let after: Window = { hops: 0, cpu: 0 };
  const { passed } = await runScenario(scenario, {
    file,
    onProgress: ({ now, packetHops }) => {
      after = { hops: packetHops, cpu: cpu() };
      if (now >= warmUp * SECOND) before ??= after;
    },
  });
  if (!passed) throw new Error('not all packets arrived');
  const from = before ?? after;
  return { hops: after.hops - from.hops, cpu: after.cpu - from.cpu };
}

await main();

/** grebe with 1,000 tunnels and two workers, after it has forwarded for a while: memory, and what it does idle. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cast } from '../cast.js';
import { knows } from '../cable.js';
import type { Context } from '../context.js';
import { FORWARD } from '../contender.js';
import { runFlood } from '../generators.js';
import type { Running } from '../running.js';
import { Stage, withStages } from '../stage.js';

const NAME = 'footprint';
const TUNNELS = 1000;
const WORKERS = 2;
const TRAFFIC_SECONDS = 1;
const SETTLE_MS = 2000;
const IDLE_SECONDS = 5;
const MOST_CPU_PERCENT = 1;
const MOST_MEGABYTES = 150;

/** Resident memory, 10^6 bytes. */
function residentMegabytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(match?.[1]) * 1024) / 1e6;
}

export async function footprint(context: Context, { grebe }: Cast): Promise<void> {
  const contender = grebe.af_packet;
  context.progress(`${NAME}: ${TUNNELS} tunnels, ${WORKERS} workers`);
  let daemon: Running | undefined;
  const open = async (): Promise<Stage> =>
    Stage.open(contender, async (cable) => {
      const { a, b } = cable;
      knows(a, FORWARD, b.mac);
      a.namespace.exec('ip', 'route', 'add', 'default', 'via', b.outer);
      daemon = contender.startLarge(cable, TUNNELS, WORKERS);
      return [daemon];
    });
  await withStages(NAME, [contender], context.results, open, async ([stage]) => {
    if (stage === undefined || daemon === undefined) return;
    try {
      await runFlood(context, stage.cable, TRAFFIC_SECONDS);
    } catch (error) {
      throw new Error(stage.whyFailed(error as Error), { cause: error });
    }
    await sleep(SETTLE_MS);
    const before = daemon.processorSeconds;
    await sleep(IDLE_SECONDS * 1000);
    const percent = ((daemon.processorSeconds - before) / IDLE_SECONDS) * 100;
    const megabytes = residentMegabytes(daemon.pid);
    const where = { contender: contender.name, underlay: contender.underlay };
    context.results.figure({ case: NAME, ...where, unit: '% CPU, idle' }, [percent]);
    context.results.figure({ case: NAME, ...where, unit: 'MB resident' }, [megabytes], 0);
    context.results.claim({
      case: NAME,
      claim: 'idle: % of a processor',
      value: percent,
      limit: MOST_CPU_PERCENT,
      bound: 'below',
    });
    context.results.claim({
      case: NAME,
      claim: `${TUNNELS} tunnels, ${WORKERS} workers: MB resident`,
      value: megabytes,
      limit: MOST_MEGABYTES,
      bound: 'below',
    });
  });
}

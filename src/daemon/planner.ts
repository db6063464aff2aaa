/**
 * Reads a configuration in a thread of its own: forwarding and the sockets of the main thread do not wait for
 * it, and the memory that reading and building takes, many times that of the result, goes with the thread.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ConfigError, type ConfigProblem } from '../config/problem.js';
import type { SharedTables } from '../dataplane/tables.js';
import type { InEffect } from './admit.js';
import type { Plan } from './plan.js';
import type { WarmUpFrames } from './warm-up.js';

/** A plan with its tables built. */
export interface PreparedPlan extends Plan {
  readonly tables: SharedTables;
  readonly warmUp: WarmUpFrames;
}

export interface PlannerInput {
  readonly file: string;
  readonly workers: number | undefined;
  readonly before: InEffect | null;
}

export type PlannerOutput =
  | { readonly plan: PreparedPlan }
  | { readonly problems: readonly ConfigProblem[] }
  | { readonly error: Error };

/** In megabytes: room for a hundred thousand tunnels; what is young is collected early. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 2048, maxYoungGenerationSizeMb: 8 };

const MODULE = new URL('./planner-thread.js', import.meta.url);

/**
 * @param workers in place of the file's number
 * @param before what is in effect; null: nothing yet
 * @throws ConfigError with everything that is wrong
 */
export async function preparePlan(
  file: string,
  workers: number | undefined,
  before: InEffect | null,
): Promise<PreparedPlan> {
  const workerData: PlannerInput = {
    file,
    workers,
    before: before === null ? null : { config: before.config, state: before.state },
  };
  const thread = new Worker(MODULE, { workerData, execArgv: [], resourceLimits: RESOURCE_LIMITS });
  const [output] = (await once(thread, 'message')) as [PlannerOutput];
  if ('plan' in output) return output.plan;
  throw 'problems' in output ? new ConfigError(output.problems) : output.error;
}

/** The thread that planner.ts starts: one configuration, one answer. */
import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError } from '../config/problem.js';
import { Tables } from '../dataplane/tables.js';
import { makePlan } from './plan.js';
import type { PlannerInput, PlannerOutput } from './planner.js';
import { warmUpFrames } from './warm-up-frames.js';

function answer({ file, workers, before }: PlannerInput): PlannerOutput {
  try {
    const plan = makePlan(file, workers, before);
    return { plan: { ...plan, tables: Tables.build(plan.spec).share(), warmUp: warmUpFrames(plan.spec) } };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

parentPort?.postMessage(answer(workerData as PlannerInput));

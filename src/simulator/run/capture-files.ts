/** Capture files that a scenario names as traffic: where they are, and whether they are there. */
import { dirname, isAbsolute, join } from 'node:path';
import { CaptureError } from '../../device/capture/capture-error.js';
import { openCapture } from '../../device/capture/capture-reader.js';
import { formatPath, quote, type ConfigProblem } from '../../config/problem.js';
import { positionOf } from '../scenario/load.js';
import type { Scenario } from '../scenario/scenario.js';

/** @param file the scenario, which paths in it are relative to */
export function capturePath(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}

/** What cannot be opened, or is no capture: told before anything runs, with its place in the scenario. */
export async function captureProblems(scenario: Scenario, file: string): Promise<ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  for (const traffic of scenario.traffic) {
    if (traffic.type !== 'capture') continue;
    const path = ['traffic', traffic.name, 'capture'];
    try {
      const reader = await openCapture(capturePath(file, traffic.file));
      await reader.close();
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      const { line, column } = positionOf(scenario, path) ?? { line: null, column: null };
      const message = `${quote(traffic.file)}: ${error.problem}`;
      problems.push({
        ...{ file, line, column, path: formatPath(path), message },
        ...{ found: quote(traffic.file), expected: 'a capture file' },
      });
    }
  }
  return problems;
}

/** A configuration on its way through the door of the network (src/network/change): what it changes, or what is wrong. */
import type { Config } from '../config/config.js';
import { positionOf } from '../config/load.js';
import { ConfigError, formatPath, type ConfigProblem } from '../config/problem.js';
import { apply } from '../network/change/apply.js';
import { changeBetween } from '../network/change/change-between.js';
import { diffNode, type DiffEntry } from '../network/change/diff.js';
import { EMPTY_STATE, networkOfNode, type NetworkState } from '../network/change/network-state.js';
import { ChangeError, type NetworkProblem } from '../network/change/problem.js';
import { pathOfProblem } from '../network/change/problem-path.js';

/** What is in effect before. */
export interface InEffect {
  readonly config: Config;
  readonly state: NetworkState;
}

export interface Admission {
  readonly state: NetworkState;
  /** Nothing at the start. */
  readonly changes: readonly DiffEntry[];
}

/**
 * @param config read from a file, in which problems are shown their places
 * @param before null: the daemon starts
 * @throws ConfigError with everything that the door objects to
 */
export function admit(config: Config, before: InEffect | null): Admission {
  const network = networkOfNode(config);
  const state = before?.state ?? EMPTY_STATE;
  try {
    const { version } = apply(state, changeBetween(state.network, network));
    return {
      // The same resources, in the order of the file.
      state: { version, network },
      changes: before === null ? [] : diffNode(before.config, config),
    };
  } catch (error) {
    if (!(error instanceof ChangeError)) throw error;
    throw new ConfigError(error.problems.map((problem) => problemAt(config, problem)));
  }
}

function problemAt(config: Config, problem: NetworkProblem): ConfigProblem {
  const path = pathOfProblem(problem, networkOfNode(config));
  const { file, line, column } = positionOf(config, path) ?? {
    file: 'configuration',
    line: null,
    column: null,
  };
  const { message } = problem;
  return { file, line, column, path: formatPath(path), found: null, expected: null, message };
}

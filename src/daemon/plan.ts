/** What a configuration file asks for, read and checked whole before anything is changed. */
import type { Config } from '../config/config.js';
import { overlayMismatch } from '../config/daemon.js';
import { parseConfig, positionOf, readConfigText } from '../config/load.js';
import { ConfigError, formatPath, type ConfigPath, type ConfigProblem } from '../config/problem.js';
import type { TablesSpec } from '../dataplane/tables.js';
import { findingsOf } from '../network/check.js';
import { compile } from '../network/compile.js';
import { tunnelTarget } from '../network/health/probe-target.js';
import type { ProbeTarget } from '../network/health/prober.js';
import type { RouteEntry } from '../network/routing/route-entry.js';
import { steeredRoutes } from '../network/steered-routes.js';
import { admit, type Admission, type InEffect } from './admit.js';

/** With what its resources make of the network, and what they change there. */
export interface Plan extends Admission {
  readonly file: string;
  readonly text: string;
  readonly config: Config;
  readonly workers: number;
  readonly spec: TablesSpec;
  /** Names of the tunnels by their numbers. */
  readonly names: readonly string[];
  /** What is probed. */
  readonly targets: readonly ProbeTarget[];
  /** Routes that health can move, one prefix for each group of the tables (steered-routes.ts). */
  readonly steered: readonly RouteEntry[];
  /** What `grebe check` would warn of, a line each. */
  readonly warnings: readonly string[];
  readonly loadedAt: Date;
}

/**
 * @param workers in place of the file's number
 * @param before what is in effect; null: nothing yet
 * @throws ConfigError with everything that is wrong
 */
export function makePlan(file: string, workers?: number, before: InEffect | null = null): Plan {
  const text = readConfigText(file);
  const config = parseConfig(text, file);
  const expected = overlayMismatch(config.daemon.overlay, config.tunnels);
  if (expected !== null) {
    const found = config.daemon.overlay.type;
    const { line, column } = positionOf(config, ['daemon', 'overlay', 'type']) ?? {
      line: null,
      column: null,
    };
    const message = `found ${found}, expected ${expected}`;
    throw new ConfigError([{ file, line, column, path: 'daemon.overlay.type', found, expected, message }]);
  }
  const admission = admit(config, before);
  const targets = targetsOf(config);
  const probed = new Set(targets.map(({ nexthop }) => nexthop));
  const { spec, entries } = steeredRoutes(config, compile(config), (tunnel) => probed.has(tunnel));
  const warnings = findingsOf(config).filter(({ severity }) => severity === 'warning');
  return {
    ...admission,
    file,
    text,
    config,
    workers: workers ?? config.daemon.workers,
    spec,
    targets,
    steered: entries,
    names: config.tunnels.map(({ name }) => name),
    warnings: warnings.map(
      ({ line, column, path, message }) => `${file}:${line}:${column}: ${path}: ${message}`,
    ),
    loadedAt: new Date(),
  };
}

/** @throws ConfigError for health checks that are impossible */
function targetsOf(config: Config): ProbeTarget[] {
  const problems: ConfigProblem[] = [];
  const targets = config.tunnels.flatMap((tunnel, i) => {
    const target = tunnelTarget(tunnel, i);
    if (typeof target !== 'string') return target ?? [];
    const path: ConfigPath = ['tunnels', i, 'health_check'];
    problems.push(problemAt(config, path, target));
    return [];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return targets;
}

function problemAt(config: Config, path: ConfigPath, message: string): ConfigProblem {
  const { file, line, column } = positionOf(config, path) ?? {
    file: 'configuration',
    line: null,
    column: null,
  };
  return { file, line, column, path: formatPath(path), found: null, expected: null, message };
}

/** What a configuration file asks for, read and checked whole before anything is changed. */
import type { Config } from '../config/config.js';
import { overlayMismatch } from '../config/daemon.js';
import { parseConfig, positionOf, readConfigText } from '../config/load.js';
import { ConfigError } from '../config/problem.js';
import type { TablesSpec } from '../dataplane/tables.js';
import { findingsOf } from '../network/check.js';
import { compile } from '../network/compile.js';

export interface Plan {
  readonly file: string;
  readonly text: string;
  readonly config: Config;
  readonly workers: number;
  readonly spec: TablesSpec;
  /** Names of the tunnels by their numbers. */
  readonly names: readonly string[];
  /** What `grebe check` would warn of, a line each. */
  readonly warnings: readonly string[];
  readonly loadedAt: Date;
}

/**
 * @param workers in place of the file's number
 * @throws ConfigError with everything that is wrong
 */
export function makePlan(file: string, workers?: number): Plan {
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
  const spec = compile(config);
  const warnings = findingsOf(config).filter(({ severity }) => severity === 'warning');
  return {
    file,
    text,
    config,
    workers: workers ?? config.daemon.workers,
    spec,
    names: config.tunnels.map(({ name }) => name),
    warnings: warnings.map(
      ({ line, column, path, message }) => `${file}:${line}:${column}: ${path}: ${message}`,
    ),
    loadedAt: new Date(),
  };
}

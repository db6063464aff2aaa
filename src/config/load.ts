/** From a file to a Config, or to all that is wrong with it. */
import { readFileSync } from 'node:fs';
import { ALIASES, DEFAULTS, type Config, type RouteConfig, type TunnelConfig } from './config.js';
import { readDaemon } from './daemon.js';
import { Nexthops } from './nexthop.js';
import {
  ConfigError,
  inOrder,
  quote,
  type ConfigPath,
  type ConfigProblem,
  type Position,
} from './problem.js';
import type { RawConfig } from './raw.js';
import { readRoute } from './route.js';
import { validateBySchema } from './schema-problems.js';
import validate from './schema-validator.js';
import { CONFIG_SCHEMA } from './schema.js';
import { Source } from './source.js';
import { readTunnel } from './tunnel.js';

const COMPILED = { schema: CONFIG_SCHEMA, validate };

const sources = new WeakMap<Config, Source>();

/**
 * Reads a configuration file (YAML 1.2, UTF-8).
 *
 * @throws ConfigError with every problem found, each with its place; also when the file cannot be read
 */
export function loadConfig(path: string): Config {
  return parseConfig(readConfigText(path), path);
}

/**
 * The text of a configuration file, for parseConfig.
 *
 * @throws ConfigError when it cannot be read
 */
export function readConfigText(path: string): string {
  return decode(readBytes(path), path);
}

/**
 * Reads a configuration from text; `filename` is for messages.
 *
 * @throws ConfigError with every problem found, each with its place
 */
export function parseConfig(text: string, filename: string): Config {
  const source = Source.of(text, filename);
  const config = source.isYaml && validateBySchema(source, COMPILED) ? readConfig(source) : null;
  if (config === null || source.problems.length > 0) throw new ConfigError(inOrder(source.problems));
  sources.set(config, source);
  return config;
}

/**
 * Where the value at `path` of a Config stands in its file (`key`: the key in front of it); what the file
 * leaves to a default has the place of the nearest thing around it. Null for a Config that no file gave.
 */
export function positionOf(config: Config, path: ConfigPath, of: 'value' | 'key' = 'value'): Position | null {
  const source = sources.get(config);
  return source?.positionOf(asWritten(source, path), of) ?? null;
}

/** Whether the file of a Config gives the value at `path`, rather than leave it to a default. */
export function isGiven(config: Config, path: ConfigPath): boolean {
  const source = sources.get(config);
  return source?.has(asWritten(source, path)) ?? false;
}

/** The path with `local` and `remote` where the file calls the endpoints so. */
function asWritten(source: Source, path: ConfigPath): ConfigPath {
  if (source.has(path)) return path;
  const written = Object.entries(ALIASES).find(([, name]) => name === path[2]);
  return written === undefined ? path : [...path.slice(0, 2), written[0], ...path.slice(3)];
}

function readConfig(source: Source): Config | null {
  const raw = source.value as RawConfig;
  const firstOf = new Map<string, number>();
  const names = new Set<string>();
  const tunnels: TunnelConfig[] = [];
  raw.tunnels?.forEach((entry, i) => {
    if (entry === undefined) return;
    const tunnel = readTunnel(entry, ['tunnels', i], source, false);
    if (tunnel !== null) tunnels.push(tunnel);
    if (entry.name === undefined) return;
    const first = firstOf.get(entry.name);
    if (first === undefined) {
      firstOf.set(entry.name, i);
      names.add(entry.name);
    } else {
      const { line } = source.positionOf(['tunnels', first, 'name']);
      const expected = `a name of its own: tunnels[${first}] on line ${line} has this one`;
      source.mismatch(['tunnels', i, 'name'], quote(entry.name), expected);
    }
  });
  const nexthops = new Nexthops(tunnels, names);
  const routes: RouteConfig[] = [];
  raw.routes?.forEach((entry, i) => {
    const route = entry === undefined ? null : readRoute(entry, ['routes', i], nexthops, source);
    if (route !== null) routes.push(route);
  });
  const daemon = readDaemon(raw.daemon ?? {}, tunnels, source);
  if (raw.node?.name === undefined) return null;
  return {
    node: { name: raw.node.name, colo: raw.node.colo ?? null, region: raw.node.region ?? null },
    dataplane: { max_nesting_depth: raw.dataplane?.max_nesting_depth ?? DEFAULTS.max_nesting_depth },
    tunnels,
    routes,
    daemon,
  };
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why = READ_ERRORS[code] ?? (error instanceof Error ? error.message : String(error));
    throw new ConfigError([unreadable(path, `cannot be read: ${why}`, null, null)]);
  }
}

const READ_ERRORS: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory, expected a YAML file',
  EACCES: 'permission denied',
};

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const before = bytes.toString('utf8').split('\ufffd', 1)[0]?.split('\n') ?? [];
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw new ConfigError([unreadable(path, 'is not UTF-8 text', before.length, column)]);
  }
}

function unreadable(
  file: string,
  message: string,
  line: number | null,
  column: number | null,
): ConfigProblem {
  return { file, line, column, path: '', found: null, expected: null, message };
}

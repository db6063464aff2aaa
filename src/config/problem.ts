/** What can be wrong with a configuration, told as compilers tell it: `file:line:column: path: message`. */
import { closest, distance } from 'fastest-levenshtein';

/** Keys and list indexes from the top: `['tunnels', 0, 'ttl']`. */
export type ConfigPath = readonly (string | number)[];

/** Where in a file; line and column count from 1, columns in UTF-16 units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface ConfigProblem {
  readonly file: string;
  /** Null when the file as a whole is meant (it cannot be read). */
  readonly line: number | null;
  readonly column: number | null;
  /** As in `tunnels[0].ttl`; empty for the top of the file. */
  readonly path: string;
  /** What stands there, and what should; null where the message alone says it. */
  readonly found: string | null;
  readonly expected: string | null;
  readonly message: string;
}

/** All problems of a configuration at once, in the order of the file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
  }
}

export function formatProblem({ file, line, column, path, message }: ConfigProblem): string {
  const place = line === null ? file : `${file}:${line}:${column ?? 1}`;
  return `${place}: ${path === '' ? '' : `${path}: `}${message}`;
}

/** `tunnels[0].ttl`; keys that are not words are quoted: `["a b"]`. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (!/^[A-Za-z_$][\w$-]*$/.test(segment)) text += `[${quote(segment)}]`;
    else text += text === '' ? segment : `.${segment}`;
  }
  return text;
}

/** In double quotes, shortened, and with nothing in it that a terminal would act upon. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return JSON.stringify(short).replace(
    /[^\P{C}]/gu,
    (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** A value of a YAML file in words. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (value === null || value === undefined) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : `${value as number | boolean}`;
}

/** `, did you mean "mss_clamp"?` when a known word is near. */
export function nearest(word: string, known: readonly string[]): string {
  const folded = known.map((k) => k.toLowerCase());
  if (folded.length === 0 || word.length > 60) return '';
  const near = closest(word.toLowerCase(), folded);
  if (distance(word.toLowerCase(), near) > Math.max(2, Math.floor(near.length / 3))) return '';
  return `, did you mean ${quote(known[folded.indexOf(near)] ?? near)}?`;
}

/** The nearest known word, or all of them when none is near. */
export function suggest(word: string, known: readonly string[]): string {
  return nearest(word, known) || `; known here: ${known.join(', ')}`;
}

/** In the order of the file. */
export function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

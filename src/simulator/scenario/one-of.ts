/** Mappings that are one of several things, told apart by the key that names it: `{ fail: acme_1, at: 20s }`. */
import type { ConfigPath } from '../../config/problem.js';
import type { Reading } from './reading.js';

/** The only key of `choices` that is there; null after a report. */
export function chosenKey<K extends string>(
  raw: object,
  choices: readonly K[],
  path: ConfigPath,
  { source }: Reading,
): K | null {
  const given = choices.filter((key) => key in raw);
  if (given.length === 1) return given[0]!;
  // One that the schema refused has been taken out, and told.
  if (choices.some((key) => !(key in raw) && source.has([...path, key]))) return null;
  if (given.length === 0) source.report(path, `expected one of the keys ${choices.join(', ')}`);
  else
    source.report([...path, given[1]!], `found ${given.join(' and ')}, expected one of them`, { of: 'key' });
  return null;
}

/** Reports keys that belong to other choices only. */
export function checkKeys<K extends string>(
  raw: object,
  chosen: K,
  keys: Readonly<Record<K, readonly string[]>>,
  common: readonly string[],
  path: ConfigPath,
  { source }: Reading,
): void {
  const fits = new Set<string>([chosen, ...common, ...keys[chosen]]);
  for (const key of Object.keys(raw)) {
    if (fits.has(key)) continue;
    const others = (Object.keys(keys) as K[]).filter((choice) => keys[choice].includes(key));
    const hint = others.length === 0 ? '' : `, only to ${others.join(', ')}`;
    source.report([...path, key], `${key} does not belong to ${chosen}${hint}`, { of: 'key' });
  }
}

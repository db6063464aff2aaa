/** Prefixes of sites and routers. */
import { parseAddressWithLength } from '../../config/address.js';
import { readPrefix } from '../../config/prefix.js';
import type { ConfigPath } from '../../config/problem.js';
import { holds } from './network-places.js';
import { present, type Reading } from './reading.js';

/** Canonical text. */
export function readPrefixes(
  raw: readonly (string | undefined)[] | undefined,
  path: ConfigPath,
  { source }: Reading,
): string[] {
  return present(raw).flatMap(([text, i]) => readPrefix(text, [...path, i], source) ?? []);
}

/** Whether a prefix lies in another one. */
export function isWithin(prefix: string, outer: string): boolean {
  const parsed = parseAddressWithLength(prefix)!;
  return parsed.length >= parseAddressWithLength(outer)!.length && holds(outer, parsed.bytes);
}

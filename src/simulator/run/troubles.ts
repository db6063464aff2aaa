/**
 * What has befallen things, and by which event: several may befall one at a time, and each ends by itself. A thing that
 * failed for two reasons is up again when both are over; of a path that was degraded twice, the rest of the other one
 * stays.
 */
import type { PathSpec } from '../scenario/scenario.js';

export class Troubles {
  private readonly failures = new Map<string, Set<number>>();
  private readonly degradations = new Map<string, Map<number, Partial<PathSpec>>>();

  fail(thing: string, cause: number): void {
    entry(this.failures, thing, () => new Set<number>()).add(cause);
  }

  degrade(thing: string, cause: number, path: Partial<PathSpec>): void {
    entry(this.degradations, thing, () => new Map<number, Partial<PathSpec>>()).set(cause, path);
  }

  /** Ends what one event did, if it has not been ended before. */
  end(thing: string, cause: number): void {
    this.failures.get(thing)?.delete(cause);
    this.degradations.get(thing)?.delete(cause);
  }

  /** Ends all. */
  restore(thing: string): void {
    this.failures.delete(thing);
    this.degradations.delete(thing);
  }

  hasFailed(thing: string): boolean {
    return (this.failures.get(thing)?.size ?? 0) > 0;
  }

  /** What is left of a path; where events say different things of it, the one that came last. */
  path(thing: string, base: PathSpec): PathSpec {
    let path = base;
    for (const part of this.degradations.get(thing)?.values() ?? []) path = { ...path, ...part };
    return path;
  }
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

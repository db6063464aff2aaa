/**
 * What the edge has learned over one session (Adj-RIB-In of RFC 4271), with the routes that are kept for a peer that
 * restarts (RFC 4724 §4.2, the helper's part).
 */
import type { Announcement } from './announcement.js';
import { GRACEFUL_RESTART_TIME } from './timers.js';
import { SECOND } from '../time.js';

/** Learned prefixes of one session, at the most: a guard against a leaked full table. */
export const PREFIX_LIMIT = 5000;

interface Entry {
  readonly announcement: Announcement;
  stale: boolean;
}

export class AdjRibIn {
  private readonly entries = new Map<string, Entry>();
  private staleUntil = Infinity;

  constructor(private readonly limit: number = PREFIX_LIMIT) {}

  /** When stale routes run out, in nanoseconds. */
  get next(): number {
    return this.staleUntil;
  }

  /** In the order in which the prefixes came first. */
  routes(): { readonly announcement: Announcement; readonly stale: boolean }[] {
    return Array.from(this.entries.values(), ({ announcement, stale }) => ({ announcement, stale }));
  }

  /** @returns false when the prefix would be one too many */
  put(announcement: Announcement): boolean {
    const entry = this.entries.get(announcement.prefix);
    if (entry === undefined && this.entries.size >= this.limit) return false;
    this.entries.set(announcement.prefix, { announcement, stale: false });
    return true;
  }

  /** @returns whether it was there */
  remove(prefix: string): boolean {
    return this.entries.delete(prefix);
  }

  /** @returns how many routes were there */
  clear(): number {
    const count = this.entries.size;
    this.entries.clear();
    this.staleUntil = Infinity;
    return count;
  }

  /**
   * The peer restarts: its routes stay for 120 s. Those that are stale from an earlier restart go (RFC 4724 §4.2).
   *
   * @returns how many are kept
   */
  keep(now: number): number {
    this.removeStale();
    for (const entry of this.entries.values()) entry.stale = true;
    this.staleUntil = this.entries.size === 0 ? Infinity : now + GRACEFUL_RESTART_TIME * SECOND;
    return this.entries.size;
  }

  /** The peer has sent all that it has, or its time is over. @returns how many routes went */
  removeStale(): number {
    let removed = 0;
    for (const [prefix, { stale }] of this.entries) {
      if (stale && this.entries.delete(prefix)) removed++;
    }
    this.staleUntil = Infinity;
    return removed;
  }
}

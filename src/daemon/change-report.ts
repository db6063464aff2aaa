/** What a reload changes, as the control socket tells it. */
import type { DiffEntry } from '../network/change/diff.js';
import { countDiff, type DiffCounts } from '../network/change/format-diff.js';

export interface ChangeReport extends DiffCounts {
  /** What has changed, one by one; of very many the first ones. */
  readonly entries: readonly DiffEntry[];
  /** How many entries are left out. */
  readonly more: number;
}

const MOST_ENTRIES = 1000;

export function reportChanges(entries: readonly DiffEntry[]): ChangeReport {
  return {
    ...countDiff(entries),
    entries: entries.slice(0, MOST_ENTRIES),
    more: Math.max(0, entries.length - MOST_ENTRIES),
  };
}

/** What steering.test.ts and the worker that it parks have in common. */
import type { SharedTables } from '../../src/dataplane/tables.js';

export const ParkedWord = {
  /** The worker waits here, with a vector in hand, until it is not 0. */
  GATE: 0,
  /** As a reader of groups. */
  READER: 1,
} as const;

export interface ParkedWorker {
  readonly tables: SharedTables;
  readonly words: Int32Array;
  /** Where the two words of the group are. */
  readonly group: number;
}

import type { Programs } from './programs.js';
import type { Results } from './results.js';

/** What every case gets. */
export interface Context {
  readonly programs: Programs;
  readonly results: Results;
  /** Turns of each contender. */
  readonly turns: number;
  /** Seconds of a measurement. */
  readonly seconds: number;
  progress(text: string): void;
}

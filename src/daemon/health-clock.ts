/** The clock of the health checks. Tests have one of their own. */
import { SECOND } from '../network/time.js';

export interface HealthClock {
  /** Whole nanoseconds of any origin, the same in all threads. */
  now(): number;
  /**
   * Calls once, after so many milliseconds at least. What sockets and workers have brought until then has been seen.
   *
   * @returns for calling it off
   */
  after(milliseconds: number, what: () => void): () => void;
}

const LONGEST_TIMEOUT = 0x7fff_ffff;

/** By the monotonic clock. */
export function healthTime(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * SECOND + nanoseconds;
}

export const HEALTH_CLOCK: HealthClock = {
  now: healthTime,
  after(milliseconds, what) {
    let immediate: NodeJS.Immediate | null = null;
    // Timers come before the events of descriptors: these come in between.
    const timer = setTimeout(
      () => {
        immediate = setImmediate(what);
      },
      Math.min(milliseconds, LONGEST_TIMEOUT),
    );
    return () => {
      clearTimeout(timer);
      if (immediate !== null) clearImmediate(immediate);
    };
  },
};

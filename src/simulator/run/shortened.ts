/** A scenario that ends earlier: what is about later times is left out. */
import type { Nanoseconds } from '../../network/time.js';
import type { Scenario } from '../scenario/scenario.js';

export interface Shortened {
  readonly scenario: Scenario;
  /** Which expectations are left, by their place. */
  readonly kept: readonly number[];
}

/** @param until null: as long as the scenario says; no longer in any case */
export function shortened(scenario: Scenario, until: Nanoseconds | null): Shortened {
  const all = [...scenario.expect.keys()];
  const { duration, expect, timeline } = scenario;
  if (until === null || until >= duration) return { scenario, kept: all };
  const isOver = (name: string): boolean => timeline.some(({ note, at }) => note === name && at >= until);
  const kept = all.filter((i) => {
    const expectation = expect[i]!;
    const { from, to } = expectation.span;
    if (expectation.check === 'failover' && isOver(expectation.event)) return false;
    return from < until && (to <= until || to >= duration);
  });
  return {
    scenario: {
      ...scenario,
      duration: until,
      timeline: timeline.filter(({ at }) => at <= until),
      expect: kept.map((i) => {
        const { span } = expect[i]!;
        return { ...expect[i]!, span: { from: span.from, to: Math.min(span.to, until) } };
      }),
    },
    kept,
  };
}

/** Expectations: what each of them has to look at during the run, and what it says afterwards. */
import type { Expectation, ExpectationCheck, Scenario } from '../scenario/scenario.js';
import type { RunRecorder } from '../run/recorder.js';

/** What an expectation comes to. Sentences without a full stop. */
export interface Verdict {
  readonly passed: boolean;
  readonly expected: string;
  readonly found: string;
}

/** Asked when the run is over. */
export type Watch = () => Verdict;

/** What expectations look at. */
export interface Watched {
  readonly scenario: Scenario;
  readonly recorder: RunRecorder;
}

export type Of<K extends ExpectationCheck['check']> = Expectation & { readonly check: K };

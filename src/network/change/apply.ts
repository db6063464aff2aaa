/**
 * The one door through which the network changes: a change is judged together with all that is there, and put in
 * effect whole or not at all. The reload of a configuration, an event of a scenario and a request of an API are
 * such changes alike.
 */
import type { NetworkChange } from './change-set.js';
import { judge } from './judge.js';
import type { NetworkState } from './network-state.js';
import { ChangeError, type NetworkProblem } from './problem.js';

/** What is wrong with a change, and with the network that it would make. Without errors `apply` lets it in. */
export function validate(state: NetworkState, change: NetworkChange): readonly NetworkProblem[] {
  return judge(state, change).problems;
}

/**
 * The state after the change; the given one is left as it is.
 *
 * @throws ChangeError with all that is wrong
 */
export function apply(state: NetworkState, change: NetworkChange): NetworkState {
  const { network, problems } = judge(state, change);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new ChangeError(errors);
  return { version: state.version + 1, network };
}

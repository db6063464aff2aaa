/** The judgement on a change: the network that it would make, and everything that is wrong. */
import type { NetworkConfig } from '../../config/network.js';
import type { NetworkChange } from './change-set.js';
import { checkAddresses } from './check-addresses.js';
import { checkHealth } from './check-health.js';
import { checkInterconnects } from './check-interconnects.js';
import { checkNames } from './check-names.js';
import { checkPrefixes } from './check-prefixes.js';
import { checkReferences } from './check-references.js';
import { checkSessions } from './check-sessions.js';
import { checkValues } from './check-values.js';
import { merge } from './merge.js';
import type { NetworkState } from './network-state.js';
import { Problems, type NetworkProblem } from './problem.js';

export interface Judgement {
  readonly network: NetworkConfig;
  readonly problems: readonly NetworkProblem[];
}

export function judge({ network: before }: NetworkState, change: NetworkChange): Judgement {
  const problems = new Problems();
  const network = merge(before, change, problems);
  checkNames(network, problems);
  checkReferences(network, change, problems);
  checkValues(network, problems);
  checkAddresses(network, problems);
  checkPrefixes(network, problems);
  checkInterconnects(network, problems);
  checkSessions(network, problems);
  checkHealth(network, problems);
  return { network, problems: problems.list };
}

/** Where a problem stands in the lists of a network. */
import type { NetworkConfig } from '../../config/network.js';
import type { ConfigPath } from '../../config/problem.js';
import { nameOf, resourcesOf } from './change-set.js';
import type { NetworkProblem } from './problem.js';

/** `['tunnels', 1, 'interface_address']`; the last resource of the name, as it is the first that was there before. */
export function pathOfProblem({ kind, name, field }: NetworkProblem, network: NetworkConfig): ConfigPath {
  const index = resourcesOf(kind, network).findLastIndex((resource) => nameOf(kind, resource) === name);
  return index < 0 ? [kind] : [kind, index, ...(field?.split('.') ?? [])];
}

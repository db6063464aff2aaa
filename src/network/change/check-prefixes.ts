/** What is advertised, and routes for what is not (behaviour §3, prefix rules). */
import { isPrivate, isSameAddress, parseAddressWithLength } from '../../config/address.js';
import type { NetworkConfig } from '../../config/network.js';
import { Advertised, advertisingProblem, networkIn } from '../routing/prefix-rules.js';
import { nameOf } from './change-set.js';
import type { Problems } from './problem.js';

export function checkPrefixes({ prefixes, routes }: NetworkConfig, problems: Problems): void {
  const good: string[] = [];
  for (const { prefix } of prefixes) {
    const problem = advertisingProblem(prefix);
    if (problem === null) good.push(prefix);
    else problems.error('prefixes', prefix, 'prefix', problem);
  }
  const advertised = new Advertised(good);
  for (const route of routes) {
    const name = nameOf('routes', route);
    const parsed = parseAddressWithLength(route.prefix);
    const network = parsed === null ? null : networkIn(route.prefix);
    if (parsed === null || network === null || !isSameAddress(parsed.bytes, network.address)) {
      problems.error('routes', name, 'prefix', `found ${route.prefix}, expected a prefix without host bits`);
    } else if (prefixes.length > 0 && !isPrivate(network.address) && !advertised.meets(network)) {
      const message = `${route.prefix} is outside of the advertised prefixes: no packets for it come from the Internet`;
      problems.warning('routes', name, 'prefix', message);
    }
  }
}

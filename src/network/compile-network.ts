/**
 * From a whole network to one set of tables for all of its PoPs: one FIB of all prefixes, and for each PoP (view)
 * a row of groups, which place-routes.ts works out and put-groups.ts puts in.
 */
import { formatWithLength } from '../config/address.js';
import type { NetworkConfig } from '../config/network.js';
import type { TablesSpec } from '../dataplane/tables.js';
import { compileTunnel } from './compile.js';
import { interfaceRoutes } from './connected.js';
import { plainSpec } from './interconnect/plain.js';
import { RouteClasses, type PossibleRoute } from './routing/route-classes.js';
import { staticEntry } from './routing/route-entry.js';

export interface CompiledNetwork {
  /** Names of the tunnels, then of the interconnects: the place of a name is the number of the next hop. */
  readonly nexthops: readonly string[];
  /** Class i of these is route i and group i of the tables. */
  readonly classes: RouteClasses;
  /** All groups are empty at first: no route. */
  readonly spec: TablesSpec;
}

export interface NetworkTablesOptions {
  /** Rows of groups, one for each PoP. */
  readonly views: number;
  /** How many GRE headers for us may be taken off one packet. */
  readonly maxNestingDepth: number;
  /** Routes that BGP or a change may bring while the tables are in use. */
  readonly later: readonly PossibleRoute[];
}

/**
 * @param network one that the door has let in (apply.ts)
 * @throws RangeError for what the door would have refused
 */
export function compileNetwork(
  network: NetworkConfig,
  { views, maxNestingDepth, later }: NetworkTablesOptions,
): CompiledNetwork {
  const { tunnels, interconnects } = network;
  const nexthops = [...tunnels, ...interconnects].map(({ name }) => name);
  const interfaces = [
    ...tunnels,
    ...interconnects.map(({ interface_address }) => ({ interface_address, interface_address6: null })),
  ];
  const { locals, connected } = interfaceRoutes(interfaces, []);
  const classes = new RouteClasses({
    nexthops,
    entries: network.routes.map(staticEntry),
    later,
    connected: connected.map(({ address, length, nexthops: [first] }) => ({
      prefix: formatWithLength(address, length),
      nexthop: first!.tunnel,
    })),
  });
  return {
    nexthops,
    classes,
    spec: {
      tunnels: [...tunnels.map(compileTunnel), ...interconnects.map(plainSpec)],
      routes: classes.list.map(({ address, length }, group) => ({ address, length, nexthops: [], group })),
      groups: classes.list.map(({ most }) => ({ nexthops: [], most })),
      locals,
      maxNestingDepth,
      views,
    },
  };
}

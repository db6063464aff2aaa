/** What readers of routers know of the rest of the scenario. */
import type { NetworkConfig } from '../../config/network.js';
import type { Addresses } from './addresses.js';
import type { Names } from './names.js';
import type { PrefixSet } from './prefix-set.js';
import type { Reading } from './reading.js';

export interface RouterContext {
  readonly reading: Reading;
  readonly names: Names;
  readonly addresses: Addresses;
  /** Every resource that there is at some time. */
  readonly network: NetworkConfig;
  /** What the edge advertises at some time. */
  readonly advertised: PrefixSet;
  /** By interconnect: the router whose circuit it is. */
  readonly circuits: Map<string, string>;
}

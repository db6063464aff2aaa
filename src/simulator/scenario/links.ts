/**
 * Links by name, one way each, as `--pcap`, `largest_packet` and reports call them: `down` is towards the customer
 * or the host, `up` the other way.
 *
 * | of | names |
 * | --- | --- |
 * | an uplink | `router.uplink.down`, `router.uplink.up` |
 * | an interconnect | `interconnect.down`, `interconnect.up` |
 * | a host, in a site or on the Internet | `host.down`, `host.up` |
 */
import type { Scenario } from './scenario.js';

/** Every link of the scenario, in the order of the file. */
export function linkNames({ sites, hosts }: Pick<Scenario, 'sites' | 'hosts'>): string[] {
  const routers = sites.flatMap((site) => site.routers);
  const ends = [
    ...routers.flatMap(({ uplinks }) => uplinks.map(({ name }) => name)),
    ...routers.flatMap(({ circuits }) => circuits.map(({ interconnect }) => interconnect)),
    ...sites.flatMap((site) => site.hosts.map(({ name }) => name)),
    ...hosts.map(({ name }) => name),
  ];
  return ends.flatMap((end) => [`${end}.down`, `${end}.up`]);
}

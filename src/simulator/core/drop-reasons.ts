/**
 * Why packets end in the simulator outside of the dataplane, whose own reasons (src/dataplane/verdicts.ts) keep their
 * words. Declared once: counters, results, reports and docs take them from here.
 */
export const SIMULATOR_DROPS = [
  ['link_down', 'The link, circuit or uplink is down.'],
  ['link_loss', 'Lost on the way, as the path says.'],
  ['queue_full', 'More than the rate lets through, and the queue in front of it is full.'],
  ['path_mtu_exceeded', 'Larger than a path takes, and not to be fragmented.'],
  ['policer_exceeded', 'Beyond the 1 Gbit/s that the edge takes from a tunnel or connection.'],
  ['capacity_exceeded', 'More than the PoP takes from the Internet.'],
  ['pop_down', 'For a PoP or server that is down.'],
  ['destination_unreachable', 'No place of the network has the destination address.'],
  ['router_down', 'The router is down.'],
  ['tunnel_unknown', "GRE that none of the router's tunnels takes."],
  [
    'router_mtu_exceeded',
    'Larger than the MTU of the interface that the router sends it by, and not to be fragmented.',
  ],
  ['firewall_denied', 'A stateful firewall has seen nothing that this would be an answer to.'],
  ['icmp_filtered', 'An ICMP error that a filter holds back.'],
  ['vlan_mismatch', 'The other side of the circuit uses another 802.1Q tag.'],
  ['gre_required', 'Without GRE over a circuit that takes only GRE.'],
  ['time_exceeded', 'The TTL or hop limit ran out.'],
  ['port_closed', 'No one listens at the destination port.'],
  [
    'reassembly_failed',
    'A fragment of a packet of which another part is missing, overlaps or came too late.',
  ],
  ['not_understood', 'A host has no use for it.'],
] as const;

export type SimulatorDrop = (typeof SIMULATOR_DROPS)[number][0];

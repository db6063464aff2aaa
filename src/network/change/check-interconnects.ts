/** What interconnects of each dataplane and product can do (behaviour §5). */
import type { InterconnectConfig, NetworkConfig } from '../../config/network.js';
import { rulesOf } from '../interconnect/rules.js';
import type { Problems } from './problem.js';

/** Bits per second of a link. */
const SPEEDS = [10e9, 100e9];

/** Largest IP packets that a circuit can be set to, in bytes: any host takes 576 (RFC 791). */
const MTU = [576, 1500] as const;

export function checkInterconnects({ interconnects }: NetworkConfig, problems: Problems): void {
  for (const interconnect of interconnects) checkInterconnect(interconnect, problems);
}

function checkInterconnect(interconnect: InterconnectConfig, problems: Problems): void {
  const { name, dataplane, vlan, links, bfd, gre_less, speed, mtu } = interconnect;
  const rules = rulesOf(interconnect);
  const error = (field: string, message: string): void =>
    problems.error('interconnects', name, field, message);
  if (!SPEEDS.includes(speed)) error('speed', `found ${speed} bit/s, expected 10 or 100 Gbit/s`);
  if (!Number.isInteger(links) || links < 1) error('links', `found ${links}, expected at least one link`);
  if (!(mtu >= MTU[0] && mtu <= MTU[1])) error('mtu', `found ${mtu}, expected ${MTU[0]} to ${MTU[1]} bytes`);
  if (vlan !== null && !rules.vlan) error('vlan', 'dataplane 2 takes no 802.1Q tag; expected none');
  if (links > 1 && !rules.lacp)
    error('links', 'dataplane 2 has no LACP; expected interconnects of their own, shared by ECMP');
  if (bfd && !rules.bfd) {
    const express = 'found true, expected false: express has no BGP, and BFD is for its session';
    error('bfd', dataplane === 2 ? 'dataplane 2 has no BFD; expected false' : express);
  }
  if (gre_less && dataplane === 2)
    error('gre_less', 'dataplane 2 never has GRE; expected false (the choice is for dataplane 1)');
}

/** What may fail as a whole, and which next hops go with it. */
import type { InterconnectConfig, NetworkConfig } from '../../config/network.js';
import { isSamePlace } from './window.js';

export interface Loss {
  /** In words: `circuit cni1`, `device fra/edge1`, `PoP fra`. */
  readonly what: string;
  /** Names of tunnels and interconnects. */
  readonly nexthops: readonly string[];
  /** The PoP that is lost altogether: packets no longer enter there. */
  readonly colo: string | null;
}

/** Each circuit, each edge device on which circuits end, each PoP. */
export function edgeLosses(network: NetworkConfig, colos: readonly string[]): Loss[] {
  const { interconnects } = network;
  const devices = new Map<string, InterconnectConfig[]>();
  for (const circuit of interconnects) {
    const device = `${circuit.colo}/${circuit.device}`;
    devices.set(device, [...(devices.get(device) ?? []), circuit]);
  }
  return [
    ...interconnects.map((circuit) => lossOf(network, `circuit ${circuit.name}`, [circuit])),
    ...Array.from(devices, ([device, circuits]) => lossOf(network, `device ${device}`, circuits)),
    ...colos.map((colo) => ({
      ...lossOf(
        network,
        `PoP ${colo}`,
        interconnects.filter((circuit) => isSamePlace(circuit.colo, colo)),
      ),
      colo,
    })),
  ];
}

/** The circuits and the tunnels over them. */
export function lossOf(network: NetworkConfig, what: string, circuits: readonly InterconnectConfig[]): Loss {
  const names = circuits.map(({ name }) => name);
  const tunnels = network.tunnels.filter(
    ({ interconnect }) => interconnect !== null && names.includes(interconnect),
  );
  return { what, nexthops: [...names, ...tunnels.map(({ name }) => name)], colo: null };
}

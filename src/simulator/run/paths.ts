/** Whether packets get from one side of a BGP session to the other and back. */
import type { TunnelConfig } from '../../config/config.js';
import type { EdgeNetwork } from '../node/edge-network.js';
import type { PathSpec } from '../scenario/scenario.js';
import type { Circuits } from './circuits.js';
import type { Control } from './control.js';
import type { Peerings } from './peerings.js';
import type { PlacedRouter, Places } from './places.js';

export interface PathParts {
  readonly control: Control;
  readonly places: Places;
  readonly circuits: Circuits;
  readonly peerings: Peerings;
  readonly edge: EdgeNetwork;
}

export class Paths {
  constructor(private readonly parts: PathParts) {}

  /** Tells all sessions how their paths are now. */
  refresh(): void {
    const { peerings, control } = this.parts;
    for (const { name, nexthop } of peerings.all.values()) {
      const router = peerings.routerOf(name);
      const placed = router === null ? undefined : this.parts.places.routers.get(router);
      if (placed === undefined) continue;
      const tunnel = control.network.tunnels.find((one) => one.name === nexthop);
      const circuit = tunnel === undefined ? nexthop : tunnel.interconnect;
      const isUp =
        circuit === null
          ? this.isTunnelUp(placed, tunnel!)
          : this.isCircuitUp(circuit) && (tunnel === undefined || !this.isBroken(placed, tunnel));
      peerings.setPath(nexthop, isUp);
    }
  }

  private isCircuitUp(name: string): boolean {
    const { circuits, edge } = this.parts;
    const circuit = circuits.all.get(name);
    if (circuit === undefined) return false;
    const pop = edge.pops.find((one) => one.name.toLowerCase() === circuit.config.colo.toLowerCase());
    const { down } = circuit;
    return (
      circuit.state.isUp && pop?.up === true && down.tags.sent === down.tags.taken && passes(circuit.path)
    );
  }

  private isTunnelUp(placed: PlacedRouter, tunnel: TunnelConfig): boolean {
    const { places, edge } = this.parts;
    const uplink = [...places.uplinks.values()].find(
      ({ spec }) => spec.address === tunnel.customer_gre_endpoint,
    );
    if (uplink === undefined || this.isBroken(placed, tunnel)) return false;
    const { up, down } = uplink;
    return (
      up.up &&
      down.up &&
      passes(up.currentPath) &&
      passes(down.currentPath) &&
      edge.pops.some((pop) => pop.up)
    );
  }

  private isBroken({ router }: PlacedRouter, { name }: TunnelConfig): boolean {
    return router.tunnel(name)?.broken ?? true;
  }
}

function passes({ loss }: PathSpec): boolean {
  return loss < 1;
}

/** Which way a router's packets take that go beyond its LAN: by an ISP, or through the tunnels. */
import { mix } from '../../dataplane/hash.js';
import { hashName } from '../../dataplane/ecmp.js';
import { flowHash } from '../../dataplane/route.js';
import type { IpPacket } from './ip-packet.js';
import type { RouterInterface } from './router-interface.js';
import { holds } from './router-routes.js';

export interface EgressPlan {
  /** In order of preference. Packets from one's own address leave by it. */
  readonly uplinks: readonly RouterInterface[];
  /** Circuits that take plain packets to the edge: as good as tunnels. */
  readonly circuits: readonly RouterInterface[];
  /** Sources whose packets go through the tunnels: the prefixes of the LAN; empty with DSR. */
  readonly tunneled: readonly { readonly address: Uint8Array; readonly length: number }[];
  /** By flow over all that are usable, or the first that is. */
  readonly choice: 'ecmp' | 'primary';
}

export class Egress {
  private tunnels: readonly RouterInterface[] = [];
  private identities: readonly number[] = [];

  constructor(private readonly plan: EgressPlan) {
    this.setTunnels([]);
  }

  setTunnels(tunnels: readonly RouterInterface[]): void {
    this.tunnels = [...this.plan.circuits, ...tunnels];
    this.identities = this.tunnels.map(({ name }) => hashName(name));
  }

  /** Whether anything can leave at all. */
  get usable(): boolean {
    const { uplinks, tunneled } = this.plan;
    return (tunneled.length > 0 || uplinks.length === 0 ? this.tunnels : uplinks).some(
      ({ usable }) => usable,
    );
  }

  /** The interface for a packet with a checked header; null when none is usable. */
  choose(bytes: Uint8Array, ip: IpPacket): RouterInterface | null {
    const { tunneled, uplinks } = this.plan;
    for (const prefix of tunneled) {
      if (holds(prefix, bytes, ip.source, ip.family)) return this.chooseTunnel(bytes, ip);
    }
    let first: RouterInterface | null = null;
    for (const uplink of uplinks) {
      if (!uplink.usable) continue;
      if (hasAddress(uplink, bytes, ip)) return uplink;
      first ??= uplink;
    }
    return first ?? (uplinks.length === 0 ? this.chooseTunnel(bytes, ip) : null);
  }

  /** Rendezvous hashing: a tunnel that goes or comes moves its own flows only. */
  private chooseTunnel(bytes: Uint8Array, ip: IpPacket): RouterInterface | null {
    const { tunnels } = this;
    const { choice } = this.plan;
    let best: RouterInterface | null = null;
    let highest = 0;
    const hash = choice === 'ecmp' ? flowHash(bytes, ip.at, ip.length, ip.family) : 0;
    for (let i = 0; i < tunnels.length; i++) {
      const tunnel = tunnels[i]!;
      if (!tunnel.usable) continue;
      if (choice === 'primary') return tunnel;
      const score = mix(hash, this.identities[i]!) >>> 0;
      if (best !== null && score <= highest) continue;
      best = tunnel;
      highest = score;
    }
    return best;
  }
}

function hasAddress(uplink: RouterInterface, bytes: Uint8Array, ip: IpPacket): boolean {
  const address = ip.family === 4 ? uplink.addresses.v4 : uplink.addresses.v6;
  if (address === null) return false;
  for (let i = 0; i < address.length; i++) if (bytes[ip.source + i] !== address[i]) return false;
  return true;
}

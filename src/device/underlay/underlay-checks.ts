/** Whether what the underlay was told agrees with this machine: sentences for people where it does not. */
import type { Addon } from '../native/addon.js';
import { addressText } from '../netlink/address.js';
import type { Netlink } from '../netlink/netlink.js';
import { addressKey, wayText, type TunnelEnds, type UnderlayRoute } from './underlay-route.js';
import type { UnderlayInterface } from './underlay-options.js';

/** A tunnel as the underlay sees it. */
export interface UnderlayTunnel extends TunnelEnds {
  readonly name: string;
  /** Length in bytes of the longest packet that it sends, outer header included. */
  readonly outerBytes: number;
}

/** ETHTOOL_GGRO */
const GENERIC_RECEIVE_OFFLOAD = 0x2b;
/** Tunnels named in one sentence. */
const NAMED = 3;

/** Endpoint addresses that are not this machine's: what is sent to them will not arrive. */
export function checkLocals(netlink: Netlink, tunnels: readonly UnderlayTunnel[]): string[] {
  return groupBy(tunnels, ({ local }) => addressKey(local)).flatMap((group) => {
    const { local } = group[0]!;
    if (netlink.routeTo(local)?.isLocal === true) return [];
    return [
      `${addressText(local)}, our end of ${names(group)}, is not an address of this machine: packets to it do not arrive`,
    ];
  });
}

/** Tunnels whose packets are larger than their way. */
export function checkSizes(
  tunnels: readonly UnderlayTunnel[],
  routeOf: (remote: Uint8Array) => UnderlayRoute | null,
): string[] {
  const tooLarge = tunnels.flatMap((tunnel) => {
    const route = routeOf(tunnel.remote);
    return route === null || tunnel.outerBytes <= route.mtu ? [] : [{ ...tunnel, route }];
  });
  const sameWay = ({ route, outerBytes }: (typeof tooLarge)[number]): string =>
    `${route.link.index} ${route.mtu} ${outerBytes}`;
  return groupBy(tooLarge, sameWay).map((group) => {
    const { route, outerBytes, remote } = group[0]!;
    return (
      `${names(group)} may send packets of ${outerBytes} bytes, but the way to ${wayText(remote, route)} takes ` +
      `${route.mtu}: lower the tunnel's mtu by ${outerBytes - route.mtu}`
    );
  });
}

/** Remote addresses that the kernel has no route to. */
export function checkRoutes(
  tunnels: readonly UnderlayTunnel[],
  routeOf: (remote: Uint8Array) => UnderlayRoute | null,
): string[] {
  const lost = tunnels.filter(({ remote }) => routeOf(remote) === null);
  return lost.length === 0 ? [] : [`there is no route to the other end of ${names(lost)}`];
}

/** Interfaces that join packets before we see them. */
export function checkOffloads(addon: Addon, interfaces: readonly UnderlayInterface[]): string[] {
  return interfaces.flatMap(({ name }) => {
    try {
      if (addon.ethtoolValue(name, GENERIC_RECEIVE_OFFLOAD) === 0) return [];
    } catch {
      // An interface without such a setting.
      return [];
    }
    return [`GRO is on at ${name}, which may join GRE packets on the slow path: ethtool -K ${name} gro off`];
  });
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** `tunnel a`, `tunnels a, b`, `tunnels a, b, c and 7 others`. */
function names(tunnels: readonly UnderlayTunnel[]): string {
  const first = tunnels
    .slice(0, NAMED)
    .map(({ name }) => name)
    .join(', ');
  const more = tunnels.length - NAMED;
  return `${tunnels.length === 1 ? 'tunnel' : 'tunnels'} ${first}${more > 0 ? ` and ${more} ${more === 1 ? 'other' : 'others'}` : ''}`;
}

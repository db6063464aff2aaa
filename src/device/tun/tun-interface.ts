/** The kernel's side of a TUN or TAP: MTU, addresses, routes, up. */
import { parseCidr } from '../netlink/address.js';
import { NetlinkError } from '../netlink/netlink-error.js';
import type { Netlink } from '../netlink/netlink.js';
import { TunError, type TunSettings } from './tun-options.js';

/**
 * Packets that wait in each queue while nobody reads, as when one worker takes over from another: 10 ms at
 * 200,000 packets a second. The kernel's own 500 are lost in less than 3.
 */
const QUEUE_LENGTH = 2048;

export class TunInterface {
  /** Bytes, as the kernel has it. */
  mtu: number;
  private readonly index: number;
  private isUp: boolean;
  /** Whether it has, or will have, a link-local address of the kernel's making. */
  private hasLinkLocal6 = true;
  /** Before it was opened here. */
  private readonly droppedBefore: number;
  /** What was added here, and is taken away when it is no longer wanted. */
  private readonly addresses = new Set<string>();
  private readonly routes = new Set<string>();

  /**
   * @param isPersistent made by somebody else: what this process may not change stays, with a warning
   * @throws TunError when there is no such interface
   */
  constructor(
    private readonly netlink: Netlink,
    private readonly name: string,
    private readonly isPersistent: boolean,
  ) {
    const link = netlink.linkByName(name);
    if (link === null) throw new TunError(`${name} vanished while it was opened`);
    this.index = link.index;
    this.mtu = link.mtu;
    this.isUp = link.up;
    this.droppedBefore = netlink.transmitDropped(link.index);
    if (!isPersistent) netlink.setLink(this.index, { queueLength: QUEUE_LENGTH });
  }

  /**
   * Makes the interface what `settings` say. Returns warnings.
   *
   * @throws TunError, NetlinkError
   */
  apply({ mtu, addresses, routes }: TunSettings): string[] {
    const { netlink, index, name } = this;
    const warnings: string[] = [];
    const attempt = (command: string, change: () => void): void => {
      try {
        change();
      } catch (error) {
        const mayStay = this.isPersistent && error instanceof NetlinkError && error.code === 'EPERM';
        if (!mayStay) throw error;
        warnings.push(`${error.message}; do it as root: ${command}`);
      }
    };
    // IPv6 addresses and routes go when the MTU is too small for them: first down with them, then the MTU.
    for (const route of difference(this.routes, routes)) this.removeRoute(route);
    for (const address of difference(this.addresses, addresses)) this.removeAddress(address);
    if (this.mtu !== mtu) {
      attempt(`ip link set mtu ${mtu} dev ${name}`, () => {
        netlink.setLink(index, { mtu });
        this.mtu = mtu;
      });
    }
    this.allowIpv6([...addresses, ...routes].some((cidr) => cidr.includes(':')));
    for (const address of difference(addresses, this.addresses)) {
      attempt(`ip address add ${address} dev ${name}`, () => {
        if (netlink.addAddress(index, address)) this.addresses.add(address);
      });
    }
    if (!this.isUp) {
      attempt(`ip link set ${name} up`, () => {
        netlink.setLink(index, { up: true });
        this.isUp = true;
      });
    }
    for (const route of difference(routes, this.routes)) {
      attempt(`ip route add ${route} dev ${name}`, () => this.addRoute(route));
    }
    return warnings;
  }

  /** Packets that found the queues full since it was opened. */
  dropped(): number {
    return this.netlink.transmitDropped(this.index) - this.droppedBefore;
  }

  /** Takes away what was added, as far as that is possible: for an interface that stays. */
  restore(): void {
    for (const route of [...this.routes]) this.removeRoute(route);
    for (const address of [...this.addresses]) this.removeAddress(address);
  }

  /** Without IPv6 the kernel would speak it nevertheless: it looks for routers, and those packets find no tunnel. */
  private allowIpv6(isWanted: boolean): void {
    if (this.isPersistent || isWanted === this.hasLinkLocal6) return;
    ignoreRefusal(() => this.netlink.setLinkLocal6(this.index, isWanted));
    this.hasLinkLocal6 = isWanted;
  }

  private addRoute(route: string): void {
    try {
      this.netlink.addRoute(this.index, route);
      this.routes.add(route);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== 'EEXIST') throw error;
      const { address } = parseCidr(route);
      const found = this.netlink.routeTo(address)?.interface;
      if (found === this.index) return;
      const through = found === undefined ? '' : ` through ${this.netlink.linkByIndex(found)?.name ?? found}`;
      throw new TunError(
        `${this.name} cannot have the route to ${route}: there is one already${through}. ` +
          `Remove that one (ip route delete ${route}), or leave it out of overlay.routes`,
        { cause: error },
      );
    }
  }

  private removeRoute(route: string): void {
    this.routes.delete(route);
    ignoreRefusal(() => this.netlink.deleteRoute(this.index, route));
  }

  private removeAddress(address: string): void {
    this.addresses.delete(address);
    ignoreRefusal(() => this.netlink.deleteAddress(this.index, address));
  }
}

function difference(from: Iterable<string>, without: Iterable<string>): string[] {
  const known = new Set(without);
  return [...new Set(from)].filter((item) => !known.has(item));
}

/** The interface may be gone, or the privileges. */
function ignoreRefusal(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
  }
}

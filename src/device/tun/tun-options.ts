/** What a TUN or TAP is to be, and what can be said about it before it is there. */

/** Interface settings that may change while it is open. */
export interface TunSettings {
  /** Bytes of the largest IP packet, 68 to 65,535 (with IPv6 1280 and up). */
  readonly mtu: number;
  /** In CIDR notation. */
  readonly addresses: readonly string[];
  /** Prefixes that the kernel routes through the interface, in CIDR notation. */
  readonly routes: readonly string[];
  /** The tunnels' MTUs in bytes, for the check that they fit the interface's. */
  readonly tunnels?: readonly { readonly name: string; readonly mtu: number }[];
}

export interface TunOptions extends TunSettings {
  readonly name: string;
  readonly kind: 'tun' | 'tap';
  /** Queues, one for each worker. */
  readonly workers: number;
  /** Large segments (virtio-net headers), where the kernel has them. */
  readonly offload: boolean;
  /** Default /dev/net/tun. */
  readonly controlDevice?: string;
}

/** A TUN or TAP cannot be had as it is asked for; the message says why and what to do. */
export class TunError extends Error {
  override readonly name = 'TunError';
}

const MIN_MTU = 68;
const MAX_MTU = 65_535;
/** Least MTU of a link with IPv6 (RFC 8200 §5). */
const MIN_IPV6_MTU = 1280;

/** @throws TunError for what no kernel would take */
export function checkOptions({ name, ...settings }: TunSettings & { readonly name: string }): void {
  if (!/^[^\s/:%]{1,15}$/.test(name) || name === '.' || name === '..') {
    throw new TunError(
      `"${name}" cannot be the name of an interface: 1 to 15 characters, no blank, no slash, no colon`,
    );
  }
  const { mtu } = settings;
  if (!Number.isInteger(mtu) || mtu < MIN_MTU || mtu > MAX_MTU) {
    throw new TunError(`${name}: an MTU is ${MIN_MTU} to ${MAX_MTU} bytes, found ${mtu}`);
  }
  const ipv6 = [...settings.addresses, ...settings.routes].find((cidr) => cidr.includes(':'));
  if (ipv6 !== undefined && mtu < MIN_IPV6_MTU) {
    throw new TunError(
      `${name}: ${ipv6} needs an MTU of ${MIN_IPV6_MTU} bytes and more, found ${mtu}: ` +
        'raise the MTU of the tunnels or leave the IPv6 addresses and routes out',
    );
  }
}

/** What works, but not as somebody may expect it. */
export function mtuWarnings(name: string, mtu: number, tunnels: TunSettings['tunnels'] = []): string[] {
  if (tunnels.length === 0) return [];
  const largest = Math.max(...tunnels.map((tunnel) => tunnel.mtu));
  if (mtu > largest) {
    return [
      `${name} has an MTU of ${mtu} bytes, but no tunnel takes more than ${largest}: ` +
        `longer packets are refused or cut to fragments (ip link set mtu ${largest} dev ${name})`,
    ];
  }
  const smaller = tunnels.filter((tunnel) => tunnel.mtu < mtu);
  const larger = tunnels.filter((tunnel) => tunnel.mtu > mtu);
  const warnings: string[] = [];
  if (smaller.length > 0) {
    warnings.push(
      `${name} has an MTU of ${mtu} bytes, ${some(smaller)} less: ` +
        `longer packets to ${smaller.length === 1 ? 'it' : 'them'} are refused or cut to fragments`,
    );
  }
  if (larger.length > 0 && smaller.length === 0) {
    warnings.push(`${name} has an MTU of ${mtu} bytes, ${some(larger)} could take more`);
  }
  return warnings;
}

function some(tunnels: NonNullable<TunSettings['tunnels']>): string {
  const names = tunnels.slice(0, 3).map((tunnel) => `${tunnel.name} (${tunnel.mtu})`);
  const more = tunnels.length - names.length;
  return `tunnel${tunnels.length === 1 ? '' : 's'} ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

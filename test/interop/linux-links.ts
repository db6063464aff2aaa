/** Tunnels between grebe and a Linux kernel: every set of GRE options over IPv4 and over IPv6. */
import type { Configuration } from './grebe-process.js';
import { ALL_OPTIONS, asConfiguration, asIpLink, type GreOptions } from './gre-options.js';
import type { Netns } from '../support/netns.js';
import type { LinuxGuest } from './linux-guest.js';

/** A tunnel between grebe and the kernel, with a network of its own behind either end. */
export interface Link {
  readonly name: string;
  readonly options: GreOptions;
  /** Outer addresses. */
  readonly local: string;
  readonly remote: string;
  /** Largest inner packet, by the bytes that GRE and the outer header take of 1500. */
  readonly mtu: number;
  /** Inside the tunnel. */
  readonly ours: string;
  readonly theirs: string;
  /** A host behind either end, IPv4 and IPv6. */
  readonly here: readonly [string, string];
  readonly there: readonly [string, string];
  /** Name of the interface in the guest, and how it is made. */
  readonly device: string;
  readonly kind: string;
}

function link(options: GreOptions, family: 4 | 6): Link {
  const { number, name, greBytes } = options;
  // 0 to 7 over IPv4, 10 to 17 over IPv6.
  const n = (family === 4 ? 0 : 10) + number;
  const outer =
    family === 4 ? ['192.0.2.1', `192.0.2.${10 + number}`] : ['2001:db8::1', `2001:db8::1${number}`];
  return {
    name: `v${family}-${name}`,
    options,
    local: outer[0]!,
    remote: outer[1]!,
    mtu: 1500 - (family === 4 ? 20 : 40) - greBytes,
    ours: `10.100.${n}.0`,
    theirs: `10.100.${n}.1`,
    here: [`10.1.${n}.1`, `fd01:${n}::1`],
    there: [`10.2.${n}.1`, `fd02:${n}::1`],
    device: `tun${n}`,
    kind:
      family === 4
        ? `gre local ${outer[1]} remote ${outer[0]} ttl 64 ${asIpLink(options)}`
        : `ip6gre local ${outer[1]} remote ${outer[0]} hoplimit 64 encaplimit none ${asIpLink(options)}`,
  };
}

export const LINKS = ([4, 6] as const).flatMap((family) =>
  ALL_OPTIONS.map((options) => link(options, family)),
);
export const TRIED_HARDER = LINKS.filter(({ options }) => options.number === 0 || options.number === 7);

export const CONFIGURATION: Configuration = {
  tunnels: LINKS.map(({ name, options, local, remote, ours, theirs, there }) => ({
    ...{ name, local, remote, interface_address: `${ours}/31`, ...asConfiguration(options) },
    allowed_sources: [`${theirs}/32`, `${there[0]}/32`, `${there[1]}/128`],
  })),
  routes: LINKS.flatMap(({ name, there }) => [
    { prefix: `${there[0]}/32`, nexthop: name },
    { prefix: `${there[1]}/128`, nexthop: name },
  ]),
  daemon: {
    overlay: {
      ...{ type: 'tun', name: 'grebe0' },
      addresses: LINKS.flatMap(({ here }) => [`${here[0]}/32`, `${here[1]}/128`]),
      routes: LINKS.flatMap(({ there }) => [`${there[0]}/32`, `${there[1]}/128`]),
    },
  },
};

/** Makes the guest's ends, and starts its servers: HTTP for /tmp on port 80, iperf3 on 5201. */
export async function setUpGuest(guest: LinuxGuest): Promise<void> {
  // Nothing that grebe would refuse, as its source is not among the allowed ones.
  await guest.run('echo 0 >/proc/sys/net/ipv6/conf/default/router_solicitations');
  for (const { device, kind, theirs, ours, here, there, remote } of LINKS) {
    await guest.run(
      [
        ...(remote.includes(':') ? [] : [`ip addr add ${remote}/32 dev eth0`]),
        ...(remote.includes(':') ? [`ip addr add ${remote}/128 dev eth0 nodad`] : []),
        `ip link add ${device} type ${kind}`,
        `ip link set ${device} up`,
        `ip addr add ${theirs} peer ${ours} dev ${device}`,
        `ip addr add ${there[0]}/32 dev lo`,
        `ip addr add ${there[1]}/128 dev lo nodad`,
        `ip route add ${here[0]}/32 dev ${device} src ${there[0]}`,
        `ip route add ${here[1]}/128 dev ${device} src ${there[1]}`,
      ].join(' && '),
    );
  }
  await guest.run('httpd -h /tmp; iperf3 -s -D');
}

/** What is sent from here to a network there has the source of its own tunnel's network here. */
export function setRoutesHere(namespace: Netns): void {
  for (const { here, there } of LINKS) {
    for (const i of [0, 1] as const) {
      namespace.exec('ip', 'route', 'replace', there[i], 'dev', 'grebe0', 'src', here[i]);
    }
  }
}

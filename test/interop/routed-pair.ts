/** Two daemons with a router between them, which sees everything that passes on the wire. */
import type { Test } from 'tap';
import { Netns } from '../support/netns.js';
import { GrebeProcess, type Configuration } from './grebe-process.js';

export interface RoutedPair {
  readonly a: Netns;
  readonly b: Netns;
  /** Its interfaces are `to-a` and `to-b`; those of the others are `wire`. */
  readonly router: Netns;
}

export type End = 'a' | 'b';

/** Outer addresses of the ends. */
export const OUTER = {
  a: ['192.0.2.1', '2001:db8:a::1'],
  b: ['198.51.100.1', '2001:db8:b::1'],
} as const;

/** Hosts behind the ends, one for each of TUNNELS. */
export const HOSTS = {
  a: ['10.1.0.1', '10.1.6.1', '10.1.7.1'],
  b: ['10.2.0.1', '10.2.6.1', '10.2.7.1'],
} as const;

/** Over IPv4 with everything, over IPv6, and one that large segments go through in one piece. */
const TUNNELS = [
  { name: 'four', outer: 0, more: { key: 5, checksum: true } },
  { name: 'six', outer: 1, more: {} },
  { name: 'keyed', outer: 0, more: { key: 6 } },
] as const;

const other = (end: End): End => (end === 'a' ? 'b' : 'a');

/** The namespaces, gone with the test. Bytes of the MTU between router and b. */
export function connectPair(t: Test, prefix: string, mtuToB = 1500): RoutedPair {
  const [a, b, router] = [Netns.create(prefix), Netns.create(prefix), Netns.create(prefix)];
  t.teardown(() => [a, b, router].forEach((namespace) => namespace.delete()));
  router.sysctl('net/ipv4/ip_forward', 1);
  router.sysctl('net/ipv6/conf/all/forwarding', 1);
  const addresses = (end: End, far: string, far6: string): [string[], string[]] => [
    [`${OUTER[end][0]}/24`, `${OUTER[end][1]}/64`],
    [`${far}/24`, `${far6}/64`],
  ];
  Netns.connect(a, 'wire', router, 'to-a', { addresses: addresses('a', '192.0.2.254', '2001:db8:a::ff') });
  const toB = { addresses: addresses('b', '198.51.100.254', '2001:db8:b::ff'), mtu: mtuToB };
  Netns.connect(b, 'wire', router, 'to-b', toB);
  a.exec('ip', 'route', 'add', 'default', 'via', '192.0.2.254');
  b.exec('ip', 'route', 'add', 'default', 'via', '198.51.100.254');
  a.exec('ip', 'route', 'add', 'default', 'via', '2001:db8:a::ff');
  b.exec('ip', 'route', 'add', 'default', 'via', '2001:db8:b::ff');
  return { a, b, router };
}

/** A configuration with TUNNELS, and settings of the daemon. */
export function configurationOf(end: End, underlay: object, more: object = {}): Configuration {
  const own = OUTER[end];
  const far = OUTER[other(end)];
  const last = end === 'a' ? 0 : 1;
  return {
    node: { name: end },
    tunnels: TUNNELS.map(({ name, outer, more }, i) => ({
      ...{ name, local: own[outer], remote: far[outer], interface_address: `10.100.${i}.${last}/31` },
      ...more,
    })),
    routes: TUNNELS.map(({ name }, i) => ({ prefix: `${HOSTS[other(end)][i]}/32`, nexthop: name })),
    daemon: {
      underlay,
      overlay: {
        ...{ type: 'tun', name: 'grebe0' },
        addresses: HOSTS[end].map((host) => `${host}/32`),
        routes: HOSTS[other(end)].map((host) => `${host}/32`),
      },
      ...more,
    },
  };
}

/** Lets the kernel take the end's own host as the source for the host of the other end. */
export function setSources(pair: RoutedPair): void {
  for (const end of ['a', 'b'] as const) {
    HOSTS[end].forEach((host, i) => {
      pair[end].exec('ip', 'route', 'replace', HOSTS[other(end)][i]!, 'dev', 'grebe0', 'src', host);
    });
  }
}

/** Starts both daemons. */
export async function startPair(
  t: Test,
  pair: RoutedPair,
  underlay: object,
  more: object = {},
): Promise<Record<End, GrebeProcess>> {
  const [a, b] = await Promise.all(
    (['a', 'b'] as const).map((end) =>
      GrebeProcess.start(t, pair[end], configurationOf(end, underlay, more), { GREBE_TEST_HOOKS: '1' }),
    ),
  );
  setSources(pair);
  return { a: a!, b: b! };
}

/** Tunnels for Ethernet frames between grebe and a Linux kernel. */
import type { Netns } from '../support/netns.js';
import type { Configuration } from './grebe-process.js';
import type { LinuxGuest } from './linux-guest.js';

/** Over either underlay: 1500 less 40 of IPv6, 12 of GRE with key and checksum, 14 of Ethernet. */
export const FRAMES_MTU = 1434;

const KEY = 99;
const OUR_MAC = '02:00:00:00:67:02';

export const FRAMES = [
  { name: 'gretap', local: '192.0.2.1', remote: '192.0.2.30', network: 30 },
  { name: 'ip6gretap', local: '2001:db8::1', remote: '2001:db8::30', network: 31 },
].map(({ network, ...rest }) => ({
  ...rest,
  ours: `10.100.${network}.0`,
  theirs: `10.100.${network}.1`,
  theirMac: `02:00:00:00:68:${network}`,
}));

export const FRAMES_CONFIGURATION: Configuration = {
  tunnels: FRAMES.map(({ name, local, remote, ours }) => ({
    ...{ name, local, remote, interface_address: `${ours}/31`, mode: 'gretap' },
    ...{ key: KEY, checksum: true, mtu: FRAMES_MTU },
  })),
  daemon: { overlay: { type: 'tap', name: 'grebe0' } },
};

/** Makes the guest's ends. */
export async function setUpFrames(guest: LinuxGuest): Promise<void> {
  for (const { name, local, remote, ours, theirs, theirMac } of FRAMES) {
    const [length, limits] = remote.includes(':') ? [128, 'encaplimit none'] : [32, ''];
    const options = `key ${KEY} icsum ocsum ${limits}`;
    await guest.run(
      [
        `ip addr add ${remote}/${length} dev eth0${length === 128 ? ' nodad' : ''}`,
        `ip link add ${name} address ${theirMac} type ${name} local ${remote} remote ${local} ${options}`,
        `ip link set ${name} mtu ${FRAMES_MTU} up`,
        `ip addr add ${theirs}/31 dev ${name}`,
        `ip neigh add ${ours} lladdr ${OUR_MAC} dev ${name} nud permanent`,
      ].join(' && '),
    );
  }
}

/** grebe routes IP and carries no questions for link addresses: both kernels know them beforehand. */
export function setNeighboursHere(namespace: Netns): void {
  namespace.exec('ip', 'link', 'set', 'grebe0', 'address', OUR_MAC);
  for (const { theirs, theirMac } of FRAMES) {
    namespace.exec('ip', 'neigh', 'add', theirs, 'lladdr', theirMac, 'dev', 'grebe0', 'nud', 'permanent');
  }
}

/** Interfaces that can be captured from. */
import { networkInterfaces } from 'node:os';
import { LinkType } from '../../dataplane/link-type.js';
import { addressText, linkAddressText } from '../netlink/address.js';
import { Netlink } from '../netlink/netlink.js';
import type { CapModule } from './cap-module.js';
import { CaptureError } from './capture-error.js';

export interface LiveInterface {
  name: string;
  description: string | null;
  addresses: string[];
  isLoopback: boolean;
}

const NO_LINK_ADDRESS = '00:00:00:00:00:00';

/** ARPHRD_LOOPBACK */
export const ARP_LOOPBACK = 772;

/** What frames begin with on interfaces that the ring reads: ARPHRD_ETHER, _LOOPBACK, and _NONE (TUN, WireGuard). */
const linkTypes = new Map<number, number>([
  [1, LinkType.ETHERNET],
  [ARP_LOOPBACK, LinkType.ETHERNET],
  [65_534, LinkType.RAW],
]);

/** LINKTYPE_ number for an ARPHRD_ number; null where it takes libpcap to tell. */
export function linkTypeOf(arpType: number): number | null {
  return linkTypes.get(arpType) ?? null;
}

/** @throws AddonMissing, SystemError, NetlinkError */
export function askKernel<T>(question: (netlink: Netlink) => T): T {
  const netlink = new Netlink();
  try {
    return question(netlink);
  } finally {
    netlink.close();
  }
}

/** The kernel's interfaces. @throws AddonMissing, SystemError, NetlinkError */
export function kernelInterfaces(): LiveInterface[] {
  return askKernel((netlink) => {
    const addresses = netlink.listAddresses();
    return netlink.listLinks().map(({ name, index, arpType }) => ({
      name,
      description: null,
      addresses: addresses.flatMap((one) => (one.interface === index ? [addressText(one.address)] : [])),
      isLoopback: arpType === ARP_LOOPBACK,
    }));
  });
}

/** Those that libpcap knows, `any` among them. */
export function capInterfaces(cap: CapModule): LiveInterface[] {
  return cap.Cap.deviceList().map((device) => ({
    name: device.name,
    description: device.description ?? null,
    addresses: device.addresses.flatMap(({ addr }) => (addr === undefined ? [] : [addr])),
    isLoopback: device.flags === 'PCAP_IF_LOOPBACK',
  }));
}

/** The link address of an Ethernet interface, such as `02:00:5e:00:53:01`; null when it has none, or nobody knows it. */
export function linkAddressOf(name: string): string | null {
  try {
    const link = askKernel((netlink) => netlink.linkByName(name));
    return link?.isEthernet === true && link.mac !== null ? linkAddressText(link.mac) : null;
  } catch {
    const mac = networkInterfaces()[name]?.[0]?.mac;
    return mac === undefined || mac === NO_LINK_ADDRESS ? null : mac;
  }
}

export function noSuchInterface(name: string, known: readonly LiveInterface[]): CaptureError {
  const names = known.map((one) => one.name).join(', ');
  return new CaptureError(name, `found no interface of this name, expected one of ${names}`);
}

/**
 * Requests to the kernel about interfaces, addresses, routes and neighbours (rtnetlink(7)), in the network
 * namespace in which the object was made. Every method answers at once; refusals are NetlinkErrors that say
 * what was asked for. What changes something needs CAP_NET_ADMIN.
 */
import { loadAddon, type Addon } from '../native/addon.js';
import {
  addressText,
  parseCidr,
  parseInterfaceAddress,
  writeAddressQuery,
  writeInterfaceAddress,
  type InterfaceAddress,
} from './address.js';
import {
  parseLink,
  parseTransmitDropped,
  writeAddressMode,
  writeLinkHeader,
  writeLinkQuery,
  type Link,
} from './link.js';
import { NetlinkError } from './netlink-error.js';
import { NetlinkSocket } from './netlink-socket.js';
import { parseNeighbour, writeNeighbourQuery, writeNeighbourUse, type Neighbour } from './neighbour.js';
import { AddressMode, LinkAttribute, LinkFlag, MessageFlag, MessageType } from './protocol.js';
import {
  parseRoute,
  routeText,
  writeRoute,
  writeRouteQuery,
  writeRouteRemoval,
  type RouteAnswer,
  type RouteOptions,
} from './route.js';

export class Netlink {
  private readonly socket: NetlinkSocket;

  /**
   * @throws AddonMissing without the native addon
   * @throws SystemError when there can be no netlink socket
   */
  constructor(addon: Addon = loadAddon()) {
    this.socket = new NetlinkSocket(addon);
  }

  close(): void {
    this.socket.close();
  }

  /** The interface of this name; null when there is none. */
  linkByName(name: string): Link | null {
    // Longer names cannot be asked for.
    return Buffer.byteLength(name) > 15 || name === '' ? null : this.link(0, name);
  }

  /** The interface with this index; null when there is none. */
  linkByIndex(index: number): Link | null {
    return this.link(index, null);
  }

  listLinks(): Link[] {
    return this.socket.dump(
      'list the interfaces',
      MessageType.GET_LINK,
      (writer) => writeLinkQuery(writer, 0, null),
      parseLink,
    );
  }

  /** Sets an interface up or down, its MTU in bytes, and how many packets wait to be sent (txqueuelen). */
  setLink(
    index: number,
    change: { readonly up?: boolean; readonly mtu?: number; readonly queueLength?: number },
  ): void {
    const { up, mtu, queueLength } = change;
    const name = this.linkByIndex(index)?.name ?? `interface ${index}`;
    if (mtu !== undefined) {
      this.do(`set the MTU of ${name} to ${mtu}`, MessageType.NEW_LINK, 0, (writer) =>
        writeLinkHeader(writer, index).attribute32(LinkAttribute.MTU, mtu),
      );
    }
    if (queueLength !== undefined) {
      this.do(`let ${queueLength} packets wait on ${name}`, MessageType.NEW_LINK, 0, (writer) =>
        writeLinkHeader(writer, index).attribute32(LinkAttribute.QUEUE_LENGTH, queueLength),
      );
    }
    if (up !== undefined) {
      this.do(`set ${name} ${up ? 'up' : 'down'}`, MessageType.NEW_LINK, 0, (writer) =>
        writeLinkHeader(writer, index, up ? LinkFlag.UP : 0, LinkFlag.UP),
      );
    }
  }

  /**
   * Whether the interface gets an IPv6 link-local address of the kernel's making when it comes up. False when
   * it has no IPv6 at all.
   */
  setLinkLocal6(index: number, wanted: boolean): boolean {
    const words = `let interface ${index} have ${wanted ? 'a' : 'no'} link-local address`;
    const mode = wanted ? AddressMode.BY_MAC : AddressMode.NONE;
    return this.tolerate('EAFNOSUPPORT', () =>
      this.do(words, MessageType.NEW_LINK, 0, (writer) => writeAddressMode(writer, index, mode)),
    );
  }

  /** Packets that the kernel has dropped instead of sending them out of an interface, since that was made. */
  transmitDropped(index: number): number {
    const words = `read the statistics of interface ${index}`;
    const [answer] = this.socket.request(words, MessageType.GET_LINK, 0, (writer) =>
      writeLinkHeader(writer, index),
    );
    return answer === undefined ? 0 : (parseTransmitDropped(answer) ?? 0);
  }

  /** Removes an interface. */
  deleteLink(index: number): void {
    const name = this.linkByIndex(index)?.name ?? `interface ${index}`;
    this.do(`remove ${name}`, MessageType.DELETE_LINK, 0, (writer) => writeLinkHeader(writer, index));
  }

  /** Every IPv4 and IPv6 address of this machine. */
  listAddresses(): InterfaceAddress[] {
    return this.socket.dump(
      'list the addresses',
      MessageType.GET_ADDRESS,
      writeAddressQuery,
      parseInterfaceAddress,
    );
  }

  /**
   * Adds an address such as `192.0.2.1/31` to an interface, without duplicate address detection. False when
   * the interface has it already.
   */
  addAddress(index: number, cidr: string): boolean {
    const words = `add the address ${cidr} to interface ${index}`;
    const flags = MessageFlag.CREATE | MessageFlag.EXCLUSIVE;
    const address = parseCidr(cidr);
    return this.tolerate('EEXIST', () =>
      this.do(words, MessageType.NEW_ADDRESS, flags, (writer) =>
        writeInterfaceAddress(writer, index, address),
      ),
    );
  }

  /** Takes an address off an interface. False when the interface does not have it. */
  deleteAddress(index: number, cidr: string): boolean {
    const words = `take the address ${cidr} from interface ${index}`;
    const address = parseCidr(cidr);
    return this.tolerate('EADDRNOTAVAIL', () =>
      this.do(words, MessageType.DELETE_ADDRESS, 0, (writer) =>
        writeInterfaceAddress(writer, index, address),
      ),
    );
  }

  /** Adds a route through an interface to the main table. */
  addRoute(index: number, prefix: string, options: RouteOptions = {}): void {
    const { mtu, source, gateway, replace = false } = options;
    const destination = parseCidr(prefix);
    const flags = MessageFlag.CREATE | (replace ? MessageFlag.REPLACE : MessageFlag.EXCLUSIVE);
    this.do(`add the route ${routeText(destination, index)}`, MessageType.NEW_ROUTE, flags, (writer) =>
      writeRoute(writer, index, destination, {
        ...(mtu === undefined ? {} : { mtu }),
        ...(source === undefined ? {} : { source: parseCidr(source).address }),
        ...(gateway === undefined ? {} : { gateway: parseCidr(gateway).address }),
      }),
    );
  }

  /** Removes a route through an interface from the main table. False when it is not there. */
  deleteRoute(index: number, prefix: string): boolean {
    const destination = parseCidr(prefix);
    const words = `remove the route ${routeText(destination, index)}`;
    return this.tolerate('ESRCH', () =>
      this.do(words, MessageType.DELETE_ROUTE, 0, (writer) => writeRouteRemoval(writer, index, destination)),
    );
  }

  /**
   * Where the kernel sends packets from `source` (null: it chooses) to a destination; 4 or 16 bytes. Null
   * when it has no route, or one that says to send nothing there.
   */
  routeTo(destination: Uint8Array, source: Uint8Array | null = null): RouteAnswer | null {
    try {
      const words = `look up the route to ${addressText(destination)}`;
      const answers = this.socket.request(words, MessageType.GET_ROUTE, 0, (writer) =>
        writeRouteQuery(writer, destination, source),
      );
      return answers[0] === undefined ? null : parseRoute(answers[0]);
    } catch (error) {
      if (error instanceof NetlinkError && error.code !== '') return null;
      throw error;
    }
  }

  /** The kernel's neighbours, both families. */
  listNeighbours(): Neighbour[] {
    return this.socket.dump(
      'list the neighbours',
      MessageType.GET_NEIGHBOUR,
      writeNeighbourQuery,
      parseNeighbour,
    );
  }

  /**
   * Has the kernel look a neighbour up, or make sure of one that it knows, as a packet to it would. What it
   * finds comes as a change of the neighbour.
   */
  useNeighbour(index: number, address: Uint8Array): void {
    const words = `look up the link address of ${addressText(address)} on interface ${index}`;
    this.do(words, MessageType.NEW_NEIGHBOUR, MessageFlag.CREATE, (writer) =>
      writeNeighbourUse(writer, index, address),
    );
  }

  private link(index: number, name: string | null): Link | null {
    try {
      const words = `look up interface ${name ?? index}`;
      const answers = this.socket.request(words, MessageType.GET_LINK, 0, (writer) =>
        writeLinkQuery(writer, index, name),
      );
      return answers[0] === undefined ? null : parseLink(answers[0]);
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENODEV') return null;
      throw error;
    }
  }

  private do(
    words: string,
    type: number,
    flags: number,
    write: Parameters<NetlinkSocket['request']>[3],
  ): void {
    this.socket.request(words, type, flags, write);
  }

  /** False when `request` fails with this code. */
  private tolerate(code: string, request: () => void): boolean {
    try {
      request();
      return true;
    } catch (error) {
      if (error instanceof NetlinkError && error.code === code) return false;
      throw error;
    }
  }
}

/** Routes. */
import { addressText, familyOf, type Cidr } from './address.js';
import { parseAttributes, readBytes, readUint32, type Message, type MessageWriter } from './message.js';
import {
  AF_INET,
  AF_INET6,
  ROUTE_PROTOCOL_STATIC,
  ROUTE_TABLE_MAIN,
  RouteAttribute,
  RouteMetric,
  RouteScope,
  RouteType,
} from './protocol.js';

/** Where the kernel sends packets for an address. */
export interface RouteAnswer {
  /** The kernel's index of the interface. */
  readonly interface: number;
  /** 4 or 16 bytes (of either family); null when the destination is on the link itself. */
  readonly gateway: Uint8Array | null;
  /** Source address that the kernel would choose; null when it does not say. */
  readonly source: Uint8Array | null;
  /** MTU of the route in bytes, configured or learned; null: the interface's. */
  readonly mtu: number | null;
  /** The address is one of this machine. */
  readonly isLocal: boolean;
  /** Nothing but an interface and a gateway is between: no MPLS, SEG6 or other encapsulation. */
  readonly isPlain: boolean;
}

export interface RouteOptions {
  /** MTU in bytes. */
  readonly mtu?: number;
  /** Source address for what this machine sends itself. */
  readonly source?: string;
  readonly gateway?: string;
  /** Takes the place of a route to the same prefix; otherwise that is an error. */
  readonly replace?: boolean;
}

/** struct rtmsg */
const HEADER = 12;

/** @returns null when the message is no route to one interface */
export function parseRoute({ payload }: Message): RouteAnswer | null {
  if (payload.length < HEADER) return null;
  const attributes = parseAttributes(payload, HEADER);
  const index = readUint32(attributes, RouteAttribute.INTERFACE);
  const type = payload[7];
  if (index === null || (type !== RouteType.UNICAST && type !== RouteType.LOCAL)) return null;
  const metrics = attributes.get(RouteAttribute.METRICS);
  return {
    interface: index,
    gateway:
      readBytes(attributes, RouteAttribute.GATEWAY, 4, 16) ?? readVia(attributes.get(RouteAttribute.VIA)),
    source: readBytes(attributes, RouteAttribute.PREFERRED_SOURCE, 4, 16),
    mtu: metrics === undefined ? null : readUint32(parseAttributes(metrics), RouteMetric.MTU),
    isLocal: type === RouteType.LOCAL,
    isPlain: !attributes.has(RouteAttribute.ENCAPSULATION),
  };
}

/** The prefix that a message about a route is about; null when it is no such message. */
export function parseRoutePrefix({ payload }: Message): Cidr | null {
  if (payload.length < HEADER) return null;
  const family = payload[0];
  if (family !== AF_INET && family !== AF_INET6) return null;
  const bytes = family === AF_INET ? 4 : 16;
  const length = payload[1]!;
  if (length > bytes * 8) return null;
  const destination = readBytes(parseAttributes(payload, HEADER), RouteAttribute.DESTINATION, bytes);
  if (destination === null && length > 0) return null;
  return { address: destination ?? new Uint8Array(bytes), length };
}

/** struct rtvia: a gateway of the other family. */
function readVia(value: Uint8Array | undefined): Uint8Array | null {
  return value?.length === 6 || value?.length === 18 ? Uint8Array.from(value.subarray(2)) : null;
}

export function writeRouteQuery(
  writer: MessageWriter,
  destination: Uint8Array,
  source: Uint8Array | null,
): void {
  const bits = destination.length * 8;
  writer.uint8(familyOf(destination), bits, source === null ? 0 : bits, 0, 0, 0, 0, 0).uint32(0);
  writer.attribute(RouteAttribute.DESTINATION, destination);
  if (source !== null) writer.attribute(RouteAttribute.SOURCE, source);
}

export function writeRoute(
  writer: MessageWriter,
  index: number,
  { address, length }: Cidr,
  options: { mtu?: number; source?: Uint8Array; gateway?: Uint8Array },
): void {
  const { mtu, source, gateway } = options;
  // Without a gateway the destination is on the link; IPv6 does not know scopes of routes.
  const scope = gateway === undefined && address.length === 4 ? RouteScope.LINK : RouteScope.UNIVERSE;
  writer.uint8(familyOf(address), length, 0, 0);
  writer.uint8(ROUTE_TABLE_MAIN, ROUTE_PROTOCOL_STATIC, scope, RouteType.UNICAST).uint32(0);
  writer.attribute(RouteAttribute.DESTINATION, address).attribute32(RouteAttribute.INTERFACE, index);
  if (gateway !== undefined) writer.attribute(RouteAttribute.GATEWAY, gateway);
  if (source !== undefined) writer.attribute(RouteAttribute.PREFERRED_SOURCE, source);
  if (mtu !== undefined) {
    writer.nested(RouteAttribute.METRICS, (inner) => inner.attribute32(RouteMetric.MTU, mtu));
  }
}

/** Names a route by prefix and interface only. */
export function writeRouteRemoval(writer: MessageWriter, index: number, { address, length }: Cidr): void {
  writer.uint8(familyOf(address), length, 0, 0, ROUTE_TABLE_MAIN, 0, RouteScope.ANY, 0).uint32(0);
  writer.attribute(RouteAttribute.DESTINATION, address).attribute32(RouteAttribute.INTERFACE, index);
}

/** `192.0.2.0/24 through interface 3`, for messages. */
export function routeText({ address, length }: Cidr, index: number): string {
  return `${addressText(address)}/${length} through interface ${index}`;
}

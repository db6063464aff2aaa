/** Random valid packets of all shapes that the dataplane knows, as templates for the mutator. */
import type { TunnelSpec } from '../../src/dataplane/tables.js';
import type { SideName } from '../oracle/outcome.js';
import * as layers from './layers.js';
import type { Built } from './layers.js';
import type { Prng } from './prng.js';
import { within, type World } from './world.js';

export interface Template extends Built {
  side: SideName;
  link: number;
}

const TCP = 6;
const UDP = 17;
const GRE = 47;
const ICMP = 1;
const ICMPV6 = 58;
const NO_NEXT_HEADER = 59;

/** Share of templates that look like everyday packets. */
const COMMON = 0.4;

/** Sizes that lie around limits are more telling than others. */
function payloadSize(prng: Prng, world: World): number {
  const kind = prng.below(100);
  if (kind < 62) return prng.below(100);
  if (kind < 75) return prng.below(1500);
  if (kind < 97) return Math.max(0, prng.pick(world.spec.tunnels).mtu - prng.between(0, 64));
  if (kind < 99) return prng.below(9000);
  return prng.below(66_000);
}

/** TCP options one behind the other, mostly well formed. */
function tcpOptions(prng: Prng): Uint8Array {
  const options: number[] = [];
  const mss = (): number[] => {
    const value = prng.pick([0, 1, 535, 536, 1220, 1400, 1436, 1460, 8960, 65_535, prng.below(65_536)]);
    return [2, 4, value >> 8, value & 255];
  };
  const one = (): number[] => {
    switch (prng.below(12)) {
      case 0:
        return [1];
      case 1:
        return [3, 3, 7];
      case 2:
        return [4, 2];
      case 3:
        return [8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
      case 4:
        return [0];
      case 5:
        return [2, prng.below(6), 5, 180];
      case 6:
        return [prng.below(256), prng.below(8), prng.below(256)];
      default:
        return mss();
    }
  };
  if (prng.chance(0.5)) options.push(...mss());
  while (options.length < 40 && prng.chance(0.6)) options.push(...one());
  return Uint8Array.from(options.slice(0, 40));
}

/** IPv4 options: known ones and unknown, some to be copied into fragments. */
function ipv4Options(prng: Prng): Uint8Array {
  const options: number[] = [];
  while (options.length < 40 && prng.chance(0.6)) {
    const option = prng.pick([
      [1],
      [7, 7, 4, 0, 0, 0, 0],
      [0x83, 7, 4, 10, 0, 0, 1],
      [0x94, 4, 0, 0],
      [0x44, 4, 5, 0],
      [0x88, 4, 1, 2],
      [0x80 + prng.below(128), prng.below(12), 1, 2],
      [0],
    ]);
    options.push(...option);
  }
  const length = Math.min(40, options.length + ((4 - (options.length % 4)) % 4));
  const padded = new Uint8Array(length);
  padded.set(options.slice(0, length));
  return padded;
}

function transport(prng: Prng, addresses: layers.Addresses, size: number): [number, Built] {
  const isIpv6 = addresses.source.length === 16;
  const data = prng.bytes(Math.min(size, 65_400));
  const ports = { source: prng.pick([1024, 40_000, 53, 0]), destination: prng.pick([80, 443, 53, 65_535]) };
  const kind = prng.below(100);
  if (kind < 45) {
    const isSyn = prng.chance(0.7);
    const flags = isSyn ? prng.pick([0x02, 0x12, 0xc2]) : prng.pick([0x10, 0x18, 0x04]);
    const short = isSyn && prng.chance(0.8) ? data.slice(0, 20) : data;
    return [TCP, layers.tcp(addresses, ports, flags, tcpOptions(prng), short)];
  }
  if (kind < 75) return [UDP, layers.udp(addresses, ports, data)];
  if (kind < 90) {
    const type = isIpv6 ? prng.pick([128, 129, 1, 2, 3, 4]) : prng.pick([8, 0, 3, 11, 12, 5]);
    return [isIpv6 ? ICMPV6 : ICMP, layers.icmp(addresses, type, 0, data)];
  }
  if (kind < 94) {
    // Less than the header that the protocol number announces, or nothing at all.
    const protocol = prng.pick([TCP, UDP, GRE, isIpv6 ? ICMPV6 : ICMP, prng.below(256)]);
    return [protocol, layers.payload(data.slice(0, prng.pick([0, 0, 1, 3, 19])))];
  }
  return [isIpv6 ? NO_NEXT_HEADER : 132, layers.payload(data)];
}

/** Extension headers in front of `inside`, innermost first; returns the first one's number. */
function extensions(prng: Prng, next: number, inside: Built, authentication: boolean): [number, Built] {
  let built = inside;
  let protocol = next;
  for (let count = prng.pick([1, 1, 2, 3, 8, 9]); count > 0; count--) {
    const kind = prng.pick(authentication ? [0, 43, 44, 44, 51, 60] : [0, 43, 44, 60]);
    const units = prng.pick([0, 0, 1, 2]);
    if (kind === 44) {
      const offset = prng.chance(0.7) ? 0 : prng.pick([1, 8, 9, 16, 0xfff9, 0xfff8]);
      const body = prng.bytes(6);
      body.set([offset >> 8, offset & 255]);
      built = layers.extension(protocol, 0, body, built);
    } else if (kind === 51) {
      built = layers.extension(protocol, 1 + 2 * units, prng.bytes(10 + 8 * units), built);
    } else {
      built = layers.extension(protocol, units, prng.bytes(6 + 8 * units), built);
    }
    protocol = kind;
  }
  return [protocol, built];
}

function trafficClass(prng: Prng): number {
  return prng.chance(0.5) ? prng.below(4) : prng.below(256);
}

function ttl(prng: Prng): number {
  return prng.pick([64, 64, 64, 64, 255, 2, 1, 0]);
}

function ipPacket(prng: Prng, protocol: number, addresses: layers.Addresses, inside: Built): Built {
  if (addresses.source.length === 4) {
    const fragment = prng.pick([0x2000, 0x2001, 0x00b9, 0x1fff, 0x3ff0, 0x8000]);
    return layers.ipv4(
      {
        ...addresses,
        protocol,
        tos: trafficClass(prng),
        id: prng.chance(0.3) ? 0 : prng.below(65_536),
        flags: prng.chance(0.12) ? fragment : prng.pick([0, 0x4000]),
        ttl: ttl(prng),
        options: prng.chance(0.15) ? ipv4Options(prng) : new Uint8Array(0),
      },
      inside,
    );
  }
  const [first, built] = prng.chance(0.2) ? extensions(prng, protocol, inside, true) : [protocol, inside];
  return layers.ipv6(
    {
      ...addresses,
      protocol: first,
      trafficClass: trafficClass(prng),
      flowLabel: prng.below(0x10_0000),
      hopLimit: ttl(prng),
    },
    built,
  );
}

/** A packet as it lies in a tunnel, or plain: from anywhere to anywhere. */
function innerPacket(prng: Prng, world: World, tunnel: TunnelSpec | null): Built {
  const isIpv4 = prng.chance(0.6);
  const size = isIpv4 ? 4 : 16;
  const pool = isIpv4 ? world.inner4 : world.inner6;
  const allowed = tunnel?.allowedSources?.filter((prefix) => prefix.address.length === size) ?? [];
  const source = allowed.length > 0 && prng.chance(0.8) ? within(prng, prng.pick(allowed)) : prng.pick(pool);
  const addresses = { source, destination: prng.pick(pool) };
  const [protocol, inside] = transport(prng, addresses, payloadSize(prng, world));
  const built = ipPacket(prng, protocol, addresses, inside);
  return built.bytes.length > 65_535 ? innerPacket(prng, world, tunnel) : built;
}

function ethertypeOf(packet: Built): number {
  return packet.layers[0]!.kind === layers.LayerKind.IPV4 ? 0x0800 : 0x86dd;
}

function frameIn(prng: Prng, packet: Built): Built {
  const tags = prng.pick([[], [], [], [100], [0xe123], [1, 2]]);
  const ethertype = prng.chance(0.1) ? prng.pick([0x0806, 0x88cc, 0x0000]) : ethertypeOf(packet);
  const framed = layers.ethernet(ethertype, tags, packet);
  return prng.chance(0.2) ? layers.pad(framed, prng.bytes(prng.below(40))) : framed;
}

/** An echo request for one of our own addresses, from whoever may send out of this tunnel. */
function echoRequest(prng: Prng, world: World, tunnel: TunnelSpec | null): Built {
  const { locals } = world.spec;
  if (locals.length === 0) return innerPacket(prng, world, tunnel);
  const destination = prng.pick(locals).address;
  const isIpv4 = destination.length === 4;
  const pool = isIpv4 ? world.inner4 : world.inner6;
  const allowed =
    tunnel?.allowedSources?.filter(({ address }) => address.length === destination.length) ?? [];
  const source = allowed.length > 0 ? within(prng, prng.pick(allowed)) : prng.pick(pool);
  const size = prng.chance(0.9) ? prng.below(100) : (tunnel?.mtu ?? 1500) - prng.between(0, 60);
  const message = layers.icmp(
    { source, destination },
    isIpv4 ? 8 : 128,
    0,
    prng.bytes(Math.min(size, 65_400)),
  );
  const protocol = isIpv4 ? ICMP : ICMPV6;
  return ipPacket(prng, protocol, { source, destination }, message);
}

/** A keepalive of a tunnel as its other side sends it, or something much like one. */
function keepalive(prng: Prng, world: World, tunnel: TunnelSpec): Built {
  const other = prng.pick(world.spec.tunnels);
  const ends = prng.chance(0.8) ? tunnel : other;
  if (ends.local.length === 16) return innerPacket(prng, world, tunnel);
  const forward = { source: ends.local, destination: ends.remote };
  const addresses = prng.chance(0.9) ? forward : { source: ends.remote, destination: ends.local };
  const fields = {
    protocol: prng.chance(0.9) ? 0 : prng.pick([0x0800, 1]),
    checksum: prng.chance(0.05),
    key: prng.pick([null, tunnel.key, tunnel.key, prng.chance(0.2) ? 7 : null]),
    sequence: prng.chance(0.05) ? 1 : null,
  };
  const inside = layers.gre(fields, layers.payload(prng.bytes(prng.pick([0, 0, 0, 4]))));
  const ttl = prng.pick([255, 255, 255, 2, 1, 0]);
  const flags = prng.pick([0, 0, 0x4000, prng.chance(0.2) ? 0x2000 : 0]);
  const options = prng.chance(0.05) ? ipv4Options(prng) : new Uint8Array(0);
  const tos = prng.pick([0, 0xc0, trafficClass(prng)]);
  return layers.ipv4({ ...addresses, protocol: GRE, ttl, flags, tos, options }, inside);
}

/** What lies in the innermost tunnel of a packet. */
function content(prng: Prng, world: World, tunnel: TunnelSpec): Built {
  const kind = prng.below(100);
  if (kind < 6) return echoRequest(prng, world, tunnel);
  if (kind < 10) return keepalive(prng, world, tunnel);
  return innerPacket(prng, world, tunnel);
}

/** A GRE packet for one of the tunnels, around an inner packet or another GRE packet. */
function tunnelled(prng: Prng, world: World, depth: number): Built {
  const tunnel = prng.pick(world.spec.tunnels);
  const gretap = tunnel.mode === 'gretap';
  const nest = !gretap && depth < 4 && prng.chance(depth === 1 ? 0.15 : 0.4);
  const packet = nest ? tunnelled(prng, world, depth + 1) : content(prng, world, tunnel);
  const inside = layers.gre(
    {
      protocol: gretap ? 0x6558 : ethertypeOf(packet),
      checksum: prng.chance(tunnel.checksum ? 0.9 : 0.15),
      key: tunnel.key,
      sequence: prng.chance(0.2) ? prng.next() : null,
    },
    gretap ? frameIn(prng, packet) : packet,
  );
  const addresses = { source: tunnel.remote, destination: tunnel.local };
  const tos = trafficClass(prng);
  if (tunnel.local.length === 4) {
    const options = prng.chance(0.08) ? ipv4Options(prng) : new Uint8Array(0);
    const flags = prng.chance(0.03) ? prng.pick([0x2000, 0x0010]) : prng.pick([0, 0x4000]);
    return layers.ipv4({ ...addresses, protocol: GRE, tos, flags, options }, inside);
  }
  const [protocol, built] = prng.chance(0.12) ? extensions(prng, GRE, inside, false) : [GRE, inside];
  return layers.ipv6({ ...addresses, protocol, trafficClass: tos }, built);
}

function linkFrame(prng: Prng, packet: Built): { link: number; built: Built } {
  const isIpv4 = packet.layers[0]!.kind === layers.LayerKind.IPV4;
  const ethertype = ethertypeOf(packet);
  const number = isIpv4 ? 2 : prng.pick([10, 24, 28, 30]);
  switch (prng.below(12)) {
    case 0:
      return { link: 0, built: layers.family(number, prng.chance(0.5), packet) };
    case 1:
      return { link: 108, built: layers.family(number, false, packet) };
    case 2:
      return { link: 113, built: layers.cooked1(ethertype, packet) };
    case 3:
      return { link: 276, built: layers.cooked2(ethertype, packet) };
    case 4:
      return { link: isIpv4 ? 228 : 229, built: packet };
    case 5:
    case 6:
      return { link: 101, built: packet };
    case 7:
      return { link: 1, built: layers.ethernet(ethertype, [prng.below(65_536)], packet) };
    default:
      return { link: 1, built: layers.ethernet(ethertype, [], packet) };
  }
}

/** What most packets look like, so that the loops for them are attacked as often as all the rest. */
function commonTemplate(prng: Prng, world: World): Template {
  const common = world.spec.tunnels.filter((t) => t.mode === 'gre' && t.local.length === 4 && !t.checksum);
  if (common.length === 0) return strangeTemplate(prng, world);
  const tunnel = prng.pick(common);
  const allowed = tunnel.allowedSources?.filter(({ address }) => address.length === 4) ?? [];
  const addresses = {
    source: allowed.length > 0 ? within(prng, prng.pick(allowed)) : prng.pick(world.inner4),
    destination: prng.pick(world.inner4),
  };
  const ports = { source: prng.below(65_536), destination: 443 };
  const data = prng.bytes(prng.chance(0.8) ? prng.below(64) : tunnel.mtu - prng.between(28, 60));
  const isTcp = prng.chance(0.5);
  const segment = isTcp
    ? layers.tcp(addresses, ports, prng.pick([0x02, 0x12, 0x10]), tcpOptions(prng), data)
    : layers.udp(addresses, ports, data);
  const fields = { tos: prng.pick([0, 0, 2, 0xb8]), id: prng.below(65_536), flags: prng.pick([0, 0x4000]) };
  const packet = layers.ipv4({ ...addresses, ...fields, protocol: isTcp ? TCP : UDP }, segment);
  const side = prng.chance(0.7) ? 'underlay' : 'overlay';
  let outer = packet;
  if (side === 'underlay' && prng.chance(0.9)) {
    const sequence = prng.chance(0.2) ? prng.next() : null;
    const gre = layers.gre({ protocol: 0x0800, checksum: false, key: tunnel.key, sequence }, packet);
    const ends = { source: tunnel.remote, destination: tunnel.local };
    outer = layers.ipv4({ ...ends, protocol: GRE, flags: 0x4000 }, gre);
  }
  if (outer.bytes.length > 65_535) return strangeTemplate(prng, world);
  return prng.chance(0.5)
    ? { ...outer, side, link: 101 }
    : { ...layers.ethernet(0x0800, [], outer), side, link: 1 };
}

export function randomTemplate(prng: Prng, world: World): Template {
  return prng.chance(COMMON) ? commonTemplate(prng, world) : strangeTemplate(prng, world);
}

function strangeTemplate(prng: Prng, world: World): Template {
  const side = prng.chance(0.75) ? 'underlay' : 'overlay';
  const isTunnelled = side === 'underlay' ? prng.chance(0.8) : prng.chance(0.05);
  const plain = prng.chance(0.1) ? echoRequest : innerPacket;
  const packet = isTunnelled ? tunnelled(prng, world, 1) : plain(prng, world, null);
  if (packet.bytes.length > 65_535) return strangeTemplate(prng, world);
  const { link, built } = linkFrame(prng, packet);
  const padded = prng.chance(0.1) ? layers.pad(built, prng.bytes(prng.below(30))) : built;
  return { ...padded, side, link };
}

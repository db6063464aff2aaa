/** Sockets of the underlay by their options, for the main thread, which opens them. Numbers are Linux's. */
import type { SocketCalls } from '../native/socket-calls.js';

export const Domain = { INET: 2, INET6: 10, PACKET: 17 } as const;
export const SOCK_RAW = 3;

const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_RCVBUF = 8;
const SO_SNDBUF = 7;
const SO_ATTACH_FILTER = 26;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
const MEMINFO_WORDS = 9;
const MEMINFO_DROPS = 8;

const SOL_IP = 0;
const IP_HDRINCL = 3;
const IP_MTU_DISCOVER = 10;
const IP_RECVERR = 11;
const SOL_IPV6 = 41;
const IPV6_FLOWINFO = 11;
const IPV6_MTU_DISCOVER = 23;
const IPV6_RECVERR = 25;
const IPV6_HDRINCL = 36;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVHOPLIMIT = 51;
/** Path MTU discovery by someone else: the kernel refuses nothing on account of what it has learned. */
const PMTUDISC_PROBE = 3;

const SOL_PACKET = 263;
/** Options of AF_PACKET sockets (linux/if_packet.h), for setPacketOption. */
export const PacketOption = {
  ADD_MEMBERSHIP: 1,
  RX_RING: 5,
  STATISTICS: 6,
  VERSION: 10,
  RESERVE: 12,
  FANOUT: 18,
  FANOUT_DATA: 22,
  IGNORE_OUTGOING: 23,
} as const;
/** Values of PacketOption.VERSION. */
export const TPACKET_V2 = 1;
export const TPACKET_V3 = 2;
const FANOUT_CPU = 2;
const FANOUT_CBPF = 6;
const FANOUT_UNIQUE_ID = 0x2000;
const FANOUT_DEFRAGMENT = 0x8000;
const ETH_P_ALL = 3;

/** Default size of a socket's queue in bytes. The kernel takes twice as much, for what it adds to a packet. */
export const DEFAULT_RECEIVE_BUFFER = 8_388_608;
export const DEFAULT_SEND_BUFFER = 4_194_304;

function set(calls: SocketCalls, fd: number, level: number, name: number, value: number): void {
  calls.setSocketOption(fd, level, name, Int32Array.of(value));
}

function setBuffer(calls: SocketCalls, fd: number, forced: number, plain: number, bytes: number): void {
  try {
    set(calls, fd, SOL_SOCKET, forced, bytes);
  } catch {
    // Without CAP_NET_ADMIN: as far as net.core.[rw]mem_max allows.
    set(calls, fd, SOL_SOCKET, plain, bytes);
  }
}

export function setReceiveBuffer(calls: SocketCalls, fd: number, bytes: number): void {
  setBuffer(calls, fd, SO_RCVBUFFORCE, SO_RCVBUF, bytes);
}

export function setSendBuffer(calls: SocketCalls, fd: number, bytes: number): void {
  setBuffer(calls, fd, SO_SNDBUFFORCE, SO_SNDBUF, bytes);
}

/** Replaces the socket's filter: a packet goes through the old one or the new one. */
export function attachFilter(calls: SocketCalls, fd: number, program: Int32Array): void {
  calls.setSocketProgram(fd, SOL_SOCKET, SO_ATTACH_FILTER, program);
}

const memory = new Int32Array(MEMINFO_WORDS);

/** Packets that found the socket's queue full since it was opened, modulo 2³². */
export function droppedPackets(calls: SocketCalls, fd: number): number {
  calls.getSocketOption(fd, SOL_SOCKET, SO_MEMINFO, memory);
  return memory[MEMINFO_DROPS]!;
}

/**
 * Asks an AF_PACKET socket for what it has counted since it was last asked: packets (with those dropped), and packets
 * that found its ring full.
 */
export function packetStatistics(
  calls: SocketCalls,
  fd: number,
): readonly [packets: number, dropped: number] {
  calls.getSocketOption(fd, SOL_PACKET, PacketOption.STATISTICS, statistics);
  return [statistics[0]! >>> 0, statistics[1]! >>> 0];
}

// struct tpacket_stats_v3; that of TPACKET_V2 has the first two.
const statistics = new Int32Array(3);

const error = new Int32Array(1);

/** The error that waits for whoever uses the socket next, which it no longer does then; 0: none. */
export function socketError(calls: SocketCalls, fd: number): number {
  calls.getSocketOption(fd, SOL_SOCKET, SO_ERROR, error);
  return error[0]!;
}

/** Sets an option of an AF_PACKET socket whose value is one or several numbers. */
export function setPacketOption(
  calls: SocketCalls,
  fd: number,
  name: number,
  ...values: readonly number[]
): void {
  calls.setSocketOption(fd, SOL_PACKET, name, Int32Array.from(values));
}

/** For a raw socket that sends: packets come with their IP header, and errors are told (ENOBUFS too). */
export function sendWithHeader(calls: SocketCalls, fd: number, family: 4 | 6): void {
  if (family === 4) {
    set(calls, fd, SOL_IP, IP_HDRINCL, 1);
    set(calls, fd, SOL_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE);
    set(calls, fd, SOL_IP, IP_RECVERR, 1);
  } else {
    set(calls, fd, SOL_IPV6, IPV6_HDRINCL, 1);
    set(calls, fd, SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE);
    set(calls, fd, SOL_IPV6, IPV6_RECVERR, 1);
  }
}

/** For a raw IPv6 socket that receives: tells what stood in the header, for receiveBatch6. */
export function tellHeader6(calls: SocketCalls, fd: number): void {
  for (const option of [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_FLOWINFO])
    set(calls, fd, SOL_IPV6, option, 1);
}

/** Binds an AF_PACKET socket to an interface: from now on it takes all frames that come in there. */
export function bindToInterface(calls: SocketCalls, fd: number, interfaceIndex: number): void {
  setPacketOption(calls, fd, PacketOption.IGNORE_OUTGOING, 1);
  // struct sockaddr_ll: family (native), protocol (network order), interface (native), 12 bytes unused.
  const address = new DataView(new ArrayBuffer(20));
  address.setUint16(0, Domain.PACKET, true);
  address.setUint16(2, ETH_P_ALL);
  address.setInt32(4, interfaceIndex, true);
  calls.bindSocket(fd, new Uint8Array(address.buffer));
}

/**
 * Joins bound AF_PACKET sockets of one interface to a group, of which one member gets each frame: that whose
 * index the program answers, which one member alone needs not. IPv4 packets in fragments are put together before.
 */
export function joinFanout(calls: SocketCalls, fds: readonly number[], program: Int32Array): void {
  const [first, ...others] = fds;
  if (first === undefined) return;
  const type = (others.length > 0 ? FANOUT_CBPF : FANOUT_CPU) | FANOUT_DEFRAGMENT;
  setPacketOption(calls, first, PacketOption.FANOUT, (type | FANOUT_UNIQUE_ID) << 16);
  if (others.length === 0) return;
  const group = new Int32Array(1);
  calls.getSocketOption(first, SOL_PACKET, PacketOption.FANOUT, group);
  calls.setSocketProgram(first, SOL_PACKET, PacketOption.FANOUT_DATA, program);
  for (const fd of others)
    setPacketOption(calls, fd, PacketOption.FANOUT, (group[0]! & 0xffff) | (type << 16));
}

/** Raw sockets of protocol 47 that receive, for the main thread. */
import { IpProtocol } from '../../wire/protocol.js';
import { dropAll } from '../underlay/gre-filter.js';
import type { SocketCalls } from '../native/socket-calls.js';
import { attachFilter, Domain, setReceiveBuffer, SOCK_RAW, tellHeader6 } from '../underlay/socket-options.js';

/** −1: this machine has no IPv6. */
export interface GreSockets {
  readonly fd4: number;
  readonly fd6: number;
}

/** The descriptors of those that there are. */
export function openDescriptors({ fd4, fd6 }: GreSockets): readonly number[] {
  return [fd4, fd6].filter((fd) => fd >= 0);
}

/** Packets that come before a filter says what to take would be taken twice: nothing is, at first. */
function openGreSocket(calls: SocketCalls, family: 4 | 6, receiveBufferBytes: number): number {
  const fd = calls.openSocket(family === 4 ? Domain.INET : Domain.INET6, SOCK_RAW, IpProtocol.GRE);
  try {
    attachFilter(calls, fd, dropAll());
    setReceiveBuffer(calls, fd, receiveBufferBytes);
    if (family === 6) tellHeader6(calls, fd);
    discardQueued(calls, fd);
    return fd;
  } catch (error) {
    calls.closeDescriptor(fd);
    throw error;
  }
}

/** What came between the socket's making and its first filter. */
function discardQueued(calls: SocketCalls, fd: number): void {
  const memory = new Uint8Array(1);
  while (calls.receiveBatch(fd, memory, Int32Array.of(0, 1), 0, 1) > 0);
}

/**
 * Opens a socket for each family that take nothing until they get another filter. While they are open, the
 * kernel does not answer GRE packets with "protocol unreachable", whatever their filter.
 *
 * @throws SystemError (EPERM without CAP_NET_RAW)
 */
export function openGreSockets(calls: SocketCalls, receiveBufferBytes: number): GreSockets {
  const fd4 = openGreSocket(calls, 4, receiveBufferBytes);
  try {
    return { fd4, fd6: openGreSocket(calls, 6, receiveBufferBytes) };
  } catch (error) {
    if ((error as { code?: string }).code === 'EAFNOSUPPORT') return { fd4, fd6: -1 };
    calls.closeDescriptor(fd4);
    throw error;
  }
}

/** Gives each family's socket its filter. */
export function filterGreSockets(
  calls: SocketCalls,
  sockets: GreSockets,
  filter: (family: 4 | 6) => Int32Array,
): void {
  attachFilter(calls, sockets.fd4, filter(4));
  if (sockets.fd6 >= 0) attachFilter(calls, sockets.fd6, filter(6));
}

export function closeGreSockets(calls: SocketCalls, sockets: GreSockets): void {
  for (const fd of openDescriptors(sockets)) calls.closeDescriptor(fd);
}

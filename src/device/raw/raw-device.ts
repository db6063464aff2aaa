/**
 * The raw device: GRE packets through raw sockets and the kernel's routing. Works on every interface and needs
 * nothing but CAP_NET_RAW; the slowest of the native underlays (docs/devices.md).
 *
 * Each raw socket gets its own copy of every packet, so each worker's sockets have a filter that takes its
 * share only (gre-filter.ts).
 */
import { createDeviceCounters } from '../device-counters.js';
import { rawShareFilter } from '../underlay/gre-filter.js';
import { loadAddon } from '../native/addon.js';
import type { SocketCalls } from '../native/socket-calls.js';
import { DEFAULT_RECEIVE_BUFFER } from '../underlay/socket-options.js';
import { leastMtu, type UnderlayDevice, type UnderlayOptions } from '../underlay/underlay-options.js';
import { closeFallbackSockets, openFallbackSockets } from './fallback-sender.js';
import { closeGreSockets, filterGreSockets, openGreSockets, type GreSockets } from './gre-socket.js';
import type { RawPortSpec } from './raw-port.js';

export type RawOptions = Omit<UnderlayOptions, 'adjacencies'>;

/** Opens the device. @throws SystemError (EPERM without CAP_NET_RAW), AddonMissing */
export async function openRaw(options: RawOptions): Promise<UnderlayDevice<RawPortSpec>> {
  const calls = loadAddon();
  const closers: (() => void)[] = [];
  const close = (): void => {
    for (const closer of closers.splice(0)) closer();
  };
  try {
    const guard = openGuard(calls);
    closers.push(() => closeGreSockets(calls, guard));
    const ports = Array.from({ length: options.workers }, () => openPort(calls, options, closers));
    shareOut(calls, ports, options.locals);
    return {
      name: options.name,
      kind: 'raw',
      description: 'raw sockets: the kernel routes each packet',
      mtu: leastMtu(options.interfaces),
      ports,
      setLocals: (locals) => shareOut(calls, ports, locals),
      close: async () => close(),
    };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Sockets that take nothing. When the queues of all others are full, these keep the kernel from answering
 * "protocol unreachable".
 */
export function openGuard(calls: SocketCalls): GreSockets {
  return openGreSockets(calls, 0);
}

function openPort(calls: SocketCalls, options: RawOptions, closers: (() => void)[]): RawPortSpec {
  const receive = openGreSockets(calls, options.receiveBufferBytes ?? DEFAULT_RECEIVE_BUFFER);
  closers.push(() => closeGreSockets(calls, receive));
  const send = openFallbackSockets(calls);
  closers.push(() => closeFallbackSockets(send, calls));
  const { name, interfaces } = options;
  return { kind: 'raw', name, mtu: leastMtu(interfaces), counters: createDeviceCounters(), receive, send };
}

function shareOut(calls: SocketCalls, ports: readonly RawPortSpec[], locals: readonly Uint8Array[]): void {
  for (const [index, { receive }] of ports.entries()) {
    const share = { index, workers: ports.length };
    filterGreSockets(calls, receive, (family) => rawShareFilter(family, share, locals));
  }
}

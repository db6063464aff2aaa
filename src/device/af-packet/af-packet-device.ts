/**
 * The AF_PACKET device: GRE packets as Ethernet frames, past the kernel's routing in both directions.
 *
 *     interface ──▶ fanout group ──▶ a ring of each worker         packets of at most the MTU through these
 *                                                                  interfaces; the group puts IPv4 fragments together
 *     kernel ─────▶ raw sockets ───▶ the first worker              longer ones, which the kernel puts together, and
 *                                                                  those through other interfaces
 *
 * What the rings have had is dropped behind them, before the kernel routes it, by a program on each interface
 * (ingress-program.ts). Where the kernel refuses the program, it goes on to see every packet; the open raw
 * sockets keep it from answering "protocol unreachable".
 */
import { createDeviceCounters } from '../device-counters.js';
import {
  dropAll,
  fanoutProgram,
  packetFilter,
  rawRemainderFilter,
  type TakenInterface,
} from '../underlay/gre-filter.js';
import { loadAddon } from '../native/addon.js';
import type { SocketCalls } from '../native/socket-calls.js';
import { closeFallbackSockets, openFallbackSockets } from '../raw/fallback-sender.js';
import { closeGreSockets, filterGreSockets, openGreSockets } from '../raw/gre-socket.js';
import {
  attachFilter,
  bindToInterface,
  DEFAULT_RECEIVE_BUFFER,
  DEFAULT_SEND_BUFFER,
  Domain,
  joinFanout,
  setSendBuffer,
  SOCK_RAW,
} from '../underlay/socket-options.js';
import {
  leastMtu,
  type UnderlayDevice,
  type UnderlayInterface,
  type UnderlayOptions,
} from '../underlay/underlay-options.js';
import type { AfPacketPortSpec } from './af-packet-port.js';
import { addFrameRing, type FrameRing } from './frame-ring.js';
import { openIngressDrop } from './ingress-drop.js';
import { masterIndexes } from './masters.js';

export interface AfPacketOptions extends UnderlayOptions {
  /** Ethernet interfaces, at least one. */
  readonly interfaces: readonly UnderlayInterface[];
}

/** An interface with a socket and its ring for each worker. */
interface OpenedInterface extends TakenInterface {
  readonly rings: readonly FrameRing[];
}

/** Opens the device. @throws SystemError (EPERM without CAP_NET_RAW; ENODEV), AddonMissing */
export async function openAfPacket(options: AfPacketOptions): Promise<UnderlayDevice<AfPacketPortSpec>> {
  const calls = loadAddon();
  const closers: (() => void)[] = [];
  const close = (): void => {
    // Last opened first: the raw sockets, which keep the kernel quiet, go last.
    for (const closer of closers.splice(0).reverse()) closer();
  };
  const { name, workers, interfaces, adjacencies } = options;
  const receiveBuffer = options.receiveBufferBytes ?? DEFAULT_RECEIVE_BUFFER;
  if (interfaces.length === 0) throw new RangeError('af_packet: expected at least one interface');
  try {
    const remainder = openGreSockets(calls, receiveBuffer);
    closers.push(() => closeGreSockets(calls, remainder));
    const size = { bytes: receiveBuffer, rings: interfaces.length };
    const opened = interfaces.map((item) => openInterface(calls, item, workers, size, closers));
    const taken = opened.flatMap(({ index, mtu }, i) => [
      { index, mtu },
      ...masterIndexes(interfaces[i]!.name).map((master) => ({ index: master, mtu })),
    ]);
    const filter = (locals: readonly Uint8Array[]): void => {
      filterGreSockets(calls, remainder, (family) => rawRemainderFilter(family, taken, locals));
      for (const { mtu, rings } of opened) {
        for (const { fd } of rings) attachFilter(calls, fd, packetFilter(mtu, locals));
      }
    };
    const ports = Array.from({ length: workers }, (_, worker): AfPacketPortSpec => {
      const fallback = openFallbackSockets(calls);
      closers.push(() => closeFallbackSockets(fallback, calls));
      return {
        kind: 'af_packet',
        name,
        mtu: leastMtu(interfaces),
        counters: createDeviceCounters(),
        rings: opened.map(({ rings }) => rings[worker]!),
        remainder: worker === 0 ? remainder : null,
        fallback,
        adjacencies,
      };
    });
    filter(options.locals);
    // Only now, when the rings take what it drops.
    const drop = openIngressDrop(calls, interfaces);
    if (drop !== null) closers.push(drop.close);
    drop?.add(options.locals);
    const setLocals = (locals: readonly Uint8Array[]): void => {
      // At no time is anything dropped that the filters do not take.
      drop?.retain(locals);
      filter(locals);
      drop?.add(locals);
    };
    const on = interfaces.map((item) => item.name).join(', ');
    return {
      name,
      kind: 'af_packet',
      description: `af_packet on ${on}, ${drop === null ? 'the kernel keeps a copy' : 'taken at ingress'}`,
      mtu: leastMtu(interfaces),
      ports,
      setLocals,
      close: async () => close(),
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Opens the sockets of an interface; they take nothing yet. */
function openInterface(
  calls: SocketCalls,
  { index, mtu }: UnderlayInterface,
  workers: number,
  size: { readonly bytes: number; readonly rings: number },
  closers: (() => void)[],
): OpenedInterface {
  const rings = Array.from({ length: workers }, (): FrameRing => {
    // Protocol 0 takes no frames before the socket is bound.
    const fd = calls.openSocket(Domain.PACKET, SOCK_RAW, 0);
    closers.push(() => calls.closeDescriptor(fd));
    attachFilter(calls, fd, dropAll());
    const state = addFrameRing(calls, fd, { mtu, ...size });
    setSendBuffer(calls, fd, DEFAULT_SEND_BUFFER);
    bindToInterface(calls, fd, index);
    return { index, fd, state };
  });
  const fds = rings.map(({ fd }) => fd);
  joinFanout(calls, fds, fanoutProgram(workers));
  return { index, mtu, rings };
}

/**
 * Opens AF_XDP on network interfaces: the XDP program in front of them, and for each worker a socket on each
 * interface. This is the main thread's part; a worker makes an AfXdpPort of its spec.
 */
import { closeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { createDeviceCounters } from '../device-counters.js';
import { loadAddon, type Addon, type SystemError } from '../native/addon.js';
import { BpfMap, XdpMode } from '../native/xdp-calls.js';
import { openFallbackSockets } from '../raw/fallback-sender.js';
import { filterGreSockets, openDescriptors, openGreSockets } from '../raw/gre-socket.js';
import { rawShareFilter } from '../underlay/gre-filter.js';
import { LocalsMap } from '../underlay/locals-map.js';
import { DEFAULT_RECEIVE_BUFFER } from '../underlay/socket-options.js';
import { leastMtu, type UnderlayDevice, type UnderlayInterface } from '../underlay/underlay-options.js';
import { shiftFor } from './layout.js';
import { xdpProgram } from './program.js';
import { bindQueues, socketsOf, type Queue } from './queues.js';
import { AfXdpRefused, type AfXdpOptions, type AfXdpPortSpec } from './spec.js';

const LOCALS_MAXIMUM = 65_536;
const WORKERS_MAXIMUM = 64;
const BUSY_TRIES = 20;
const BUSY_WAIT_MS = 25;

/** @throws AfXdpRefused when this kernel, these interfaces or our privileges do not allow it; AddonMissing */
export async function openAfXdp(options: AfXdpOptions): Promise<UnderlayDevice<AfXdpPortSpec>> {
  const addon = loadAddon();
  const { interfaces = [], workers } = options;
  const where = interfaces.map(({ name }) => name).join(', ');
  if (interfaces.length === 0) throw new AfXdpRefused('af_xdp needs the name of an interface');
  if (workers > WORKERS_MAXIMUM) throw new AfXdpRefused(`af_xdp has at most ${WORKERS_MAXIMUM} workers`);
  const largest = Math.max(...interfaces.map(({ mtu }) => mtu));
  const shift = shiftFor(largest);
  if (shift === null) {
    throw new AfXdpRefused(
      `af_xdp on ${where}: packets of ${largest} bytes (the MTU) do not fit into a page`,
    );
  }
  for (let left = BUSY_TRIES; ; left--) {
    const descriptors: number[] = [];
    try {
      return open(addon, options, interfaces, shift, descriptors);
    } catch (error) {
      closeAll(descriptors);
      const { code, syscall } = error as Partial<SystemError>;
      if (syscall === undefined) throw error;
      // A queue is free only some time after its last socket has been closed.
      if (code !== 'EBUSY' || left === 0) {
        throw new AfXdpRefused(`af_xdp on ${where}: ${reasonOf(error as SystemError)}`, { cause: error });
      }
    }
    await setTimeout(BUSY_WAIT_MS);
  }
}

function open(
  addon: Addon,
  options: AfXdpOptions,
  interfaces: readonly UnderlayInterface[],
  shift: number,
  descriptors: number[],
): UnderlayDevice<AfXdpPortSpec> {
  const { name, workers, adjacencies, mode = 'generic' } = options;
  const keep = (fd: number): number => {
    descriptors.push(fd);
    return fd;
  };
  const { umem, rings, queues } = bindQueues(addon, keep, {
    interfaces,
    workers,
    receiveBytes: options.receiveBufferBytes ?? DEFAULT_RECEIVE_BUFFER,
    shift,
    zeroCopy: mode === 'driver',
  });
  const receiveBytes = options.receiveBufferBytes ?? DEFAULT_RECEIVE_BUFFER;
  const remainder = openGreSockets(addon, receiveBytes);
  openDescriptors(remainder).forEach(keep);
  const mtu = leastMtu(interfaces);
  const ports = Array.from({ length: workers }, (_, port): AfXdpPortSpec => {
    const fallback = openFallbackSockets(addon);
    openDescriptors(fallback).forEach(keep);
    return {
      kind: 'af_xdp',
      name,
      mtu,
      counters: createDeviceCounters(),
      port,
      umem,
      rings,
      sockets: socketsOf(queues, port),
      remainder: port === 0 ? remainder : null,
      fallback,
      adjacencies,
    };
  });
  const addresses = LocalsMap.create(addon, LOCALS_MAXIMUM);
  keep(addresses.fd);
  const setLocals = (locals: readonly Uint8Array[]): void => {
    // What the program takes never reaches the raw sockets: whatever does is theirs.
    filterGreSockets(addon, remainder, (family) => rawShareFilter(family, { index: 0, workers: 1 }, locals));
    addresses.add(locals);
    addresses.retain(locals);
  };
  setLocals(options.locals);
  for (const one of interfaces) {
    const own = queues.filter((queue) => queue.interface === one);
    const program = keep(loadProgram(addon, keep, own, addresses.fd));
    keep(addon.bpfLinkXdp(program, one.index, mode === 'driver' ? XdpMode.DRIVER : XdpMode.SKB));
  }
  const on = interfaces.map((one) => one.name).join(', ');
  return {
    name,
    kind: 'af_xdp',
    description: `af_xdp on ${on}: ${mode} mode, ${count(queues.length, 'queue')}, ${count(workers, 'worker')}`,
    mtu,
    ports,
    setLocals,
    close: async () => closeAll(descriptors),
  };
}

/** Last opened first: the programs go before the sockets. */
function closeAll(descriptors: number[]): void {
  for (const fd of descriptors.splice(0).reverse()) closeSync(fd);
}

/** The program of one interface, with the map of its sockets. */
function loadProgram(
  addon: Addon,
  keep: (fd: number) => number,
  queues: readonly Queue[],
  locals: number,
): number {
  const spread = Math.max(...queues.map((queue) => queue.sockets.length));
  const sockets = keep(addon.bpfMapCreate(BpfMap.XSK, 4, 4, queues.length * spread));
  for (const queue of queues) {
    for (let i = 0; i < spread; i++) {
      const { fd } = queue.sockets[i % queue.sockets.length]!;
      const entry = new Uint8Array(Uint32Array.of(queue.number * spread + i, fd).buffer);
      addon.bpfMapSet(sockets, entry.subarray(0, 4), entry.subarray(4));
    }
  }
  return addon.bpfLoadXdp(xdpProgram({ locals, sockets, spread }));
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function reasonOf(error: SystemError): string {
  switch (error.code) {
    case 'EPERM':
    case 'EACCES':
      return `takes CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (${error.message})`;
    case 'EAFNOSUPPORT':
      return 'this kernel has no AF_XDP, or a sandbox keeps it away (RestrictAddressFamilies of systemd)';
    case 'EBUSY':
    case 'EEXIST':
      return error.syscall === 'bpf'
        ? 'there is another XDP program on it'
        : 'another program has an AF_XDP socket on it';
    case 'EOPNOTSUPP':
      return `the driver does not take it (${error.message})`;
    case 'ENOBUFS':
      return `more memory than may be locked (ulimit -l, LimitMEMLOCK): ${error.message}`;
    default:
      return error.message;
  }
}

/**
 * Underlay devices over the optional npm packages `raw-socket` and `cap`: slow, and for machines where the
 * native ones cannot be had. The package runs in a helper process (protocol.ts).
 */
import { createDeviceCounters } from '../device-counters.js';
import { loadAddon } from '../native/addon.js';
import type { SocketCalls } from '../native/socket-calls.js';
import { closeFallbackSockets, openFallbackSockets } from '../raw/fallback-sender.js';
import { closeGreSockets } from '../raw/gre-socket.js';
import { openGuard, type RawOptions } from '../raw/raw-device.js';
import { setSendBuffer } from '../underlay/socket-options.js';
import {
  leastMtu,
  type UnderlayDevice,
  type UnderlayInterface,
  type UnderlayOptions,
} from '../underlay/underlay-options.js';
import { Helper } from './helper.js';
import type { PackageChannel, PackagePortSpec } from './package-port.js';

/** Bytes that may wait in a channel in each direction. */
const CHANNEL_BYTES = 4_194_304;

/** What is open, and how it is closed. */
interface Resources {
  readonly calls: SocketCalls;
  readonly helpers: Helper[];
  readonly closers: (() => void)[];
}

/** Opens the device over `raw-socket`. @throws PackageError: a missing package, no permission; AddonMissing */
export async function openRawSocketPackage(options: RawOptions): Promise<UnderlayDevice<PackagePortSpec>> {
  return openDevice('raw-socket', options, async (resources) => {
    const channels = await startHelper(resources, 'raw-socket', null, options);
    return channels.map((fd) => ({ channels: [{ fd, index: 0 }], link: null }));
  });
}

/** Opens the device over `cap`, on the Ethernet interfaces named. @throws as openRawSocketPackage */
export async function openCapPackage(options: UnderlayOptions): Promise<UnderlayDevice<PackagePortSpec>> {
  return openDevice('cap', options, async (resources) => {
    const { interfaces = [], workers, adjacencies } = options;
    if (interfaces.length === 0) throw new RangeError('cap: expected at least one interface');
    const byWorker = Array.from({ length: workers }, (): PackageChannel[] => []);
    for (const item of interfaces) {
      const channels = await startHelper(resources, 'cap', item, options);
      for (const [worker, fd] of channels.entries()) byWorker[worker]!.push({ fd, index: item.index });
    }
    return byWorker.map((channels) => {
      const fallback = openFallbackSockets(resources.calls);
      resources.closers.push(() => closeFallbackSockets(fallback, resources.calls));
      return { channels, link: { adjacencies, fallback } };
    });
  });
}

async function openDevice(
  kind: 'raw-socket' | 'cap',
  options: RawOptions,
  open: (resources: Resources) => Promise<Pick<PackagePortSpec, 'channels' | 'link'>[]>,
): Promise<UnderlayDevice<PackagePortSpec>> {
  const calls = loadAddon();
  const resources: Resources = { calls, helpers: [], closers: [] };
  const close = async (): Promise<void> => {
    await Promise.all(resources.helpers.splice(0).map((helper) => helper.close()));
    for (const closer of resources.closers.splice(0)) closer();
  };
  const { name, interfaces } = options;
  try {
    // Neither package keeps the kernel from answering "protocol unreachable" when it is busy.
    const guard = openGuard(calls);
    resources.closers.push(() => closeGreSockets(calls, guard));
    const mtu = leastMtu(interfaces);
    const ports = (await open(resources)).map((parts) => ({
      kind,
      name,
      mtu,
      counters: createDeviceCounters(),
      ...parts,
    }));
    return {
      name,
      kind,
      description: descriptionOf(kind, interfaces ?? []),
      mtu,
      ports,
      setLocals: (locals) => {
        for (const helper of resources.helpers) helper.setLocals(locals.map(hexOf));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts a helper; returns each worker's end of its channel. */
async function startHelper(
  { calls, helpers, closers }: Resources,
  kind: 'raw-socket' | 'cap',
  item: UnderlayInterface | null,
  { workers, locals }: RawOptions,
): Promise<number[]> {
  const pairs = Array.from({ length: workers }, () => {
    const pair = calls.openSocketPair();
    for (const fd of pair) {
      closers.push(() => calls.closeDescriptor(fd));
      setSendBuffer(calls, fd, CHANNEL_BYTES);
    }
    return pair;
  });
  const settings = {
    package: kind,
    interface: item?.name ?? null,
    mac: item === null ? null : hexOf(item.mac),
    locals: locals.map(hexOf),
    workers,
  };
  // This process keeps both ends: packets wait in the channel while a helper is started again.
  const helper = await Helper.start(
    settings,
    pairs.map(([, theirs]) => theirs),
  );
  helpers.push(helper);
  return pairs.map(([ours]) => ours);
}

function descriptionOf(kind: string, interfaces: readonly UnderlayInterface[]): string {
  const where = kind === 'cap' ? ` on ${interfaces.map(({ name }) => name).join(', ')}` : '';
  return `npm package ${kind}${where}: portable and slow`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

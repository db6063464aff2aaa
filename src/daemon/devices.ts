/** The two devices of a daemon: opened for a configuration, kept over a reload where they can be. */
import type { UnderlayConfig } from '../config/daemon-config.js';
import { overheadOfTunnel } from '../config/overhead.js';
import { openDiscard } from '../device/discard.js';
import type { OpenedDevice } from '../device/port.js';
import { openTun } from '../device/tun/open-tun.js';
import type { TunSettings } from '../device/tun/tun-options.js';
import { openUnderlay, type UnderlayTunnel } from '../device/underlay/underlay.js';
import type { Plan } from './plan.js';
import type { AnyPortSpec } from './ports.js';
import { openSynthetic } from './synthetic.js';

export interface HeldDevice {
  readonly side: 'underlay' | 'overlay';
  /** All of the configuration that cannot change while the device is open. */
  readonly key: string;
  readonly device: OpenedDevice<AnyPortSpec>;
  /** What works, but perhaps not as expected; a line each. */
  warnings: readonly string[];
  /** Takes over what may have changed. */
  update(plan: Plan): void;
  /** Names of the kernel's interfaces that it works on. */
  readonly interfaces: readonly string[];
  /** Looks for what works, but perhaps not as expected, anew. */
  check(): void;
  /** The interface has been down, and the kernel has taken routes and addresses from it: sets it up once more. */
  restore(): void;
}

/** A device without an interface of the kernel's. */
const NO_INTERFACE = { interfaces: [], check: () => undefined, restore: () => undefined };

export interface DeviceSet {
  readonly underlay: HeldDevice;
  readonly overlay: HeldDevice;
}

/** Of all workers, for an overlay that makes traffic itself. */
const OVERLAY_PACKETS_PER_SECOND = 10_000;
/** MTU of an underlay that is none. */
const ETHERNET_MTU = 1500;
/** MTU of the overlay without any tunnel: of plain GRE over IPv4. */
const DEFAULT_MTU = 1476;

/**
 * The devices for a configuration: those of `previous` that fit, and new ones. When one cannot be opened, none
 * stays open that was not before.
 *
 * @param isGone whether the interfaces of a device are no more, so that it is of no use
 */
export async function acquireDevices(
  plan: Plan,
  previous: DeviceSet | null,
  isGone: (held: HeldDevice) => boolean,
): Promise<DeviceSet> {
  const usable = (side: HeldDevice['side']): HeldDevice | undefined => {
    const held = previous?.[side];
    return held === undefined || isGone(held) ? undefined : held;
  };
  const underlay = await acquire('underlay', plan, usable('underlay'));
  try {
    return { underlay, overlay: await acquire('overlay', plan, usable('overlay')) };
  } catch (error) {
    if (underlay !== previous?.underlay) await underlay.device.close();
    throw error;
  }
}

/** Devices of `held` that are not in `kept`. */
export function devicesOnlyIn(held: DeviceSet, kept: DeviceSet | null): HeldDevice[] {
  return [held.underlay, held.overlay].filter(
    (device) => device !== kept?.underlay && device !== kept?.overlay,
  );
}

/** Lets the devices that both sets have take over what the plan changes. */
export function updateKept(devices: DeviceSet, before: DeviceSet, plan: Plan): void {
  for (const held of [devices.underlay, devices.overlay]) {
    if (held === before.underlay || held === before.overlay) held.update(plan);
  }
}

export async function closeDevices(devices: readonly HeldDevice[]): Promise<void> {
  await Promise.all(devices.map(({ device }) => device.close()));
}

async function acquire(
  side: 'underlay' | 'overlay',
  plan: Plan,
  held: HeldDevice | undefined,
): Promise<HeldDevice> {
  const key = keyOf(side, plan);
  if (held?.key === key) return held;
  if (side === 'underlay') return openUnderlayFor(plan, key);
  refuseSameName(plan, held);
  return openOverlayFor(plan, key);
}

/** A kernel interface cannot be opened a second time while it is in use: it would have to be closed before. */
function refuseSameName({ config }: Plan, held: HeldDevice | undefined): void {
  const { name, type } = config.daemon.overlay;
  const isKernels = (kind: string): boolean => kind === 'tun' || kind === 'tap';
  if (held === undefined || held.device.name !== name || !isKernels(type) || !isKernels(held.device.kind))
    return;
  throw new Error(
    `daemon.overlay: ${name} is in use, and neither its type nor offload nor the number of workers can change ` +
      'in use: give it another name, or start the daemon again',
  );
}

function keyOf(side: 'underlay' | 'overlay', { config, workers }: Plan): string {
  const { underlay, overlay } = config.daemon;
  const { type, name, offload } = overlay;
  return JSON.stringify([workers, side === 'underlay' ? underlay : { type, name, offload }]);
}

/** MTU of the overlay: as configured, or the largest of a tunnel. */
function overlayMtu({ daemon, tunnels }: Plan['config']): number {
  if (daemon.overlay.mtu !== 'auto') return daemon.overlay.mtu;
  return tunnels.reduce((largest, { mtu }) => Math.max(largest, mtu), 0) || DEFAULT_MTU;
}

async function openUnderlayFor(plan: Plan, key: string): Promise<HeldDevice> {
  const { underlay } = plan.config.daemon;
  if (underlay.type === 'synthetic') return openSyntheticUnderlay(plan, underlay, key);
  const device = await openUnderlay({
    type: underlay.type,
    interfaces: underlay.interface,
    tunnels: underlayTunnels(plan),
    workers: plan.workers,
    receiveBufferBytes: underlay.receive_buffer,
  });
  const held: HeldDevice = {
    side: 'underlay',
    key,
    device,
    warnings: device.warnings,
    update: (next) => {
      held.warnings = device.setTunnels(underlayTunnels(next));
    },
    interfaces: device.interfaces,
    check: () => {
      held.warnings = device.check();
    },
    restore: () => undefined,
  };
  return held;
}

function openSyntheticUnderlay(plan: Plan, { synthetic }: UnderlayConfig, key: string): HeldDevice {
  if (synthetic === null) throw new RangeError('no synthetic settings');
  const device = openSynthetic(
    {
      name: 'synthetic',
      mtu: ETHERNET_MTU,
      workers: plan.workers,
      traffic: 'mixed',
      packetsPerSecond: synthetic.packets_per_second,
      faultShare: synthetic.faults,
      seed: synthetic.seed,
    },
    plan.spec,
  );
  return {
    side: 'underlay',
    key,
    device,
    warnings: [],
    update: ({ spec }) => {
      device.update(spec);
    },
    ...NO_INTERFACE,
  };
}

async function openOverlayFor(plan: Plan, key: string): Promise<HeldDevice> {
  const { type, name, offload } = plan.config.daemon.overlay;
  const { workers } = plan;
  let current = tunSettings(plan);
  const { mtu } = current;
  if (type === 'discard') {
    const device = openDiscard({ name, mtu, workers });
    return { side: 'overlay', key, device, warnings: [], update: () => undefined, ...NO_INTERFACE };
  }
  if (type === 'synthetic') {
    const device = openSynthetic(
      {
        ...{ name, mtu, workers, traffic: 'overlay' },
        ...{ packetsPerSecond: OVERLAY_PACKETS_PER_SECOND, faultShare: 0, seed: 1 },
      },
      plan.spec,
    );
    return {
      side: 'overlay',
      key,
      device,
      warnings: [],
      update: ({ spec }) => {
        device.update(spec);
      },
      ...NO_INTERFACE,
    };
  }
  const device = await openTun({ name, kind: type, workers, offload, ...current });
  const held: HeldDevice = {
    side: 'overlay',
    key,
    device,
    warnings: device.warnings,
    update: (next) => {
      current = tunSettings(next);
      held.warnings = device.update(current);
    },
    interfaces: [device.name],
    check: () => undefined,
    restore: () => {
      device.update({ ...current, addresses: [], routes: [] });
      held.warnings = device.update(current);
    },
  };
  return held;
}

/** The interface has the tunnels' own addresses, so that their peers are reached through it, and what is configured. */
function tunSettings({ config }: Plan): TunSettings {
  const { addresses, routes } = config.daemon.overlay;
  const own = config.tunnels.flatMap((tunnel) => [tunnel.interface_address, tunnel.interface_address6]);
  return {
    mtu: overlayMtu(config),
    addresses: [...new Set([...own.filter((address) => address !== null), ...addresses])],
    routes,
    tunnels: config.tunnels.map(({ name, mtu }) => ({ name, mtu })),
  };
}

function underlayTunnels({ config, spec }: Plan): UnderlayTunnel[] {
  return config.tunnels.map((tunnel, i) => ({
    name: tunnel.name,
    local: spec.tunnels[i]!.local,
    remote: spec.tunnels[i]!.remote,
    outerBytes: tunnel.mtu + overheadOfTunnel(tunnel).total,
  }));
}

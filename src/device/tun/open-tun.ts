/** Opens a TUN or TAP: makes it or takes it over, sets its MTU, addresses and routes, and brings it up. */
import { closeSync } from 'node:fs';
import { createDeviceCounters, DeviceCount } from '../device-counters.js';
import { loadAddon } from '../native/addon.js';
import { NetlinkError } from '../netlink/netlink-error.js';
import { Netlink } from '../netlink/netlink.js';
import type { OpenedDevice } from '../port.js';
import { openQueues, type TunQueues } from './open-queues.js';
import { TunInterface } from './tun-interface.js';
import { checkOptions, mtuWarnings, type TunOptions, type TunSettings } from './tun-options.js';
import type { TunPortSpec } from './tun-port-spec.js';

/** How often the kernel is asked how many packets found the queues full. */
const DROPS_MS = 1000;

export interface OpenedTun extends OpenedDevice<TunPortSpec> {
  /** What was found at the start that works, but perhaps not as expected. */
  readonly warnings: readonly string[];
  /**
   * Changes what may change while the device is open; returns the warnings. Throws TunError or NetlinkError;
   * some of the changes may then have been made.
   */
  update(settings: TunSettings): string[];
}

/**
 * Opens the device in the network namespace of this process.
 *
 * @throws TunError that says what to do
 * @throws NetlinkError when the interface cannot be set up as asked
 * @throws AddonMissing
 */
export async function openTun(options: TunOptions): Promise<OpenedTun> {
  checkOptions(options);
  const addon = loadAddon();
  const netlink = new Netlink(addon);
  let queues: TunQueues | null = null;
  try {
    queues = openQueues(addon, options, netlink.linkByName(options.name));
    return new Tun(options, netlink, queues);
  } catch (error) {
    for (const fd of queues?.fds ?? []) closeSync(fd);
    netlink.close();
    throw error;
  }
}

class Tun implements OpenedTun {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly ports: readonly TunPortSpec[];
  readonly warnings: readonly string[];
  mtu: number;
  private readonly interface: TunInterface;
  private readonly timer: NodeJS.Timeout;
  private isOpen = true;

  constructor(
    options: TunOptions,
    private readonly netlink: Netlink,
    private readonly queues: TunQueues,
  ) {
    const { kind, offload, mtu } = options;
    const { name, udp } = queues;
    this.name = name;
    this.kind = kind;
    this.mtu = mtu;
    this.interface = new TunInterface(netlink, name, queues.isPersistent);
    this.warnings = this.update(options);
    this.ports = queues.fds.map((fd) => ({
      name,
      kind,
      fd,
      mtu: this.mtu,
      offload,
      udp,
      counters: createDeviceCounters(),
    }));
    this.timer = setInterval(() => this.countDrops(), DROPS_MS).unref();
    const count = this.ports.length;
    const segments = udp ? 'large segments of TCP and UDP' : 'large segments of TCP';
    this.description = [
      `${kind} ${name}`,
      queues.isPersistent ? 'taken over (persistent)' : 'created',
      `${count} queue${count === 1 ? '' : 's'}`,
      offload ? segments : 'no large segments',
    ].join(', ');
  }

  update(settings: TunSettings): string[] {
    checkOptions({ name: this.name, ...settings });
    const warnings = this.interface.apply(settings);
    this.mtu = this.interface.mtu;
    return [...warnings, ...mtuWarnings(this.name, this.mtu, settings.tunnels)];
  }

  /** The kernel counts for the interface, not for each queue: the first port, which counts none itself, has them all. */
  private countDrops(): void {
    try {
      this.ports[0]!.counters[DeviceCount.rx_dropped_queue] = this.interface.dropped();
    } catch (error) {
      // The interface is gone.
      if (!(error instanceof NetlinkError)) throw error;
    }
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    clearInterval(this.timer);
    this.countDrops();
    // The kernel removes an interface that is not persistent with its last descriptor.
    if (this.queues.isPersistent) this.interface.restore();
    for (const fd of this.queues.fds) closeSync(fd);
    this.netlink.close();
  }
}

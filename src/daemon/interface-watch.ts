/**
 * What becomes of the kernel's interfaces under the devices: one that somebody deletes, sets down or gives another
 * MTU while packets go through it. The log tells of it at once, /readyz and the metrics as long as it lasts.
 */
import { loadAddon } from '../device/native/addon.js';
import { LinkWatch, type WatchedLink } from '../device/netlink/link-watch.js';
import type { DeviceSet, HeldDevice } from './devices.js';
import type { DaemonLog } from './log.js';

type Side = HeldDevice['side'];

export class InterfaceWatch {
  private held: DeviceSet | null = null;
  private readonly watches = new Map<Side, LinkWatch>();

  constructor(private readonly log: DaemonLog) {}

  /** Follows the interfaces of these devices from now on. Where the kernel does not tell, the log says so once. */
  takeUp(devices: DeviceSet): void {
    const before = this.held;
    this.held = devices;
    for (const held of [devices.underlay, devices.overlay]) {
      if (before?.[held.side] === held) continue;
      this.watches.get(held.side)?.close();
      this.watches.delete(held.side);
      const watch = this.follow(held);
      if (watch !== null) this.watches.set(held.side, watch);
    }
  }

  /** Why a device cannot do its work, a sentence each; empty when it can. */
  problemsOf(held: HeldDevice): string[] {
    return this.linksOf(held).flatMap((link) => problemOf(held, link) ?? []);
  }

  /** Largest packet that all its interfaces carry, bytes. */
  mtuOf(held: HeldDevice): number {
    const links = this.linksOf(held);
    return links.length === 0 ? held.device.mtu : Math.min(...links.map(({ mtu }) => mtu));
  }

  /** Whether none of its interfaces is there any more. */
  isGone(held: HeldDevice): boolean {
    const links = this.linksOf(held);
    return links.length > 0 && links.every(({ state }) => state === 'gone');
  }

  close(): void {
    for (const watch of this.watches.values()) watch.close();
    this.watches.clear();
    this.held = null;
  }

  private linksOf(held: HeldDevice): readonly WatchedLink[] {
    return this.held?.[held.side] === held ? (this.watches.get(held.side)?.links ?? []) : [];
  }

  private follow(held: HeldDevice): LinkWatch | null {
    if (held.interfaces.length === 0) return null;
    try {
      const watch = new LinkWatch(loadAddon(), {
        names: held.interfaces,
        onChange: (now, before) => this.changed(held, now, before),
      });
      for (const link of watch.links) this.tellState(held, link);
      return watch;
    } catch (error) {
      this.log.warn({ reason: String(error) }, `${held.side}: changes of its interfaces are not noticed`);
      return null;
    }
  }

  private changed(held: HeldDevice, now: WatchedLink, before: WatchedLink): void {
    if (now.state !== before.state) {
      this.tellState(held, now);
      if (now.state === 'running') {
        this.log.repeated('info', { device: now.name }, `${held.side}: ${now.name} is running again`);
        if (before.state === 'down') this.attempt(held, () => held.restore());
      }
    }
    if (now.mtu !== before.mtu) this.tellMtu(held, now, before);
  }

  private tellState(held: HeldDevice, link: WatchedLink): void {
    const problem = problemOf(held, link);
    if (problem !== null) this.log.repeated('error', { device: link.name }, `${held.side}: ${problem}`);
  }

  private tellMtu(held: HeldDevice, { name, mtu }: WatchedLink, before: WatchedLink): void {
    const fields = { device: name, mtu, before: before.mtu };
    if (held.side === 'underlay') {
      this.log.repeated('warn', fields, `underlay: the MTU of ${name} has changed`);
      const known = new Set(held.warnings);
      this.attempt(held, () => held.check());
      for (const warning of held.warnings) if (!known.has(warning)) this.log.repeated('warn', {}, warning);
    } else if (mtu !== held.device.mtu) {
      const message = `overlay: somebody has changed the MTU of ${name}, which should be ${held.device.mtu}`;
      this.log.repeated('warn', fields, message);
    }
  }

  private attempt(held: HeldDevice, change: () => void): void {
    try {
      change();
    } catch (error) {
      this.log.repeated('warn', { reason: String(error) }, `${held.side}: it could not be set up again`);
    }
  }
}

/** Null when there is none. */
function problemOf({ side, interfaces }: HeldDevice, { name, state }: WatchedLink): string | null {
  switch (state) {
    case 'running':
      return null;
    case 'no carrier':
      return `${name} has no carrier`;
    case 'down':
      return `${name} is down: ip link set ${name} up`;
    case 'gone': {
      const gone = `${name} is gone (deleted, or moved to another network namespace)`;
      if (side === 'overlay') return `${gone}: grebe reload makes it anew`;
      const again = interfaces.length === 1 ? 'grebe reload' : 'start grebe again';
      return `${gone}: when it is there again, ${again}`;
    }
  }
}

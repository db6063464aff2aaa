/**
 * The underlay: where GRE packets leave and arrive. Chooses the device, keeps the next hops of the fast ones
 * true, and says what does not agree with the machine.
 *
 *     af_packet, af_xdp   frames to the next hop's link address; packets without one go through the kernel
 *     raw                 raw sockets; the kernel routes each packet
 *     raw-socket, cap     npm packages in place of raw and af_packet
 */
import { Adjacencies } from './adjacency.js';
import { openAfPacket } from '../af-packet/af-packet-device.js';
import type { AfPacketPortSpec } from '../af-packet/af-packet-port.js';
import { openAfXdp } from '../af-xdp/open.js';
import type { AfXdpPortSpec } from '../af-xdp/spec.js';
import { openCapPackage, openRawSocketPackage } from '../fallback/package-device.js';
import type { PackagePortSpec } from '../fallback/package-port.js';
import { loadAddon, type Addon, type SystemError } from '../native/addon.js';
import { Netlink } from '../netlink/netlink.js';
import { Neighbours, type NeighbourState } from './neighbours.js';
import type { OpenedDevice } from '../port.js';
import { openRaw } from '../raw/raw-device.js';
import type { RawPortSpec } from '../raw/raw-port.js';
import {
  checkLocals,
  checkOffloads,
  checkRoutes,
  checkSizes,
  type UnderlayTunnel,
} from './underlay-checks.js';
import { localsOf, planUnderlay, UnderlayError, type UnderlayPlan } from './underlay-choice.js';
import type { UnderlayDevice } from './underlay-options.js';
import { addressKey } from './underlay-route.js';

export { UnderlayError } from './underlay-choice.js';
export type { UnderlayTunnel } from './underlay-checks.js';

/** By Ethernet frames, and through the kernel's routing. */
const FRAME_OPENERS = { af_packet: openAfPacket, af_xdp: openAfXdp, cap: openCapPackage };
const ROUTED_OPENERS = { raw: openRaw, 'raw-socket': openRawSocketPackage };

export type UnderlayKind = keyof typeof FRAME_OPENERS | keyof typeof ROUTED_OPENERS;
export type UnderlayPortSpec = AfPacketPortSpec | AfXdpPortSpec | RawPortSpec | PackagePortSpec;

/** What the kernel says to those who lack a capability. */
const FORBIDDEN = ['EPERM', 'EACCES'];

export interface OpenUnderlayOptions {
  readonly type: 'auto' | UnderlayKind;
  /** Names; `auto`: those that the kernel's routes to the tunnels take. */
  readonly interfaces: 'auto' | readonly string[];
  readonly tunnels: readonly UnderlayTunnel[];
  readonly workers: number;
  /** Bytes of each socket's queue. */
  readonly receiveBufferBytes?: number;
  /** Told when a remote address can be reached by frames from now on, or no longer. */
  readonly onNextHop?: (state: NeighbourState) => void;
}

export interface OpenedUnderlay extends OpenedDevice<UnderlayPortSpec> {
  /** What does not agree with this machine, a sentence each. */
  readonly warnings: readonly string[];
  /** Names of its Ethernet interfaces. */
  readonly interfaces: readonly string[];
  /** Takes up the tunnels of a new configuration; returns what does not agree now. */
  setTunnels(tunnels: readonly UnderlayTunnel[]): string[];
  /** What does not agree with the machine as it is now. */
  check(): string[];
  /** What is known of each remote address; empty where the kernel routes each packet. */
  nextHops(): NeighbourState[];
}

/**
 * @throws UnderlayError when it cannot be had, with the reason
 * @throws AddonMissing without the native addon
 */
export async function openUnderlay(options: OpenUnderlayOptions): Promise<OpenedUnderlay> {
  const addon = loadAddon();
  const { type, tunnels, interfaces } = options;
  const netlink = new Netlink(addon);
  try {
    const plan = planUnderlay(netlink, tunnels, interfaces);
    const { device, neighbours, reason } =
      type === 'auto' ? await openBest(addon, plan, options) : await open(addon, type, plan, options);
    const description = reason === null ? device.description : `${device.description} (auto: ${reason})`;
    const warnings = warningsOf(addon, netlink, tunnels, plan, device.kind);
    return new Underlay(addon, options, { device, neighbours, reason }, plan, description, warnings);
  } catch (error) {
    throw explain(error, type);
  } finally {
    netlink.close();
  }
}

interface Opened {
  readonly device: UnderlayDevice<UnderlayPortSpec>;
  /** Null where the kernel routes each packet. */
  readonly neighbours: Neighbours | null;
  /** Why it was chosen; null when it was asked for. */
  readonly reason: string | null;
}

async function openBest(addon: Addon, plan: UnderlayPlan, options: OpenUnderlayOptions): Promise<Opened> {
  let { best, reason } = plan;
  if (best === 'af_packet') {
    try {
      return { ...(await open(addon, best, plan, options)), reason };
    } catch (error) {
      // Whoever may not open this may not open raw sockets either.
      if (!isSystemError(error) || FORBIDDEN.includes(error.code)) throw error;
      best = 'raw';
      reason = `af_packet cannot be had: ${error.message}`;
    }
  }
  return { ...(await open(addon, best, plan, options)), reason };
}

async function open(
  addon: Addon,
  kind: UnderlayKind,
  { interfaces, reason }: UnderlayPlan,
  options: OpenUnderlayOptions,
): Promise<Opened> {
  const { tunnels, workers, receiveBufferBytes, onNextHop } = options;
  const common = {
    name: 'underlay',
    workers,
    locals: localsOf(tunnels),
    interfaces,
    ...(receiveBufferBytes === undefined ? {} : { receiveBufferBytes }),
  };
  if (!isFrameKind(kind)) {
    return { device: await ROUTED_OPENERS[kind](common), neighbours: null, reason: null };
  }
  if (interfaces.length === 0) {
    throw new UnderlayError(`underlay ${kind} needs an Ethernet interface: ${reason}`);
  }
  const adjacencies = Adjacencies.create(tunnels.map(({ remote }) => remote));
  const neighbours = new Neighbours(adjacencies, {
    tunnels,
    interfaces: new Set(interfaces.map(({ index }) => index)),
    ...(onNextHop === undefined ? {} : { onChange: onNextHop }),
    addon,
  });
  try {
    await neighbours.start();
    const device = await FRAME_OPENERS[kind]({ ...common, adjacencies: adjacencies.share() });
    return { device, neighbours, reason: null };
  } catch (error) {
    neighbours.close();
    throw error;
  }
}

class Underlay implements OpenedUnderlay {
  readonly name: string;
  readonly kind: string;
  readonly mtu: number;
  readonly ports: readonly UnderlayPortSpec[];
  readonly interfaces: readonly string[];
  private tunnels: readonly UnderlayTunnel[];

  constructor(
    private readonly addon: Addon,
    private readonly options: OpenUnderlayOptions,
    private readonly opened: Opened,
    plan: UnderlayPlan,
    readonly description: string,
    readonly warnings: readonly string[],
  ) {
    const { name, kind, mtu, ports } = opened.device;
    this.name = name;
    this.kind = kind;
    this.mtu = mtu;
    this.ports = ports;
    this.interfaces = plan.interfaces.map((one) => one.name);
    this.tunnels = options.tunnels;
  }

  setTunnels(tunnels: readonly UnderlayTunnel[]): string[] {
    try {
      this.opened.device.setLocals(localsOf(tunnels));
      this.opened.neighbours?.setTunnels(tunnels);
    } catch (error) {
      throw explain(error, this.options.type);
    }
    this.tunnels = tunnels;
    return this.check();
  }

  check(): string[] {
    const { tunnels } = this;
    const netlink = new Netlink(this.addon);
    try {
      const plan = planUnderlay(netlink, tunnels, this.options.interfaces);
      return warningsOf(this.addon, netlink, tunnels, plan, this.kind);
    } catch (error) {
      throw explain(error, this.options.type);
    } finally {
      netlink.close();
    }
  }

  nextHops(): NeighbourState[] {
    return this.opened.neighbours?.list() ?? [];
  }

  async close(): Promise<void> {
    this.opened.neighbours?.close();
    await this.opened.device.close();
  }
}

function warningsOf(
  addon: Addon,
  netlink: Netlink,
  tunnels: readonly UnderlayTunnel[],
  plan: UnderlayPlan,
  kind: string,
): string[] {
  const routeOf = (remote: Uint8Array) => plan.routes.get(addressKey(remote)) ?? null;
  return [
    ...checkLocals(netlink, tunnels),
    ...checkRoutes(tunnels, routeOf),
    ...checkSizes(tunnels, routeOf),
    ...(isFrameKind(kind) ? checkOffloads(addon, plan.interfaces) : []),
  ];
}

function isFrameKind(kind: string): kind is keyof typeof FRAME_OPENERS {
  return kind in FRAME_OPENERS;
}

/** A refusal in words; errors that are none of the kernel's stay what they are. */
function explain(error: unknown, type: string): unknown {
  if (!isSystemError(error)) return error;
  const hint = FORBIDDEN.includes(error.code) ? ' (it needs CAP_NET_RAW and CAP_NET_ADMIN)' : '';
  return new UnderlayError(`underlay ${type}: ${error.message}${hint}`, { cause: error });
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error;
}

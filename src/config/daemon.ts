/** The `daemon` section of the file: defaults, canonical text, and the rules that hold between its values. */
import {
  formatAddress,
  formatWithLength,
  isUnicast,
  parseAddress,
  parseAddressWithLength,
} from './address.js';
import type { TunnelConfig } from './config.js';
import {
  DAEMON_DEFAULTS,
  SYNTHETIC_DEFAULTS,
  type DaemonConfig,
  type ListenAddress,
  type OverlayConfig,
  type UnderlayConfig,
} from './daemon-config.js';
import { readPrefix } from './prefix.js';
import { quote, type ConfigPath } from './problem.js';
import type { RawDaemon } from './raw.js';
import type { Source } from './source.js';

const SYNTHETIC_KEYS = ['packets_per_second', 'faults', 'seed'] as const;
const HIGHEST_PORT = 65_535;

/** Every problem is reported to `source`. */
export function readDaemon(raw: RawDaemon, tunnels: readonly TunnelConfig[], source: Source): DaemonConfig {
  const path = ['daemon'];
  const { control, metrics, log } = DAEMON_DEFAULTS;
  const overlay = readOverlay(raw.overlay ?? {}, [...path, 'overlay'], source);
  if (source.has([...path, 'overlay'])) checkModes(overlay, tunnels, [...path, 'overlay', 'type'], source);
  return {
    workers: raw.workers ?? DAEMON_DEFAULTS.workers,
    underlay: readUnderlay(raw.underlay ?? {}, [...path, 'underlay'], source),
    overlay,
    icmp_errors_per_second: raw.icmp_errors_per_second ?? DAEMON_DEFAULTS.icmp_errors_per_second,
    busy_poll: raw.busy_poll ?? DAEMON_DEFAULTS.busy_poll,
    control: { socket: raw.control?.socket ?? control.socket, group: raw.control?.group ?? control.group },
    metrics: {
      listen: readListen(raw.metrics?.listen, [...path, 'metrics', 'listen'], source),
      max_tunnels: raw.metrics?.max_tunnels ?? metrics.max_tunnels,
    },
    log: { level: raw.log?.level ?? log.level, format: raw.log?.format ?? log.format },
  };
}

/**
 * Whether the overlay carries what the tunnels do: a TUN has IP packets only, a TAP Ethernet frames only. A
 * file without `overlay` can be meant for replay alone, so that `grebe run` asks again.
 *
 * @returns what the overlay's type should be, null when it fits
 */
export function overlayMismatch(overlay: OverlayConfig, tunnels: readonly TunnelConfig[]): string | null {
  const frames = tunnels.find(({ mode }) => mode === 'gretap');
  const packets = tunnels.find(({ mode }) => mode === 'gre');
  const wrong = { tun: frames, tap: packets, synthetic: undefined, discard: undefined }[overlay.type];
  if (wrong === undefined) return null;
  if (frames !== undefined && packets !== undefined) {
    return `tunnels of one mode, or else a grebe for each: ${frames.name} is of mode gretap and carries Ethernet frames (tap), ${packets.name} is of mode gre and carries IP packets (tun)`;
  }
  return overlay.type === 'tun'
    ? `tap: the tunnel ${wrong.name} is of mode gretap and carries Ethernet frames, a tun has IP packets only`
    : `tun: the tunnel ${wrong.name} is of mode gre and carries IP packets, a tap has Ethernet frames only`;
}

function checkModes(
  overlay: OverlayConfig,
  tunnels: readonly TunnelConfig[],
  path: ConfigPath,
  source: Source,
): void {
  const expected = overlayMismatch(overlay, tunnels);
  if (expected !== null) source.mismatch(path, overlay.type, expected);
}

function readUnderlay(
  raw: NonNullable<RawDaemon['underlay']>,
  path: ConfigPath,
  source: Source,
): UnderlayConfig {
  const { underlay } = DAEMON_DEFAULTS;
  const type = raw.type ?? underlay.type;
  for (const key of SYNTHETIC_KEYS) {
    if (type === 'synthetic' || !source.has([...path, key])) continue;
    source.report([...path, key], `${key} is for type synthetic only, and the type is ${type}`, {
      of: 'key',
    });
  }
  return {
    type,
    interface: readInterfaces(raw.interface, [...path, 'interface'], source),
    receive_buffer: raw.receive_buffer ?? underlay.receive_buffer,
    synthetic:
      type === 'synthetic'
        ? {
            packets_per_second: raw.packets_per_second ?? SYNTHETIC_DEFAULTS.packets_per_second,
            faults: raw.faults ?? SYNTHETIC_DEFAULTS.faults,
            seed: raw.seed ?? SYNTHETIC_DEFAULTS.seed,
          }
        : null,
  };
}

function readInterfaces(
  raw: NonNullable<RawDaemon['underlay']>['interface'],
  path: ConfigPath,
  source: Source,
): UnderlayConfig['interface'] {
  if (raw === undefined || raw === 'auto') return 'auto';
  if (typeof raw === 'string') return [raw];
  const at = raw.indexOf('auto');
  if (at >= 0) source.mismatch([...path, at], 'auto', 'the name of an interface in a list');
  return [...new Set(raw.filter((name) => name !== undefined))];
}

function readOverlay(
  raw: NonNullable<RawDaemon['overlay']>,
  path: ConfigPath,
  source: Source,
): OverlayConfig {
  const { overlay } = DAEMON_DEFAULTS;
  const addresses = (raw.addresses ?? []).map((text, i) =>
    text === undefined ? null : readInterfaceAddress(text, [...path, 'addresses', i], source),
  );
  const routes = (raw.routes ?? []).map((text, i) =>
    text === undefined ? null : readPrefix(text, [...path, 'routes', i], source),
  );
  // Nothing is left out, also not what stands there twice: findings name the place in the list.
  return {
    type: raw.type ?? overlay.type,
    name: raw.name ?? overlay.name,
    mtu: raw.mtu ?? overlay.mtu,
    addresses: addresses.filter((address) => address !== null),
    routes: routes.filter((route) => route !== null),
    offload: raw.offload ?? overlay.offload,
  };
}

function readInterfaceAddress(text: string, path: ConfigPath, source: Source): string | null {
  const address = parseAddressWithLength(text);
  if (address !== null && isUnicast(address.bytes)) return formatWithLength(address.bytes, address.length);
  const expected = 'a unicast address with its length, such as 192.0.2.1/24';
  source.mismatch(path, quote(text), expected);
  return null;
}

function readListen(raw: string | false | undefined, path: ConfigPath, source: Source): ListenAddress | null {
  if (raw === undefined) return DAEMON_DEFAULTS.metrics.listen;
  if (raw === false || raw === 'off') return null;
  const colon = raw.lastIndexOf(':');
  const address = parseAddress(raw.slice(0, colon).replace(/^\[|\]$/g, ''));
  const port = Number(raw.slice(colon + 1));
  if (address !== null && port <= HIGHEST_PORT) return { address: formatAddress(address.bytes), port };
  source.mismatch(
    path,
    quote(raw),
    `an address with a port from 0 to ${HIGHEST_PORT}, such as 127.0.0.1:9786`,
  );
  return null;
}

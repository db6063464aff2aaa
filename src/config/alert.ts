/** One alert: which keys belong to which type, and defaults. */
import type { AlertConfig } from './network.js';
import type { ConfigPath } from './problem.js';
import { shareOf } from './quantities.js';
import type { RawAlert } from './raw-network.js';
import { ALERT_SLO } from './resource-defaults.js';
import type { Source } from './source.js';

const KEYS = { tunnel_health: ['slo', 'tunnels'], maintenance: ['colo_names', 'events'] } as const;

/** @returns the alert, or null when something that it cannot be without is missing; problems are reported */
export function readAlert(raw: RawAlert, path: ConfigPath, source: Source): AlertConfig | null {
  const { name, type } = raw;
  if (type === undefined) return null;
  const other = type === 'maintenance' ? 'tunnel_health' : 'maintenance';
  for (const key of KEYS[other]) {
    if (raw[key] === undefined) continue;
    source.report([...path, key], `${key} is for alerts of type ${other}, and this one is of type ${type}`, {
      of: 'key',
    });
  }
  if (name === undefined) return null;
  if (type === 'tunnel_health') {
    return {
      name,
      type,
      slo: raw.slo === undefined ? ALERT_SLO : shareOf(raw.slo),
      tunnels: known(raw.tunnels),
    };
  }
  return { name, type, colo_names: known(raw.colo_names), events: known(raw.events) };
}

function known<T>(list: readonly (T | undefined)[] | undefined): readonly T[] | null {
  return list === undefined ? null : list.filter((entry) => entry !== undefined);
}

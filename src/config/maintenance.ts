/** One maintenance window. */
import type { MaintenanceConfig } from './network.js';
import type { ConfigPath } from './problem.js';
import { durationOf } from './quantities.js';
import type { RawMaintenance } from './raw-network.js';
import { MAINTENANCE_DEFAULTS } from './resource-defaults.js';
import type { Source } from './source.js';

/** @returns the window, or null when something that it cannot be without is missing; problems are reported */
export function readMaintenance(
  raw: RawMaintenance,
  path: ConfigPath,
  source: Source,
): MaintenanceConfig | null {
  const seconds = (key: 'starts' | 'duration' | 'announced'): number | null => {
    const text = raw[key];
    if (text === undefined) return null;
    const value = durationOf(text) / 1e9;
    if (Number.isInteger(value)) return value;
    source.mismatch([...path, key], text, 'whole seconds');
    return null;
  };
  const starts = seconds('starts');
  const duration = seconds('duration') ?? MAINTENANCE_DEFAULTS.duration;
  const given = seconds('announced');
  const { name, colo, device = null, emergency = false } = raw;
  if (duration === 0) source.mismatch([...path, 'duration'], raw.duration ?? '', 'more than no time');
  if (name === undefined || colo === undefined || starts === null) return null;
  const announced = given ?? (emergency ? starts : starts - MAINTENANCE_DEFAULTS.notice);
  if (announced > starts) {
    source.mismatch(
      [...path, 'announced'],
      raw.announced ?? '',
      `at the latest when it starts (${raw.starts ?? ''})`,
    );
  }
  return { name, colo, device, starts, duration, announced, emergency };
}

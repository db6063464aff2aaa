/** Rules that maintenance keeps to (behaviour §5), and windows that do not. */
import type { MaintenanceConfig, NetworkConfig } from '../../config/network.js';
import { BUSINESS_DAY, businessSeconds } from './business-time.js';
import { endOf, interrupts, isSamePlace, NOTICE_DAYS, overlaps, REDUNDANCY_GAP } from './window.js';

/** What is wrong with the window at `index` of the network's list. */
export interface MaintenanceProblem {
  readonly index: number;
  readonly code: 'maintenance_notice_short' | 'maintenance_too_close' | 'maintenance_of_nothing';
  /** Field of the window that it is about. */
  readonly field: 'announced' | 'starts' | 'device' | 'colo';
  readonly message: string;
}

/**
 * @param start wall-clock time of the network's second 0, in seconds since 1970: which days are business days
 */
export function maintenanceProblems(network: NetworkConfig, start: number): MaintenanceProblem[] {
  return network.maintenance.flatMap((window, index) => [
    ...noticeOf(window, index, start),
    ...neighboursOf(network, window, index),
    ...objectOf(network, window, index),
  ]);
}

function noticeOf(window: MaintenanceConfig, index: number, start: number): MaintenanceProblem[] {
  const { announced, starts, emergency } = window;
  const notice = businessSeconds(start + announced, start + starts);
  if (emergency || notice >= NOTICE_DAYS * BUSINESS_DAY) return [];
  const message = `announced ${inHours(notice)} of business days before it starts; expected at least ${NOTICE_DAYS} business days (Monday to Friday, UTC), or an emergency`;
  return [{ index, code: 'maintenance_notice_short', field: 'announced', message }];
}

/** Windows of two devices of one PoP; of each pair the one that begins later is told of. */
function neighboursOf(
  { maintenance, interconnects }: NetworkConfig,
  window: MaintenanceConfig,
  index: number,
): MaintenanceProblem[] {
  const { colo, device, starts, emergency } = window;
  const hasCircuits = (other: MaintenanceConfig): boolean =>
    interconnects.some((circuit) => interrupts(other, circuit));
  if (emergency || device === null || !hasCircuits(window)) return [];
  return maintenance.flatMap((other, i) => {
    const redundant =
      isSamePlace(other.colo, colo) && other.device !== null && other.device !== device && hasCircuits(other);
    const earlier = other.starts < starts || (other.starts === starts && i < index);
    const gap = starts - endOf(other);
    if (!redundant || !earlier || other.emergency || gap >= REDUNDANCY_GAP) return [];
    const apart = overlaps(window, other) ? 'overlaps with' : `begins ${inHours(gap)} after`;
    const message = `${apart} ${other.name} on ${other.device}, the redundant device of ${colo}; expected at least ${REDUNDANCY_GAP / 3600} h between them`;
    return [{ index, code: 'maintenance_too_close' as const, field: 'starts' as const, message }];
  });
}

function objectOf(
  { interconnects }: NetworkConfig,
  window: MaintenanceConfig,
  index: number,
): MaintenanceProblem[] {
  if (interconnects.some((circuit) => interrupts(window, circuit))) return [];
  const { colo, device } = window;
  const place = device === null ? colo : `device ${device} of ${colo}`;
  const message = `no interconnect ends on ${place}: nothing happens in this window`;
  const field = device === null ? 'colo' : 'device';
  return [{ index, code: 'maintenance_of_nothing', field, message }];
}

/** `46 h`, `1.5 h`. */
function inHours(seconds: number): string {
  return `${Math.round(seconds / 360) / 10} h`;
}

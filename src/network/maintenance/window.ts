/** Maintenance windows: when they are, and what they do to circuits (behaviour §5). Times are seconds of the network. */
import type { InterconnectConfig, MaintenanceConfig, Seconds } from '../../config/network.js';

/** How far apart windows of redundant devices of a PoP have to be, from the end of one to the start of the next. */
export const REDUNDANCY_GAP: Seconds = 16 * 3600;

/** Business days before a window by which customers know of it, except in emergencies. */
export const NOTICE_DAYS = 2;

export function endOf({ starts, duration }: MaintenanceConfig): Seconds {
  return starts + duration;
}

/** Whether the window lasts at this moment; its end no longer belongs to it. */
export function isActive(window: MaintenanceConfig, now: Seconds): boolean {
  return now >= window.starts && now < endOf(window);
}

/** Whether two windows have a moment in common. */
export function overlaps(a: MaintenanceConfig, b: MaintenanceConfig): boolean {
  return a.starts < endOf(b) && b.starts < endOf(a);
}

/** Whether the circuit is down during the window: it ends on the device, or in the PoP if that is meant as a whole. */
export function interrupts(
  { colo, device }: Pick<MaintenanceConfig, 'colo' | 'device'>,
  circuit: Pick<InterconnectConfig, 'colo' | 'device'>,
): boolean {
  return isSamePlace(circuit.colo, colo) && (device === null || device === circuit.device);
}

/** PoPs are compared without regard to case, as in the scopes of routes. */
export function isSamePlace(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** A circuit goes down, or that cause of its being down ends. */
export interface CircuitChange {
  readonly at: Seconds;
  readonly interconnect: string;
  readonly down: boolean;
  /** For CircuitState.fail and .restore: `maintenance NAME`. */
  readonly cause: string;
}

/** What all windows do to circuits, by time; of one moment the ends come first. */
export function circuitChanges(
  maintenance: readonly MaintenanceConfig[],
  interconnects: readonly InterconnectConfig[],
): CircuitChange[] {
  return maintenance
    .flatMap((window) =>
      interconnects
        .filter((circuit) => interrupts(window, circuit))
        .flatMap(({ name }) => {
          const cause = `maintenance ${window.name}`;
          return [
            { at: window.starts, interconnect: name, down: true, cause },
            { at: endOf(window), interconnect: name, down: false, cause },
          ];
        }),
    )
    .sort((a, b) => a.at - b.at || Number(a.down) - Number(b.down));
}

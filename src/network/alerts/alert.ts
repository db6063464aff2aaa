/** What customers are told. Times are seconds from the beginning of the virtual network's time. */
import type { MaintenanceEvent, Seconds } from '../../config/network.js';

export type Alert = TunnelHealthAlert | MaintenanceAlert;

export interface TunnelHealthAlert {
  readonly type: 'tunnel_health';
  /** When it is sent. */
  readonly at: Seconds;
  /** Name of the alert in the configuration. */
  readonly name: string;
  readonly tunnel: string;
  /** Share of good checks in the last five minutes and in the last hour, 0 to 1; both are below `slo`. */
  readonly short: number;
  readonly long: number;
  readonly slo: number;
}

export interface MaintenanceAlert {
  readonly type: 'maintenance';
  readonly at: Seconds;
  readonly name: string;
  readonly event: MaintenanceEvent;
  /** Name of the maintenance, and what is known of it now. */
  readonly maintenance: string;
  readonly colo: string;
  readonly device: string | null;
  readonly starts: Seconds;
  readonly duration: Seconds;
  /** The customer's interconnects that it interrupts. */
  readonly interconnects: readonly string[];
}

/** One line about an alert, for timelines. */
export function describeAlert(alert: Alert): string {
  if (alert.type === 'tunnel_health') {
    const { name, tunnel, short, long, slo } = alert;
    return `${name}: ${tunnel} is below ${percent(slo)}: ${percent(short)} in five minutes, ${percent(long)} in an hour`;
  }
  const { name, event, maintenance, colo, device, starts, duration, interconnects } = alert;
  const where = device === null ? colo : `${device} in ${colo}`;
  return `${name}: maintenance ${maintenance} of ${where} ${event}: ${duration} s from ${starts} s on, ${interconnects.join(', ')}`;
}

function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100} %`;
}

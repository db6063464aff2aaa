/**
 * Alerts on maintenance that interrupts interconnects (behaviour §5; dataplane 1 only). A new one is told of after
 * six hours, so that what is still being shifted about tires nobody, and not more than two weeks ahead; from then on
 * every change and the cancellation are told of at once. What is cancelled before it was told of is never told of,
 * nor is what is over by then. Emergencies wait the six hours as well: the documents except nothing.
 */
import type {
  AlertConfig,
  InterconnectConfig,
  MaintenanceConfig,
  MaintenanceEvent,
  Seconds,
} from '../../config/network.js';
import type { MaintenanceAlert } from './alert.js';

export const NEW_DELAY: Seconds = 6 * 3600;
export const LOOK_AHEAD: Seconds = 14 * 24 * 3600;

type MaintenanceAlertConfig = Extract<AlertConfig, { type: 'maintenance' }>;

/** A maintenance that customers are to know of. */
interface Known {
  config: MaintenanceConfig;
  interconnects: readonly string[];
  /** As it was told of last; null: it was not yet. */
  told: MaintenanceConfig | null;
}

export class MaintenanceAlerts {
  private readonly alerts: readonly MaintenanceAlertConfig[];
  private known = new Map<string, Known>();

  constructor(alerts: readonly AlertConfig[]) {
    this.alerts = alerts.filter((alert) => alert.type === 'maintenance');
  }

  /** When `advance` has something to do; Infinity: never. */
  get next(): Seconds {
    return Math.min(...[...this.known.values()].map(dueOf));
  }

  /**
   * Takes up all maintenance that is planned now, and what it may interrupt.
   *
   * @returns alerts about what was told of before and is changed or gone
   */
  plan(
    now: Seconds,
    maintenance: readonly MaintenanceConfig[],
    interconnects: readonly InterconnectConfig[],
  ): MaintenanceAlert[] {
    const gone = this.known;
    const planned = new Map<string, Known>();
    for (const config of maintenance) {
      const interrupted = interruptedBy(config, interconnects);
      // What has come to interrupt nothing any more is off for the customer.
      if (interrupted.length === 0) continue;
      const told = gone.get(config.name)?.told ?? null;
      gone.delete(config.name);
      planned.set(config.name, { config, interconnects: interrupted, told });
    }
    this.known = planned;
    const canceled = [...gone.values()].filter(({ told }) => told !== null && endOf(told) > now);
    const updated = [...planned.values()].filter(
      ({ told, config }) => told !== null && endOf(told) > now && !isSame(told, config),
    );
    for (const known of updated) known.told = known.config;
    return [
      ...canceled.flatMap((known) => this.tell(now, known, 'canceled')),
      ...updated.flatMap((known) => this.tell(now, known, 'updated')),
    ];
  }

  /** Tells of new maintenance whose time has come. */
  advance(now: Seconds): MaintenanceAlert[] {
    const sent: MaintenanceAlert[] = [];
    for (const known of this.known.values()) {
      if (dueOf(known) > now) continue;
      known.told = known.config;
      sent.push(...this.tell(now, known, 'scheduled'));
    }
    return sent;
  }

  private tell(at: Seconds, { config, interconnects }: Known, event: MaintenanceEvent): MaintenanceAlert[] {
    const { name: maintenance, colo, device, starts, duration } = config;
    return this.alerts
      .filter(
        ({ colo_names, events }) =>
          (events?.includes(event) ?? true) && (colo_names?.some((name) => isSameName(name, colo)) ?? true),
      )
      .map(({ name }) => ({
        type: 'maintenance',
        at,
        name,
        event,
        maintenance,
        colo,
        device,
        starts,
        duration,
        interconnects,
      }));
  }
}

/** When a maintenance is to be told of for the first time; Infinity: it has been, or would be over by then. */
function dueOf({ config, told }: Known): Seconds {
  if (told !== null) return Infinity;
  const due = Math.max(config.announced + NEW_DELAY, config.starts - LOOK_AHEAD);
  return due < endOf(config) ? due : Infinity;
}

/** Names of the customer's circuits of dataplane 1 at the place. */
function interruptedBy(
  { colo, device }: MaintenanceConfig,
  interconnects: readonly InterconnectConfig[],
): string[] {
  return interconnects
    .filter(
      (circuit) =>
        circuit.dataplane === 1 &&
        isSameName(circuit.colo, colo) &&
        (device === null || circuit.device === device),
    )
    .map(({ name }) => name);
}

function endOf({ starts, duration }: MaintenanceConfig): Seconds {
  return starts + duration;
}

function isSame(a: MaintenanceConfig, b: MaintenanceConfig): boolean {
  return (
    a.colo === b.colo &&
    a.device === b.device &&
    a.starts === b.starts &&
    a.duration === b.duration &&
    a.emergency === b.emergency
  );
}

/** PoPs are compared without regard to case, as in the scopes of routes. */
function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Alerts of a run: fed with health checks and plans of maintenance, told to the chronicle. */
import type { NetworkConfig } from '../../config/network.js';
import { describeAlert, type Alert } from '../../network/alerts/alert.js';
import { MaintenanceAlerts } from '../../network/alerts/maintenance-alerts.js';
import { SloBurn } from '../../network/alerts/slo-burn.js';
import type { Handler } from '../core/scheduler.js';
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { Chronicle } from './chronicle.js';

export class AlertDesk implements Handler {
  private readonly handler: number;
  private burn: SloBurn;
  private maintenance: MaintenanceAlerts;
  /** Places of tunnels and interconnects in the counts of `burn`. */
  private numbers = new Map<string, number>();
  private armedFor = Infinity;

  constructor(
    private readonly world: World,
    private readonly chronicle: Chronicle,
    network: NetworkConfig,
  ) {
    this.handler = world.scheduler.register(this);
    this.burn = this.countFor(network);
    this.maintenance = new MaintenanceAlerts(network.alerts);
    this.plan(network);
  }

  /** Takes up another network. Alerts and what is checked having changed, the counts begin anew. */
  setNetwork(network: NetworkConfig, countAnew: boolean): void {
    if (countAnew) {
      this.burn = this.countFor(network);
      this.maintenance = new MaintenanceAlerts(network.alerts);
    }
    this.plan(network);
  }

  /** The result of a health check. */
  record(nexthop: string, at: Nanoseconds, good: boolean): void {
    const number = this.numbers.get(nexthop);
    if (number !== undefined) this.burn.record(number, at / SECOND, good);
  }

  fire(): void {
    this.armedFor = Infinity;
    const now = this.world.scheduler.now / SECOND;
    this.tell([...this.burn.advance(now), ...this.maintenance.advance(now)]);
    this.arm();
  }

  private countFor({ tunnels, interconnects, alerts }: NetworkConfig): SloBurn {
    const names = [...tunnels, ...interconnects].map(({ name }) => name);
    this.numbers = new Map(names.map((name, i) => [name, i]));
    return new SloBurn(alerts, names, this.world.scheduler.now / SECOND);
  }

  private plan({ maintenance, interconnects }: NetworkConfig): void {
    this.tell(this.maintenance.plan(this.world.scheduler.now / SECOND, maintenance, interconnects));
    this.arm();
  }

  private tell(alerts: readonly Alert[]): void {
    for (const alert of alerts) this.chronicle.alert(alert.name, true, describeAlert(alert));
  }

  private arm(): void {
    const { scheduler } = this.world;
    const next = Math.max(scheduler.now, Math.ceil(Math.min(this.burn.next, this.maintenance.next) * SECOND));
    if (next >= this.armedFor) return;
    this.armedFor = next;
    scheduler.at(next, this.handler);
  }
}

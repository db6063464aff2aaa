/**
 * Alerts on the health of tunnels by SLO burn (behaviour §4): every five minutes the share of good health checks is
 * looked at, over the last five minutes and over the last hour; where both are below the threshold, the customer is
 * told. The long window keeps a short failure from raising an alert, the short one ends it soon after the failure.
 *
 * What a good check is, its owner says. Windows end at multiples of five minutes; before an hour has passed, the
 * long one is what there is. Checks of all PoPs count together. An alert is sent once for as long as it lasts.
 */
import type { AlertConfig, Seconds } from '../../config/network.js';
import type { TunnelHealthAlert } from './alert.js';

export const SHORT_WINDOW: Seconds = 300;
export const LONG_WINDOW: Seconds = 3600;
const BINS = LONG_WINDOW / SHORT_WINDOW;

type TunnelHealthAlertConfig = Extract<AlertConfig, { type: 'tunnel_health' }>;

export class SloBurn {
  private readonly alerts: readonly TunnelHealthAlertConfig[];
  /** Checks by tunnel and bin of five minutes, a ring of an hour. */
  private readonly good: Float64Array;
  private readonly all: Float64Array;
  /** By alert and tunnel: whether it has been sent and lasts. */
  private readonly lasting: Uint8Array;
  /** When the next evaluation is. */
  private due: Seconds;

  /** @param tunnels names of all tunnels (and interconnects) that are checked */
  constructor(
    alerts: readonly AlertConfig[],
    private readonly tunnels: readonly string[],
    now: Seconds = 0,
  ) {
    this.alerts = alerts.filter((alert) => alert.type === 'tunnel_health');
    this.good = new Float64Array(tunnels.length * BINS);
    this.all = new Float64Array(tunnels.length * BINS);
    this.lasting = new Uint8Array(tunnels.length * this.alerts.length);
    this.due = (Math.floor(now / SHORT_WINDOW) + 1) * SHORT_WINDOW;
  }

  /** When `advance` has something to do. */
  get next(): Seconds {
    return this.alerts.length === 0 ? Infinity : this.due;
  }

  /**
   * Counts a health check.
   *
   * @param tunnel its place in `tunnels`
   * @param at when its result was known; `advance` has been called for this time
   */
  record(tunnel: number, at: Seconds, good: boolean): void {
    const bin = tunnel * BINS + (Math.floor(at / SHORT_WINDOW) % BINS);
    this.all[bin]!++;
    if (good) this.good[bin]!++;
  }

  /** Evaluates what is due. A check at the very time of an evaluation belongs to the next one. */
  advance(now: Seconds): TunnelHealthAlert[] {
    const raised: TunnelHealthAlert[] = [];
    while (this.due <= now) {
      const last = (this.due / SHORT_WINDOW - 1) % BINS;
      this.alerts.forEach((alert, i) => {
        raised.push(...this.evaluate(alert, i, last));
      });
      this.forget((last + 1) % BINS);
      this.due += SHORT_WINDOW;
    }
    return raised;
  }

  /** @param last bin of the last five minutes */
  private evaluate(alert: TunnelHealthAlertConfig, number: number, last: number): TunnelHealthAlert[] {
    const { name, slo } = alert;
    const names = alert.tunnels === null ? null : new Set(alert.tunnels);
    return this.tunnels.flatMap((tunnel, i): TunnelHealthAlert[] => {
      if (names !== null && !names.has(tunnel)) return [];
      const first = i * BINS;
      const short = share(this.good[first + last]!, this.all[first + last]!);
      const long = share(this.sum(this.good, first), this.sum(this.all, first));
      const at = number * this.tunnels.length + i;
      const isBelow = short < slo && long < slo;
      const isNew = isBelow && this.lasting[at] === 0;
      this.lasting[at] = isBelow ? 1 : 0;
      return isNew ? [{ type: 'tunnel_health', at: this.due, name, tunnel, short, long, slo }] : [];
    });
  }

  private sum(counts: Float64Array, first: number): number {
    let sum = 0;
    for (let i = 0; i < BINS; i++) sum += counts[first + i]!;
    return sum;
  }

  /** Empties a bin of all tunnels for the five minutes that begin. */
  private forget(bin: number): void {
    for (let i = bin; i < this.all.length; i += BINS) {
      this.all[i] = 0;
      this.good[i] = 0;
    }
  }
}

/** Nothing is missed where nothing was checked. */
function share(good: number, all: number): number {
  return all === 0 ? 1 : good / all;
}

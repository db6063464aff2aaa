/**
 * Health of many tunnels as one PoP sees them: the state machine of behaviour §4. Results of probes and their
 * times go in, states and "send more at once" come out. Pure: times are whole nanoseconds of any origin that do
 * not go back. A window of a length ends with the present and does not hold its own beginning.
 *
 * What has to be kept of the past is little, because what is asked about it is little: whether three samples of
 * the last second failed and none succeeded (the last three failures and the last success say so), whether two
 * failed within five minutes (the second last failure), whether one of the last 30 failed (successes in a row).
 * 42 bytes for each tunnel, whatever its rate.
 */
import { MINUTE, SECOND } from '../time.js';
import { Health, type HealthReason } from './health-state.js';

/** Down: so many samples within this time, all failed. */
export const DOWN_SAMPLES = 3;
export const DOWN_WINDOW = SECOND;

/** Degraded: so many failures within this time, if they are this share of the probes. */
export const DEGRADED_FAILURES = 2;
export const DEGRADED_SHARE = 0.001;
export const DEGRADED_WINDOW = 5 * MINUTE;

/** From down to degraded: so many answered in a row. */
export const RETURN_SAMPLES = 3;

/** From degraded to healthy: of so many less than 0.1 % failed, thus none; and not before this time in the state. */
export const RECOVERY_SAMPLES = 30;
export const RECOVERY_TIME = 5 * MINUTE;

/** Probes that are sent at once when a result is to be confirmed. */
export const CONFIRMATIONS = 2;

/**
 * Shortest time between two regular probes of a tunnel, in nanoseconds. With the confirmations of every one of
 * them there are then no more than 2,000 samples in five minutes, of which two are 0.1 %: two failures are always
 * enough, and samples need not be counted.
 */
export const LEAST_INTERVAL = ((1 + CONFIRMATIONS) * DEGRADED_WINDOW) / (DEGRADED_FAILURES / DEGRADED_SHARE);

export class TunnelHealth {
  /** By tunnel: number of the state (health-state.ts). Tunnels begin healthy: traffic waits for no probe. */
  readonly state: Uint8Array;
  /** By tunnel: when it came into the state. */
  readonly since: Float64Array;
  /** Three of each tunnel: when the last failures were, newest first. */
  private readonly failures: Float64Array;
  private readonly success: Float64Array;
  /** Successes since the last failure, at most RECOVERY_SAMPLES. */
  private readonly streak: Uint8Array;

  /** @param now time at which the tunnels begin to be healthy */
  constructor(
    readonly tunnels: number,
    now: number,
  ) {
    this.state = new Uint8Array(tunnels);
    this.since = new Float64Array(tunnels).fill(now);
    this.failures = new Float64Array(tunnels * DOWN_SAMPLES).fill(-Infinity);
    this.success = new Float64Array(tunnels).fill(-Infinity);
    this.streak = new Uint8Array(tunnels);
  }

  /**
   * Takes one result. All results of an instant are recorded before the tunnel is judged, so that a tunnel whose
   * three probes failed goes down, and not by way of degraded.
   *
   * @param regular sent because it was due, not to confirm another one
   * @returns how many more to send at once. After a failure of a tunnel that is not down: the documents say it of
   *   healthy ones; without it a degraded one could not be found down, for three samples must lie in one second.
   */
  record(tunnel: number, at: number, succeeded: boolean, regular: boolean): number {
    if (succeeded) {
      this.success[tunnel] = at;
      this.streak[tunnel] = Math.min(this.streak[tunnel]! + 1, RECOVERY_SAMPLES);
    } else {
      const newest = tunnel * DOWN_SAMPLES;
      this.failures.copyWithin(newest + 1, newest, newest + DOWN_SAMPLES - 1);
      this.failures[newest] = at;
      this.streak[tunnel] = 0;
    }
    const isDown = this.state[tunnel] === Health.DOWN;
    return regular && succeeded === isDown ? CONFIRMATIONS : 0;
  }

  /**
   * Decides on the state after what was recorded.
   *
   * @param at time of the newest result
   * @returns why the state is another one now; null: it is not
   */
  judge(tunnel: number, at: number): HealthReason | null {
    const state = this.state[tunnel];
    if (this.allFailed(tunnel, at)) {
      return state === Health.DOWN ? null : this.enter(tunnel, at, Health.DOWN, 'all_failed');
    }
    if (state === Health.HEALTHY) {
      return this.isLossy(tunnel, at) ? this.enter(tunnel, at, Health.DEGRADED, 'lossy') : null;
    }
    if (state === Health.DOWN) {
      if (this.streak[tunnel]! < RETURN_SAMPLES) return null;
      return this.enter(tunnel, at, Health.DEGRADED, 'answers_again');
    }
    const recovered =
      this.streak[tunnel] === RECOVERY_SAMPLES &&
      at - this.since[tunnel]! >= RECOVERY_TIME &&
      !this.isLossy(tunnel, at);
    return recovered ? this.enter(tunnel, at, Health.HEALTHY, 'recovered') : null;
  }

  /** Takes over what another one knows of a tunnel: `tunnel` here is `other`'s tunnel `from`. */
  adopt(tunnel: number, other: TunnelHealth, from: number): void {
    this.state[tunnel] = other.state[from]!;
    this.since[tunnel] = other.since[from]!;
    this.success[tunnel] = other.success[from]!;
    this.streak[tunnel] = other.streak[from]!;
    const failures = other.failures.subarray(from * DOWN_SAMPLES, (from + 1) * DOWN_SAMPLES);
    this.failures.set(failures, tunnel * DOWN_SAMPLES);
  }

  private allFailed(tunnel: number, at: number): boolean {
    const before = at - DOWN_WINDOW;
    const oldest = this.failures[tunnel * DOWN_SAMPLES + DOWN_SAMPLES - 1]!;
    return oldest > before && this.success[tunnel]! <= before;
  }

  private isLossy(tunnel: number, at: number): boolean {
    return this.failures[tunnel * DOWN_SAMPLES + DEGRADED_FAILURES - 1]! > at - DEGRADED_WINDOW;
  }

  private enter(tunnel: number, at: number, state: number, reason: HealthReason): HealthReason {
    this.state[tunnel] = state;
    this.since[tunnel] = at;
    return reason;
  }
}

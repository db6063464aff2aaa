/** The rules of behaviour §4 as they are written, over all samples there ever were: what TunnelHealth must equal. */
import type { HealthState } from '../../../src/network/health/health-state.js';

interface Sample {
  readonly at: number;
  readonly ok: boolean;
}

const SECOND = 1e9;

export class NaiveHealth {
  state: HealthState = 'healthy';
  since = 0;
  private readonly samples: Sample[] = [];

  record(at: number, ok: boolean): void {
    this.samples.push({ at, ok });
  }

  judge(at: number): void {
    const next = this.nextState(at);
    if (next === this.state) return;
    this.state = next;
    this.since = at;
  }

  private nextState(at: number): HealthState {
    const within = (seconds: number): Sample[] =>
      this.samples.filter((sample) => sample.at > at - seconds * SECOND);
    const failed = (samples: readonly Sample[]): number => samples.filter(({ ok }) => !ok).length;

    const second = within(1);
    if (second.length >= 3 && failed(second) === second.length) return 'down';

    const fiveMinutes = within(300);
    const lost = failed(fiveMinutes);
    const isLossy = lost >= 2 && lost / fiveMinutes.length >= 0.001;
    const last = (count: number): Sample[] => this.samples.slice(-count);
    switch (this.state) {
      case 'healthy':
        return isLossy ? 'degraded' : 'healthy';
      case 'down':
        return last(3).length === 3 && failed(last(3)) === 0 ? 'degraded' : 'down';
      case 'degraded': {
        const thirty = last(30);
        const isClean = thirty.length === 30 && failed(thirty) / 30 < 0.001;
        return isClean && !isLossy && at - this.since >= 300 * SECOND ? 'healthy' : 'degraded';
      }
    }
  }
}

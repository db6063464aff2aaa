/** A snapshot and the one before it, and how fast numbers grew between the two. */
import type { DeviceSnapshot, Snapshot, TunnelSnapshot, WorkerSnapshot } from '../observability/snapshot.js';

/** A thing now, and how fast its numbers grow. */
export interface Growing<T> {
  readonly now: T;
  /** Per second; null when it is not known: no earlier snapshot, or the thing is new. */
  readonly rate: (value: (of: T) => number) => number | null;
}

export class Interval implements Growing<Snapshot> {
  private readonly before: Snapshot | null;
  private readonly seconds: number;

  /** @param isWatched whether rates are shown; at first there is no earlier snapshot, and they are not known */
  constructor(
    readonly now: Snapshot,
    before: Snapshot | null,
    readonly isWatched: boolean,
  ) {
    this.seconds = before === null ? 0 : (Date.parse(now.takenAt) - Date.parse(before.takenAt)) / 1000;
    // A daemon that was started in between counts from zero again.
    this.before = before?.startedAt === now.startedAt && this.seconds > 0 ? before : null;
  }

  /** Whether there is an earlier snapshot to compare with. */
  get hasEarlier(): boolean {
    return this.before !== null;
  }

  rate(value: (of: Snapshot) => number): number | null {
    return this.between(this.now, this.before, value);
  }

  get tunnels(): readonly Growing<TunnelSnapshot>[] {
    return this.pair(
      ({ tunnels }) => tunnels,
      ({ name }) => name,
    );
  }

  get workers(): readonly Growing<WorkerSnapshot>[] {
    return this.pair(
      ({ workers }) => workers,
      ({ index }) => index,
    );
  }

  get devices(): readonly Growing<DeviceSnapshot>[] {
    return this.pair(
      ({ devices }) => devices,
      ({ side, name }) => `${side} ${name}`,
    );
  }

  private pair<T>(
    list: (snapshot: Snapshot) => readonly T[],
    key: (item: T) => string | number,
  ): readonly Growing<T>[] {
    const before = new Map(this.before === null ? [] : list(this.before).map((item) => [key(item), item]));
    return list(this.now).map((now) => ({
      now,
      rate: (value) => this.between(now, before.get(key(now)) ?? null, value),
    }));
  }

  private between<T>(now: T, before: T | null, value: (of: T) => number): number | null {
    return before === null ? null : Math.max(0, value(now) - value(before)) / this.seconds;
  }
}

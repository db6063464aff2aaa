/** Metric families whose values are read off a snapshot at each scrape. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Snapshot } from './snapshot.js';

type Labels<L extends string> = Readonly<Record<L, string>>;

/** Sets the value of one series; a series that is not set has gone since the last scrape. */
type SetValue<L extends string> = (value: number, labels: Labels<L>) => void;

export interface Family<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly L[];
  readonly read: (snapshot: Snapshot, set: SetValue<L>) => void;
}

export interface HistogramSeries<L extends string> {
  readonly labels: Labels<L>;
  /** Observations in each bucket, not cumulative; one for each bound. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface HistogramFamily<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly L[];
  /** Upper bounds, ascending; no observation lies above the last one. */
  readonly bounds: readonly number[];
  readonly read: (snapshot: Snapshot) => readonly HistogramSeries<L>[];
}

export class Families {
  constructor(
    private readonly registry: Registry,
    private readonly snapshot: () => Snapshot,
  ) {}

  /** Numbers that never fall while the daemon runs. */
  counter<L extends string>({ name, help, labels = [], read }: Family<L>): void {
    const { snapshot, registry } = this;
    const counter = new Counter<string>({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset();
        read(snapshot(), (value, of) => this.inc(of, value));
      },
    });
    counter.reset();
  }

  gauge<L extends string>({ name, help, labels = [], read }: Family<L>): void {
    const { snapshot, registry } = this;
    const gauge = new Gauge<string>({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset();
        read(snapshot(), (value, of) => this.set(of, value));
      },
    });
    gauge.reset();
  }

  histogram<L extends string>(family: HistogramFamily<L>): void {
    const histogram = new ReadHistogram(family, this.snapshot);
    this.registry.registerMetric(histogram);
  }
}

/**
 * A histogram whose buckets were counted elsewhere: prom-client's own takes single observations only. All
 * that the registry asks of one, as text or as JSON, comes from `getForPromString`.
 */
class ReadHistogram<L extends string> extends Histogram {
  constructor(
    private readonly family: HistogramFamily<L>,
    private readonly snapshot: () => Snapshot,
  ) {
    const { name, help, labels, bounds } = family;
    super({ name, help, labelNames: labels, buckets: [...bounds], registers: [] });
  }

  async getForPromString(): Promise<object> {
    const { name, help, bounds, read } = this.family;
    const values = read(this.snapshot()).flatMap(({ labels: sharedLabels, counts, sum }) => {
      let total = 0;
      const buckets = bounds.map((le, i) => ({
        metricName: `${name}_bucket`,
        sharedLabels,
        labels: { le },
        value: (total += counts[i] ?? 0),
      }));
      return [
        ...buckets,
        { metricName: `${name}_bucket`, sharedLabels, labels: { le: '+Inf' }, value: total },
        { metricName: `${name}_sum`, sharedLabels, labels: {}, value: sum },
        { metricName: `${name}_count`, sharedLabels, labels: {}, value: total },
      ];
    });
    return { name, help, type: 'histogram', values };
  }
}

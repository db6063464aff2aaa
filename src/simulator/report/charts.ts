/** What the charts of a scenario show, as data for the script of the page (page-script.ts). */
import type { DropResult, Flowing, NexthopResult, Results, Seconds, Series } from '../run/results.js';
import { tickStep, tickText } from './axis.js';
import { bitRate, count, counted, inWords } from './words.js';

export interface ChartSpec {
  readonly id: string;
  readonly title: string;
  /** What is counted, below the title. */
  readonly note: string;
  readonly shape: 'line' | 'bars';
  readonly unit: 'bits' | 'packets';
  /** Seconds of a bin, of the whole axis, and between two of its ticks. */
  readonly width: Seconds;
  readonly duration: Seconds;
  readonly step: Seconds;
  readonly curves: readonly Curve[];
  /** Moments to be marked: the events of the timeline, numbered from 1. */
  readonly marks: readonly Seconds[];
}

export interface Curve {
  readonly label: string;
  /** Number of the colour; -1: that of the rest. */
  readonly color: number;
  readonly values: Series;
}

/** Colours that can be told apart; all beyond share one curve. */
export const MOST_CURVES = 8;
/** Parts of a curve that are looked at to tell how much it moves. */
const FROM_AFAR = 20;

/** Charts that have something to show. */
export function chartsOf(results: Results, scenario: number): ChartSpec[] {
  const { series, nexthops, traffic, drops, timeline, scenario: about } = results;
  const { width } = series;
  const { duration } = about;
  const toBits = (values: Series): Series => values.map((bytes) => round((bytes * 8) / width));
  const flowing = (which: 'to_customer' | 'from_customer'): Wanted[] =>
    nexthops.map((nexthop: NexthopResult) => {
      const { bytes, bytes_series }: Flowing = nexthop[which];
      return { label: nexthop.name, total: bytes, values: toBits(bytes_series) };
    });
  const wanted: readonly (Pick<ChartSpec, 'title' | 'note' | 'shape' | 'unit'> & {
    readonly of: readonly Wanted[];
  })[] = [
    {
      ...{ title: 'To the customer', note: 'bit/s of inner packets into each next hop', shape: 'line' },
      ...{ unit: 'bits', of: flowing('to_customer') },
    },
    {
      ...{ title: 'From the customer', note: 'bit/s of inner packets out of each next hop', shape: 'line' },
      ...{ unit: 'bits', of: flowing('from_customer') },
    },
    {
      ...{
        title: 'Traffic that arrives',
        note: 'bit/s of IP packets, both ways',
        shape: 'line',
        unit: 'bits',
      },
      of: traffic.map(({ name, delivered, delivered_bytes_series }) => ({
        ...{ label: name, total: delivered.bytes, values: toBits(delivered_bytes_series) },
      })),
    },
    {
      title: 'Traffic that does not arrive',
      note: 'packets sent and not arrived, in sum from the beginning on',
      ...{ shape: 'line', unit: 'packets' },
      of: traffic.map(({ name, lost, sent_series, delivered_series }) => ({
        label: name,
        total: lost,
        values: lost === 0 ? [] : outstanding(sent_series, delivered_series),
      })),
    },
    {
      ...{
        title: 'Drops by reason',
        note: `packets in each ${tickText(width)}, also of attacks and of the network itself`,
      },
      ...{ shape: 'bars', unit: 'packets', of: byReason(drops, series.count) },
    },
  ];
  const marks = timeline.map(({ at }) => at);
  return wanted.flatMap(({ of, ...spec }, i) => {
    const curves = curvesOf(of, series.count, spec.shape === 'bars');
    if (curves.length === 0) return [];
    const axis = { width, duration, step: tickStep(duration), marks };
    return [{ id: `s${scenario}c${i}`, ...spec, ...axis, curves }];
  });
}

/** A chart in a sentence. */
export function chartInWords({ title, unit, curves }: ChartSpec): string {
  const say = unit === 'bits' ? bitRate : (value: number): string => counted(value, 'packet');
  return `${title}. ${curves.map(({ label, values }) => `${label}: ${inWords(values, say)}`).join('; ')}.`;
}

interface Wanted {
  readonly label: string;
  readonly total: number;
  readonly values: Series;
}

/**
 * Those that move most in their own order and colour, the others as one: their mean, which stands on the same scale,
 * or where values are stacked their sum.
 */
function curvesOf(of: readonly Wanted[], bins: number, isStacked: boolean): Curve[] {
  const seen = of.filter(({ values, total }) => total > 0 && values.some((value) => value > 0));
  if (seen.length <= MOST_CURVES) return seen.map(({ label, values }, color) => ({ label, color, values }));
  const moved = seen
    .map(({ values }, i) => ({ i, by: movement(values) }))
    .sort((a, b) => b.by - a.by || a.i - b.i);
  const chosen = new Set(moved.slice(0, MOST_CURVES - 1).map(({ i }) => i));
  const rest = seen.filter((_, i) => !chosen.has(i));
  const parts = isStacked ? 1 : rest.length;
  return [
    ...seen.filter((_, i) => chosen.has(i)).map(({ label, values }, color) => ({ label, color, values })),
    {
      label: isStacked ? `${count(rest.length)} others` : `mean of ${count(rest.length)} others`,
      color: -1,
      values: Array.from({ length: bins }, (_, i) =>
        round(sum(rest.map(({ values }) => values[i] ?? 0)) / parts),
      ),
    },
  ];
}

/** How far a curve goes up and down in all, as seen from afar: single packets and bursts are no movement. */
function movement(values: Series): number {
  const size = Math.ceil(values.length / FROM_AFAR);
  const sums = Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    sum(values.slice(i * size, (i + 1) * size)),
  );
  return sums.reduce((way, value, i) => way + Math.abs(value - (sums[i - 1] ?? 0)), 0);
}

/** Packets that were sent and have not arrived, up to each bin. */
function outstanding(sent: Series, delivered: Series): Series {
  let packets = 0;
  return sent.map((value, i) => (packets += value - (delivered[i] ?? 0)));
}

function byReason(drops: readonly DropResult[], bins: number): Wanted[] {
  const reasons = [...new Set(drops.map(({ reason }) => reason))];
  return reasons.map((reason) => {
    const own = drops.filter((drop) => drop.reason === reason);
    return {
      label: reason,
      total: sum(own.map(({ packets }) => packets)),
      values: Array.from({ length: bins }, (_, i) => sum(own.map(({ series }) => series[i] ?? 0))),
    };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Six digits: what a curve can show, at half of the size. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

/** `grebe show counters` and `grebe show drops`. */
import { MISC_COUNTERS, type MiscCounter } from '../dataplane/counters.js';
import { DROP_REASONS, VERDICTS, type VerdictEntry, type VerdictName } from '../dataplane/verdicts.js';
import type { DeviceCounter } from '../device/device-counters.js';
import { COUNTER_MEANING } from '../observability/counter-meaning.js';
import type { Snapshot } from '../observability/snapshot.js';
import { count } from './format.js';
import type { Interval } from './show-interval.js';
import { rateText, RIGHT, tableOf, type Cell } from './show-table.js';
import { percent } from './show-units.js';

interface Row {
  readonly name: string;
  readonly stage: string;
  readonly value: number;
  readonly rate: number | null;
  readonly meaning: string;
}

const perSecond = (rate: number): string =>
  rate > 0 && rate < 10 ? rate.toFixed(1) : count(Math.round(rate));

const VALUE: Cell<Row> = { head: 'packets', ...RIGHT, of: ({ value }) => count(value) };
const MEANING: Cell<Row> = { head: 'meaning', wraps: true, of: ({ meaning }) => meaning };
const NAME: Cell<Row> = { head: 'counter', of: ({ name }) => name };

function rateColumn({ isWatched }: Interval): Cell<Row> {
  return { head: 'per s', ...RIGHT, when: isWatched, of: ({ rate }) => rateText(rate, perSecond) };
}

/** What came, what became of it, and what was done on the way. */
export function counterTable(interval: Interval): string {
  const isReceived = (name: MiscCounter): boolean => name.startsWith('received_');
  const rows = [
    ...MISC_COUNTERS.filter(isReceived).map((name) => counterRow(interval, name)),
    ...VERDICTS.filter((verdict) => !DROP_REASONS.includes(verdict)).map((v) => verdictRow(interval, v)),
    droppedRow(interval),
    lostRow(interval),
    ...MISC_COUNTERS.filter((name) => !isReceived(name)).map((name) => counterRow(interval, name)),
  ];
  return tableOf([NAME, { ...VALUE, head: 'count' }, rateColumn(interval), MEANING], rows);
}

/** Where packets were lost: in the pipeline by reason, then in the devices and workers around it. */
export function dropTables(interval: Interval): string {
  const { now } = interval;
  const received = now.counters.received_packets;
  const happened = (row: Row): boolean => row.value > 0;
  const pipeline = DROP_REASONS.map((v) => verdictRow(interval, v)).filter(happened);
  const around = [...deviceRows(interval), lostRow(interval)].filter(happened);
  const share: Cell<Row> = { head: 'share', ...RIGHT, of: ({ value }) => percent(value, received) };
  const tables = [
    ...(pipeline.length === 0
      ? []
      : [
          tableOf(
            [
              { ...NAME, head: 'drop reason' },
              VALUE,
              share,
              rateColumn(interval),
              { head: 'stage', of: ({ stage }) => stage },
              MEANING,
            ],
            pipeline,
          ),
        ]),
    ...(around.length === 0
      ? []
      : [
          tableOf(
            [{ ...NAME, head: 'lost outside of the pipeline' }, VALUE, rateColumn(interval), MEANING],
            around,
          ),
        ]),
  ];
  return tables.length === 0 ? 'nothing dropped' : tables.join('\n\n');
}

function counterRow(interval: Interval, name: MiscCounter): Row {
  const value = ({ counters }: Snapshot): number => counters[name];
  return {
    name,
    stage: '',
    value: value(interval.now),
    rate: interval.rate(value),
    meaning: COUNTER_MEANING[name],
  };
}

function verdictRow(interval: Interval, { name, stage, explanation }: VerdictEntry): Row {
  const value = ({ verdicts }: Snapshot): number => verdicts[name as VerdictName];
  return { name, stage, value: value(interval.now), rate: interval.rate(value), meaning: explanation };
}

/** Packets that the pipeline dropped, for whatever reason. */
export function totalDropped({ verdicts }: Snapshot): number {
  return DROP_REASONS.reduce((sum, { name }) => sum + verdicts[name as VerdictName], 0);
}

function droppedRow(interval: Interval): Row {
  const value = totalDropped(interval.now);
  const meaning = 'Dropped by the pipeline; grebe show drops has the reasons.';
  return { name: 'dropped', stage: '', value, rate: interval.rate(totalDropped), meaning };
}

function lostRow(interval: Interval): Row {
  const value = ({ workerLost }: Snapshot): number => workerLost;
  const meaning = 'Packets that failed workers had in hand.';
  return { name: 'worker_lost', stage: '', value: value(interval.now), rate: interval.rate(value), meaning };
}

const DEVICE_DROPS = {
  rx_dropped_oversized: "Frames longer than the device's buffers.",
  rx_dropped_invalid: 'Frames that make no sense.',
  rx_dropped_queue: "The kernel's receive queue was full: the workers were too slow, or away.",
  tx_dropped_queue: 'The kernel had no room, also after waiting.',
  tx_dropped_size: 'Larger than the interface takes.',
  tx_dropped_unreachable: 'No route, or the interface is down or gone.',
  tx_dropped_error: 'Any other error in sending.',
} as const satisfies Partial<Record<DeviceCounter, string>>;

/** Packets that a device lost on the way in or out. */
export const DEVICE_DROP_COUNTERS = Object.keys(DEVICE_DROPS) as (keyof typeof DEVICE_DROPS)[];

function deviceRows({ devices }: Interval): readonly Row[] {
  return devices.flatMap(({ now, rate }) =>
    DEVICE_DROP_COUNTERS.map((counter) => ({
      name: `${now.name} ${counter}`,
      stage: '',
      value: now.counters[counter],
      rate: rate(({ counters }) => counters[counter]),
      meaning: DEVICE_DROPS[counter],
    })),
  );
}

/** What `grebe replay` prints for people. */
import { DROP_REASONS } from '../dataplane/verdicts.js';
import type { OutputFiles } from '../replay/outputs.js';
import type { DropReason, ReplayResult } from '../replay/result.js';
import { count, duration, packetRate, plural, table } from './format.js';

/** With more tunnels than this, those without a packet are only counted. */
const MANY_TUNNELS = 16;

export function replayReport(result: ReplayResult, files: OutputFiles): string {
  const sections = [
    summary(result),
    totals(result),
    tunnels(result),
    drops(result),
    events(result),
    outputs(result, files),
  ];
  return sections.filter((section) => section !== null).join('\n\n');
}

function summary({ received, elapsed_ns, packets_per_second, workers }: ReplayResult): string {
  const rate = packetRate(packets_per_second);
  return `${plural(received, 'packet')} in ${duration(elapsed_ns)}, ${rate}, ${plural(workers, 'worker')}`;
}

function totals({ received, delivered, answered, dropped }: ReplayResult): string {
  const share = (packets: number): string =>
    received === 0 ? '' : `${((100 * packets) / received).toFixed(1)} %`;
  const answers = answered.echo + answered.keepalive;
  const rows = [
    ['received', count(received), ''],
    ['delivered to the overlay', count(delivered.overlay), share(delivered.overlay)],
    ['delivered to the underlay', count(delivered.underlay), share(delivered.underlay)],
    ...(answers > 0 ? [['answered', count(answers), share(answers)]] : []),
    ['dropped', count(dropped.total), share(dropped.total)],
  ];
  return table([{ head: '' }, { head: 'packets', align: 'right' }, { head: '', align: 'right' }], rows);
}

function tunnels({ tunnels }: ReplayResult): string | null {
  const all = Object.entries(tunnels);
  if (all.length === 0) return null;
  const busy = all.filter(([, t]) => t.decapsulated.packets + t.encapsulated.packets > 0);
  const shown = all.length > MANY_TUNNELS ? busy : all;
  const rows = shown.map(([name, { decapsulated, encapsulated }]) => [
    name,
    count(decapsulated.packets),
    count(decapsulated.bytes),
    count(encapsulated.packets),
    count(encapsulated.bytes),
  ]);
  const columns = [
    { head: 'tunnel' },
    { head: 'decapsulated', align: 'right' },
    { head: 'bytes', align: 'right' },
    { head: 'encapsulated', align: 'right' },
    { head: 'bytes', align: 'right' },
  ] as const;
  const rest = all.length - shown.length;
  const note = rest === 0 ? '' : `\nand ${plural(rest, 'tunnel')} without a packet`;
  return rows.length === 0 ? `no packet in any of ${plural(rest, 'tunnel')}` : table(columns, rows) + note;
}

function drops({ dropped }: ReplayResult): string | null {
  const rows = DROP_REASONS.map(({ name, stage, explanation }) => ({
    packets: dropped.reasons[name as DropReason],
    row: [name, stage, explanation],
  }))
    .filter(({ packets }) => packets > 0)
    .map(({ packets, row: [name = '', stage = '', explanation = ''] }) => [
      name,
      count(packets),
      stage,
      explanation,
    ]);
  if (rows.length === 0) return null;
  return table(
    [
      { head: 'drop reason' },
      { head: 'packets', align: 'right' },
      { head: 'stage' },
      { head: 'explanation', wraps: true },
    ],
    rows,
  );
}

function events(result: ReplayResult): string | null {
  const { mss_clamped, mss_malformed, fragmented, fragments_created, icmp_errors, icmp_suppressed } = result;
  const rows = [
    ['MSS lowered', mss_clamped, 'packet'],
    ['TCP options malformed, left as they are', mss_malformed, 'packet'],
    ['fragmented', fragmented, 'packet'],
    ['fragments made of them', fragments_created, ''],
    ['ICMP errors sent', icmp_errors, ''],
    ['ICMP errors not to be sent', icmp_suppressed, ''],
  ] as const;
  const shown = rows.filter(([, packets]) => packets > 0).map(([name, packets]) => [name, count(packets)]);
  return shown.length === 0 ? null : table([{ head: 'event' }, { head: 'packets', align: 'right' }], shown);
}

function outputs({ outputs }: ReplayResult, files: OutputFiles): string | null {
  const rows = (['overlay', 'underlay', 'dropped'] as const).flatMap((what) => {
    const volume = outputs[what];
    return volume === null ? [] : [[what, count(volume.packets), count(volume.bytes), files[what] ?? '']];
  });
  if (rows.length === 0) return null;
  return table(
    [
      { head: 'written' },
      { head: 'packets', align: 'right' },
      { head: 'bytes', align: 'right' },
      { head: 'file' },
    ],
    rows,
  );
}

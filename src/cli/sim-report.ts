/** What `grebe sim run` prints for people, of one scenario and of all. */
import type { Results, TrafficResult } from '../simulator/run/results.js';
import { count, plural, table } from './format.js';

/** Longer lists are cut: the whole is in --json and --report. */
const MOST_ROWS = 16;
const MOST_EVENTS = 24;

export function simReport(results: Results): string {
  const sections = [
    headline(results),
    expectations(results),
    failures(results),
    traffic(results),
    nexthops(results),
    drops(results),
    events(results),
  ];
  return sections.filter((section) => section !== null).join('\n\n');
}

/** One of several scenarios: a line if it holds, the whole if not. */
export function simBrief(results: Results): string {
  const { passed, expectations, scenario } = results;
  if (!passed) return `\n${simReport(results)}\n`;
  return `ok  ${scenario.file}: ${plural(expectations.length, 'expectation')}`;
}

/** Over all scenarios: of several, what failed once more, as it may stand far above; then one line. */
export function simSummary(all: readonly Results[]): string {
  const checks = all.flatMap(({ expectations }) => expectations);
  const failed = checks.filter(({ passed }) => !passed).length;
  const bad = all.filter(({ passed }) => !passed);
  const scenarios = bad.length === 0 ? '' : `, ${count(bad.length)} failed`;
  const verdict = failed === 0 ? 'all hold' : `${count(failed)} failed`;
  const expected =
    checks.length === 0 ? 'nothing was expected' : `${plural(checks.length, 'expectation')}, ${verdict}`;
  const again =
    all.length === 1 ? [] : bad.map((results) => `FAILED  ${results.scenario.file}: ${failedNames(results)}`);
  return [...again, `${plural(all.length, 'scenario')}${scenarios}; ${expected}`].join('\n');
}

function failedNames({ expectations }: Results): string {
  return expectations
    .filter(({ passed }) => !passed)
    .map(({ name }) => name)
    .join('; ');
}

function headline({ scenario, topology, work }: Results): string {
  const { file, name, seed, duration } = scenario;
  const network = [plural(topology.pops.length, 'PoP'), plural(topology.tunnels.length, 'tunnel')].join(', ');
  return `${file}: ${name}, ${duration} s, seed ${seed}, ${network}, ${plural(work.packet_hops, 'packet-hop')}`;
}

function expectations({ expectations }: Results): string | null {
  if (expectations.length === 0) return null;
  const rows = expectations.map(({ passed, name, found }) => [passed ? 'ok' : 'FAILED', name, found]);
  return table([{ head: '' }, { head: 'expectation' }, { head: 'found', wraps: true }], rows);
}

function failures({ scenario, expectations }: Results): string | null {
  const failed = expectations.filter(({ passed }) => !passed);
  if (failed.length === 0) return null;
  return failed
    .map(({ line, column, expected, found }) => {
      const place = line === null ? scenario.file : `${scenario.file}:${line}:${column ?? 1}`;
      return `${place}: expected: ${expected}\n${' '.repeat(4)}found: ${found}`;
    })
    .join('\n');
}

function traffic({ traffic }: Results): string | null {
  if (traffic.length === 0) return null;
  const rows = traffic.map((one) => [
    one.name,
    one.type,
    count(one.sent.packets),
    count(one.delivered.packets),
    one.connections === null ? '' : `${count(one.connections.completed)}/${count(one.connections.opened)}`,
    gap(one),
    one.rtt === null ? '' : milliseconds(one.rtt.mean),
  ]);
  return table(
    [
      { head: 'traffic' },
      { head: 'type' },
      { head: 'sent', align: 'right' },
      { head: 'arrived', align: 'right' },
      { head: 'connections', align: 'right' },
      { head: 'longest gap', align: 'right' },
      { head: 'round trip', align: 'right' },
    ],
    rows,
  );
}

function gap({ longest_gap }: TrafficResult): string {
  return longest_gap === null ? '' : milliseconds(longest_gap.to - longest_gap.from);
}

function milliseconds(seconds: number): string {
  return seconds >= 1 ? `${seconds.toFixed(2)} s` : `${(seconds * 1000).toFixed(1)} ms`;
}

function nexthops({ nexthops }: Results): string | null {
  const busy = nexthops.filter((n) => n.to_customer.packets + n.from_customer.packets > 0);
  if (busy.length === 0) return null;
  const total = busy.reduce((sum, { to_customer }) => sum + to_customer.bytes, 0);
  const rows = busy
    .slice(0, MOST_ROWS)
    .map(({ name, to_customer, from_customer }) => [
      name,
      count(to_customer.packets),
      count(to_customer.bytes),
      total === 0 ? '' : `${((100 * to_customer.bytes) / total).toFixed(1)} %`,
      count(from_customer.packets),
      count(from_customer.bytes),
    ]);
  const columns = [
    { head: 'next hop' },
    { head: 'to customer', align: 'right' },
    { head: 'bytes', align: 'right' },
    { head: 'share', align: 'right' },
    { head: 'from customer', align: 'right' },
    { head: 'bytes', align: 'right' },
  ] as const;
  return table(columns, rows) + more(busy.length - rows.length, 'next hop');
}

function drops({ drops }: Results): string | null {
  if (drops.length === 0) return null;
  const sorted = drops.toSorted((a, b) => b.packets - a.packets);
  const rows = sorted.slice(0, MOST_ROWS).map(({ reason, packets, node }) => [reason, count(packets), node]);
  const columns = [{ head: 'drop reason' }, { head: 'packets', align: 'right' }, { head: 'at' }] as const;
  return table(columns, rows) + more(sorted.length - rows.length, 'line');
}

function events({ events }: Results): string | null {
  if (events.length === 0) return null;
  const rows = events.slice(0, MOST_EVENTS).map(({ at, kind, text }) => [`${at.toFixed(3)} s`, kind, text]);
  const columns = [{ head: 'time', align: 'right' }, { head: 'event' }, { head: '', wraps: true }] as const;
  return table(columns, rows) + more(events.length - rows.length, 'event');
}

function more(rest: number, noun: string): string {
  return rest === 0 ? '' : `\nand ${plural(rest, noun)} more`;
}

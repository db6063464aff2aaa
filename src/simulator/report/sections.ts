/** The parts of a scenario's page that are tables. */
import type {
  AlertResult,
  BgpResult,
  DropResult,
  EventResult,
  ExpectationResult,
  LinkResult,
  NexthopResult,
  Results,
  TimelineResult,
  TrafficResult,
} from '../run/results.js';
import { tickText } from './axis.js';
import { healthWords } from './bands.js';
import { html, type Content, type Markup } from './markup.js';
import { table } from './table.js';
import { bitRate, bytes, count, counted, moment, percent, time } from './words.js';

/** Verdicts that are shown at once: so many in all, or as many as failed. */
const MOST_VERDICTS = 20;
const MOST_FAILED = 100;

/** Those that failed first. */
export function expectations({ expectations: all, scenario: { file } }: Results): Markup | null {
  const failed = all.filter(({ passed }) => !passed);
  return table<ExpectationResult>({
    caption: 'What must be true, and what was found',
    rows: [...failed, ...all.filter(({ passed }) => passed)],
    shown: Math.max(MOST_VERDICTS, Math.min(failed.length, MOST_FAILED)),
    isBad: ({ passed }) => !passed,
    stacks: true,
    columns: [
      { head: 'Verdict', cell: ({ passed }) => verdict(passed) },
      {
        head: 'Expectation',
        as: 'head',
        cell: ({ name, expected, line, column }) =>
          html`${name}
            <div class="note">${expected}</div>
            ${line === null ? null : html`<div class="note">${file}:${line}:${column ?? 1}</div>`}`,
      },
      { head: 'Found', cell: ({ found }) => found },
      { head: 'Span', as: 'time', cell: ({ from, to }) => `${tickText(from)} to ${tickText(to)}` },
    ],
  });
}

export function verdict(passed: boolean): Markup {
  return passed
    ? html`<span class="verdict ok">✓ holds</span>`
    : html`<span class="verdict failed">✗ failed</span>`;
}

export function timeline({ timeline: rows }: Results): Markup | null {
  const numbers = new Map(rows.map((row, i) => [row, i + 1]));
  return table<TimelineResult>({
    caption: 'What happened to the network; the numbers are those in the charts',
    rows,
    isBad: ({ outcome }) => outcome === 'refused',
    columns: [
      { head: 'No.', as: 'number', cell: (row) => numbers.get(row) ?? 0 },
      { head: 'At', as: 'number', cell: ({ at }) => moment(at) },
      { head: 'Event', as: 'head', cell: ({ note }) => note },
      {
        head: 'Action',
        cell: ({ text, outcome, lines }) =>
          html`${text}${outcome === 'refused' ? html` <span class="failed">refused</span>` : null}${
            lines.length === 0
              ? null
              : html`<ul class="lines">
                  ${lines.map((line) => html`<li>${line}</li>`)}
                </ul>`
          }`,
      },
    ],
  });
}

export function events({ events: rows }: Results): Markup | null {
  return table<EventResult>({
    caption: 'What followed, by time',
    rows: rows.filter(({ kind }) => kind !== 'timeline'),
    columns: [
      { head: 'At', as: 'number', cell: ({ at }) => moment(at) },
      { head: 'Kind', cell: ({ kind }) => kind },
      { head: 'Event', cell: ({ text }) => text },
    ],
  });
}

export function traffics({ traffic: rows }: Results): Markup | null {
  const range = (mss: { readonly least: number; readonly most: number } | null): string =>
    mss === null ? '' : mss.least === mss.most ? count(mss.least) : `${count(mss.least)}–${count(mss.most)}`;
  return table<TrafficResult>({
    caption: 'Traffic, both ways',
    rows,
    columns: [
      {
        head: 'Traffic',
        as: 'head',
        cell: ({ name, type, from, to, flows }) =>
          html`${name}
            <div class="note">${type}, ${from} → ${to}, ${counted(flows, 'flow')}</div>`,
      },
      { head: 'Sent', as: 'number', cell: ({ sent }) => count(sent.packets) },
      { head: 'Lost', as: 'number', cell: ({ sent, lost }) => lostWords(sent.packets, lost) },
      { head: 'Arrived', as: 'number', cell: ({ delivered }) => bytes(delivered.bytes) },
      {
        head: 'Connections',
        as: 'number',
        cell: ({ connections }) =>
          connections === null
            ? ''
            : html`${count(connections.completed)} of
              ${count(connections.opened)}${
                connections.failed === 0
                  ? null
                  : html`<div class="failed">${count(connections.failed)} failed</div>`
              }`,
      },
      {
        head: 'Longest gap',
        as: 'number',
        cell: ({ longest_gap: gap }) =>
          gap === null
            ? ''
            : html`${time(gap.to - gap.from)}
                <div class="note">at ${time(gap.from)}</div>`,
      },
      {
        head: 'Round trip',
        as: 'number',
        cell: ({ rtt }) =>
          rtt === null
            ? ''
            : html`${time(rtt.mean)}
                <div class="note">${time(rtt.least)} to ${time(rtt.most)}</div>`,
      },
      {
        head: 'MSS seen',
        as: 'number',
        cell: ({ mss: { client, server } }) =>
          client === null && server === null
            ? ''
            : html`${range(client)} client
                <div class="note">${range(server)} server</div>`,
      },
    ],
  });
}

function lostWords(sent: number, lost: number): Content {
  if (lost <= 0) return '0';
  return html`${count(lost)}
    <div class="note">${percent(sent === 0 ? 0 : lost / sent)}</div>`;
}

export function nexthops({ nexthops: rows, health, scenario: { duration } }: Results): Markup | null {
  const ends = new Map(health.map(({ tunnel, end }) => [tunnel, healthWords(end)]));
  const all = rows.reduce((sum, { to_customer }) => sum + to_customer.bytes, 0);
  const rate = (value: number): string => bitRate((value * 8) / duration);
  return table<NexthopResult>({
    caption: 'Tunnels and interconnects: inner packets, and rates as the mean of the whole run',
    rows,
    columns: [
      {
        head: 'Next hop',
        as: 'head',
        cell: ({ name, kind }) =>
          html`${name}
            <div class="note">${kind}</div>`,
      },
      { head: 'Health at the end', cell: ({ name }) => ends.get(name) ?? 'not probed' },
      { head: 'To the customer', as: 'number', cell: ({ to_customer }) => bytes(to_customer.bytes) },
      {
        head: 'Share',
        as: 'number',
        cell: ({ to_customer }) => (all === 0 ? '' : percent(to_customer.bytes / all)),
      },
      { head: 'Rate', as: 'number', cell: ({ to_customer }) => rate(to_customer.bytes) },
      { head: 'From the customer', as: 'number', cell: ({ from_customer }) => bytes(from_customer.bytes) },
      { head: 'Rate', as: 'number', cell: ({ from_customer }) => rate(from_customer.bytes) },
      {
        head: 'By PoP',
        cell: ({ colos }) =>
          [...colos]
            .slice(0, 6)
            .map(
              ({ colo, to_customer, from_customer }) =>
                `${colo} ${count(to_customer.packets + from_customer.packets)}`,
            )
            .join(', ') + (colos.length > 6 ? ` and ${colos.length - 6} more` : ''),
      },
    ],
  });
}

export function drops({ drops: rows }: Results): Markup | null {
  return table<DropResult>({
    caption: 'Packets that were dropped, by reason and place',
    rows,
    columns: [
      { head: 'Reason', as: 'head', cell: ({ reason }) => html`<code>${reason}</code>` },
      { head: 'At', cell: ({ node }) => node },
      { head: 'Packets', as: 'number', cell: ({ packets }) => count(packets) },
    ],
  });
}

export function links({ links: rows }: Results): Markup | null {
  return table<LinkResult>({
    caption: 'Links, one way each',
    rows: rows.filter(({ packets }) => packets > 0),
    columns: [
      { head: 'Link', as: 'head', cell: ({ name }) => name },
      { head: 'Packets', as: 'number', cell: ({ packets }) => count(packets) },
      { head: 'Carried', as: 'number', cell: ({ bytes: carried }) => bytes(carried) },
      { head: 'Largest packet', as: 'number', cell: ({ largest_packet }) => `${count(largest_packet)} B` },
    ],
  });
}

export function alerts({ alerts: rows }: Results): Markup | null {
  return table<AlertResult>({
    caption: 'Alerts',
    rows,
    columns: [
      { head: 'At', as: 'number', cell: ({ at }) => moment(at) },
      { head: 'Alert', as: 'head', cell: ({ name }) => name },
      { head: '', cell: ({ raised }) => (raised ? 'raised' : 'ended') },
      { head: 'Text', cell: ({ text }) => text },
    ],
  });
}

export function sessions({ bgp }: Results): Markup | null {
  const rows = bgp.flatMap(({ session, nexthop, states }: BgpResult) =>
    states.map((state) => ({ session, nexthop, ...state })),
  );
  return table({
    caption: 'BGP sessions',
    rows,
    columns: [
      { head: 'At', as: 'number', cell: ({ at }) => moment(at) },
      { head: 'Session', as: 'head', cell: ({ session, nexthop }) => `${session} over ${nexthop}` },
      { head: 'State', cell: ({ state }) => state },
      { head: 'Why', cell: ({ reason }) => reason },
    ],
  });
}

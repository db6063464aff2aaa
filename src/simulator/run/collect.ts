/** From what a run recorded to its results. */
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { Verdict } from '../expect/watch.js';
import type { Scenario, TrafficSpec } from '../scenario/scenario.js';
import { happenings } from './happenings.js';
import type { RunRecorder } from './recorder.js';
import {
  RESULTS_FORMAT,
  type ExpectationResult,
  type Flowing,
  type HealthResult,
  type LinkResult,
  type NexthopResult,
  type PacketsAndBytes,
  type Results,
  type Seconds,
  type TrafficResult,
  type WorkResult,
} from './results.js';
import { topologyOf } from './topology.js';
import type { Statistic } from './traffic-tally.js';

/** A place in the scenario file. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Collected {
  readonly scenario: Scenario;
  readonly file: string;
  readonly recorder: RunRecorder;
  readonly verdicts: readonly Verdict[];
  /** Of each expectation; null where no file gave it. */
  readonly places: readonly (Place | null)[];
  readonly work: WorkResult;
}

export function collect({ scenario, file, recorder, verdicts, places, work }: Collected): Results {
  const { axis, chronicle } = recorder;
  const expectations = scenario.expect.map((expectation, i): ExpectationResult => {
    const { name, check, span } = expectation;
    const { passed, expected, found } = verdicts[i]!;
    const { line, column } = places[i] ?? { line: null, column: null };
    return {
      ...{ name, check, passed, expected, found },
      ...{ from: s(span.from), to: s(span.to), line, column },
    };
  });
  const interconnects = scenario.network.interconnects.map(({ name, colo }) => ({
    name,
    colo,
    statuses: (chronicle.statuses.get(name) ?? []).map(timed),
  }));
  const bgp = scenario.network.bgp_sessions.map(({ name, nexthop }) => ({
    session: name,
    nexthop,
    states: (chronicle.sessions.get(name) ?? []).map(timed),
  }));
  return {
    format: RESULTS_FORMAT,
    scenario: {
      ...{ name: scenario.name, description: scenario.description, file, seed: scenario.seed },
      ...{ duration: s(scenario.duration), start: scenario.start },
    },
    passed: expectations.every(({ passed }) => passed),
    expectations,
    topology: topologyOf(scenario),
    timeline: chronicle.timeline.map(timed),
    events: happenings(chronicle).map(timed),
    series: { width: s(axis.width), count: axis.count },
    nexthops: nexthops(scenario, recorder),
    health: health(recorder),
    interconnects,
    bgp,
    alerts: chronicle.alerts.map(timed),
    traffic: scenario.traffic.map((spec, i) => traffic(spec, i, recorder)),
    links: links(recorder),
    drops: recorder.dropPairs.map((pair, i) => {
      const { node, reason } = recorder.pairOf(pair);
      return {
        node: recorder.nodes.list[node]!,
        reason: recorder.reasons.list[reason]!,
        packets: recorder.dropCounters.values[i]!,
        series: recorder.dropCounters.series(i),
      };
    }),
    work,
  };
}

function s(time: Nanoseconds): Seconds {
  return time / SECOND;
}

function timed<T extends { readonly at: Nanoseconds }>(entry: T): T {
  return { ...entry, at: s(entry.at) };
}

function nexthops(scenario: Scenario, recorder: RunRecorder): NexthopResult[] {
  const { tunnels, interconnects } = scenario.network;
  const configured = new Map<string, NexthopResult['kind']>([
    ...tunnels.map(({ name }) => [name, 'tunnel'] as const),
    ...interconnects.map(({ name }) => [name, 'interconnect'] as const),
  ]);
  // Those that a change put in while the run lasted stand behind.
  const names = [...new Set([...configured.keys(), ...recorder.nexthops.list])];
  return names.map((name) => {
    const number = recorder.nexthop(name);
    const colos = scenario.edge.pops.flatMap(({ name: colo }, i) => {
      const [toPackets, toBytes, fromPackets, fromBytes] = recorder.atColo(i, number);
      if (toPackets + fromPackets === 0) return [];
      const to_customer = { packets: toPackets, bytes: toBytes };
      return [{ colo, to_customer, from_customer: { packets: fromPackets, bytes: fromBytes } }];
    });
    return {
      ...{ name, kind: configured.get(name) ?? 'tunnel' },
      to_customer: flowing(recorder, 4 * number),
      from_customer: flowing(recorder, 4 * number + 2),
      colos,
    };
  });
}

function flowing({ nexthopCounters: { values }, nexthopCounters }: RunRecorder, at: number): Flowing {
  return {
    packets: values[at]!,
    bytes: values[at + 1]!,
    packets_series: nexthopCounters.series(at),
    bytes_series: nexthopCounters.series(at + 1),
  };
}

function health({ chronicle }: RunRecorder): HealthResult[] {
  return Array.from(chronicle.probed, ([tunnel, colos]) => {
    const end = { healthy: 0, degraded: 0, down: 0 };
    for (const state of chronicle.healthAt(tunnel, Infinity).values()) end[state]++;
    const transitions = chronicle.transitions
      .filter((transition) => transition.tunnel === tunnel)
      .map(({ at, colo, from, to }) => ({ at: s(at), colo, from, to }));
    return { tunnel, colos: colos.length, transitions, end };
  });
}

function traffic(spec: TrafficSpec, number: number, recorder: RunRecorder): TrafficResult {
  const { tallies, flows, drops, nexthops } = recorder.traffics[number]!;
  const tally = tallies[0]!;
  const series = (counter: number): number[] => recorder.trafficCounters.series(3 * number + counter);
  const { opened, completed, failed, longestGap: gap } = tally;
  const sent: PacketsAndBytes = { packets: tally.sentPackets, bytes: tally.sentBytes };
  const delivered: PacketsAndBytes = { packets: tally.arrivedPackets, bytes: tally.arrivedBytes };
  return {
    ...{ name: spec.name, type: spec.type },
    from: spec.type === 'flood' ? spec.from.join(', ') : spec.from,
    to: spec.type === 'capture' ? spec.file : spec.to,
    ...{ flows, sent, delivered, lost: sent.packets - delivered.packets },
    longest_gap: gap === null ? null : { from: s(gap.from), to: s(gap.to) },
    ...{ delay: times(tally.delay), rtt: times(tally.rtt) },
    connections: spec.type === 'tcp' ? { opened, completed, failed } : null,
    mss: { client: range(tally.mssAtClient), server: range(tally.mssAtServer) },
    ...{ sent_series: series(0), delivered_series: series(1), delivered_bytes_series: series(2) },
    drops: Array.from(drops, ([reason, packets]) => ({ reason: recorder.reasons.list[reason]!, packets })),
    nexthops: recorder.nexthops.list.flatMap((nexthop, i) => {
      const took = nexthops.get(i);
      return took === undefined ? [] : [{ nexthop, ...took }];
    }),
  };
}

function times(statistic: Statistic): TrafficResult['delay'] {
  const { count, least, mean, most } = statistic;
  return count === 0 ? null : { least: s(least), mean: s(Math.round(mean)), most: s(most) };
}

function range({ count, least, most }: Statistic): { least: number; most: number } | null {
  return count === 0 ? null : { least, most };
}

function links({ links, linkCounters: { values }, largest }: RunRecorder): LinkResult[] {
  return links.list.map((name, i) => ({
    name,
    packets: values[2 * i]!,
    bytes: values[2 * i + 1]!,
    largest_packet: largest.of(i),
  }));
}

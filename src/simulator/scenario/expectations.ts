/** `expect`: which keys belong to which check, their units, and that what they name is there. */
import { nearest, quote, type ConfigPath } from '../../config/problem.js';
import type { NetworkConfig } from '../../config/network.js';
import { DROP_REASONS } from '../../dataplane/verdicts.js';
import { SIMULATOR_DROPS } from '../core/drop-reasons.js';
import type { Nanoseconds } from '../../network/time.js';
import { readBounds } from './bounds.js';
import { linkNames } from './links.js';
import { suggestFew, type Names } from './names.js';
import { checkKeys, chosenKey } from './one-of.js';
import type { RawExpectation } from './raw.js';
import { present, type Reading } from './reading.js';
import {
  TUNNEL_STATES,
  type Expectation,
  type ExpectationCheck,
  type HostSpec,
  type SiteSpec,
  type Span,
  type TimelineEvent,
} from './scenario.js';

const BOUNDS = ['min', 'max', 'is', 'within'] as const;

const KEYS = {
  reach: BOUNDS,
  share: [...BOUNDS, 'of'],
  gap: BOUNDS,
  failover: [...BOUNDS, 'traffic'],
  mss: [...BOUNDS, 'side'],
  largest_packet: BOUNDS,
  health: ['is', 'colo', 'at'],
  status: ['is', 'at'],
  bgp: ['is', 'at'],
  alert: ['raised'],
  drops: [...BOUNDS, 'node'],
  throughput: BOUNDS,
} as const;
type Check = keyof typeof KEYS;

const STATES = {
  health: TUNNEL_STATES,
  status: ['active', 'unhealthy', 'pending'],
  bgp: ['established', 'idle'],
} as const;

const REASONS: readonly string[] = [
  ...DROP_REASONS.map(({ name }) => name),
  ...SIMULATOR_DROPS.map(([name]) => name),
];

export interface ExpectationContext {
  readonly reading: Reading;
  readonly names: Names;
  readonly duration: Nanoseconds;
  /** Every resource that there is at some time. */
  readonly network: NetworkConfig;
  readonly sites: readonly SiteSpec[];
  readonly hosts: readonly HostSpec[];
  /** Names of all traffic in the file, also of what has problems of its own. */
  readonly traffic: readonly string[];
  readonly timeline: readonly TimelineEvent[];
}

export function readExpectations(
  list: readonly (RawExpectation | undefined)[],
  context: ExpectationContext,
): Expectation[] {
  const used = new Map<string, number>();
  return present(list).flatMap(([raw, i]) => {
    const path = ['expect', i];
    const check = chosenKey(raw, Object.keys(KEYS) as Check[], path, context.reading);
    if (check === null) return [];
    checkKeys(raw, check, KEYS, ['name', 'from', 'to'], path, context.reading);
    const span = readSpan(raw, path, context);
    const what = readCheck(check, raw, path, context);
    if (what === null) return [];
    const name = raw.name ?? describe(check, raw);
    const times = (used.get(name) ?? 0) + 1;
    used.set(name, times);
    return { name: times === 1 ? name : `${name} (${times})`, span, ...what };
  });
}

/** As the file has it: `reach pages min 99%`. */
function describe(check: Check, raw: RawExpectation): string {
  const parts: string[] = [check];
  for (const [key, value] of Object.entries(raw) as [string, unknown][]) {
    const text = Array.isArray(value) ? value.join('+') : String(value);
    if (key === check) parts.splice(1, 0, text);
    else parts.push(key, text);
  }
  return parts.join(' ');
}

function readSpan(raw: RawExpectation, path: ConfigPath, { reading, duration }: ExpectationContext): Span {
  const { source } = reading;
  for (const key of ['from', 'to', 'at'] as const) {
    const text = raw[key];
    if (text !== undefined && reading.duration(text, [...path, key], 0) > duration) {
      source.mismatch([...path, key], text, 'a time before the end of the run (duration)');
    }
  }
  if (raw.at !== undefined && raw.to !== undefined) {
    source.report([...path, 'to'], 'to beside `at`: expected one of them', { of: 'key' });
  }
  const from = reading.duration(raw.from, [...path, 'from'], 0);
  const to = reading.duration(raw.at ?? raw.to, [...path, 'to'], duration);
  if (to < from || (to === from && raw.at === undefined)) {
    source.mismatch(
      [...path, raw.to === undefined ? 'from' : 'to'],
      raw.to ?? raw.from ?? '',
      'an end behind the beginning',
    );
  }
  return { from, to };
}

function readCheck(
  check: Check,
  raw: RawExpectation,
  path: ConfigPath,
  context: ExpectationContext,
): ExpectationCheck | null {
  const { reading, names, network } = context;
  const at = [...path, check];
  switch (check) {
    case 'reach': {
      const share = readBounds(raw, 'share', path, reading, { min: 1, max: null });
      return ifFound(knownTraffic(raw.reach, at, context), (traffic) => ({ check, traffic, share }));
    }
    case 'share':
      return readShare(raw, path, context);
    case 'gap': {
      const seconds = readBounds(raw, 'seconds', path, reading);
      return ifFound(knownTraffic(raw.gap, at, context), (traffic) => ({ check, traffic, seconds }));
    }
    case 'failover': {
      const seconds = readBounds(raw, 'seconds', path, reading);
      if (raw.traffic === undefined && !reading.source.has([...path, 'traffic'])) {
        reading.source.mismatch([...path, 'traffic'], 'nothing', 'the name of traffic');
      }
      const event = knownEvent(raw.failover ?? '', at, context);
      const traffic = knownTraffic(raw.traffic, [...path, 'traffic'], context);
      return event === null || traffic === null ? null : { check, event, traffic, seconds };
    }
    case 'mss': {
      const bytes = readBounds(raw, 'bytes', path, reading);
      const side = raw.side ?? 'server';
      return ifFound(knownTraffic(raw.mss, at, context), (traffic) => ({ check, traffic, at: side, bytes }));
    }
    case 'largest_packet': {
      const bytes = readBounds(raw, 'bytes', path, reading);
      const link = among(raw.largest_packet ?? '', linkNames(context), 'the name of a link', at, reading);
      return ifFound(link, (link) => ({ check, link, bytes }));
    }
    case 'health': {
      const tunnel = names.resolve(raw.health ?? '', at, 'tunnel', 'interconnect');
      const state = readState(raw, STATES.health, path, reading);
      const colo = raw.colo === undefined ? null : names.resolve(raw.colo, [...path, 'colo'], 'pop');
      return tunnel === null || state === null ? null : { check, tunnel, colo, state };
    }
    case 'status': {
      const interconnect = names.resolve(raw.status ?? '', at, 'interconnect');
      const status = readState(raw, STATES.status, path, reading);
      return interconnect === null || status === null ? null : { check, interconnect, status };
    }
    case 'bgp': {
      const sessions = network.bgp_sessions.map(({ name }) => name);
      const session = among(raw.bgp ?? '', sessions, 'the name of a BGP session', at, reading);
      const state = readState(raw, STATES.bgp, path, reading);
      return session === null || state === null ? null : { check, session, state };
    }
    case 'alert': {
      const alerts = network.alerts.map(({ name }) => name);
      const alert = among(raw.alert ?? '', alerts, 'the name of an alert', at, reading);
      return ifFound(alert, (alert) => ({ check, alert, raised: raw.raised ?? true }));
    }
    case 'drops': {
      const count = readBounds(raw, 'count', path, reading);
      const reason = knownReason(raw.drops ?? '', at, reading);
      const node = raw.node === undefined ? null : knownNode(raw.node, [...path, 'node'], context);
      return ifFound(reason, (reason) => ({ check, reason, node, count }));
    }
    case 'throughput': {
      const bits_per_second = readBounds(raw, 'rate', path, reading);
      const traffic = knownTraffic(raw.throughput, at, context);
      return ifFound(traffic, (traffic) => ({ check, traffic, bits_per_second }));
    }
  }
}

function readShare(
  raw: RawExpectation,
  path: ConfigPath,
  context: ExpectationContext,
): ExpectationCheck | null {
  const { reading, names, network } = context;
  const share = readBounds(raw, 'share', path, reading);
  const list = typeof raw.share === 'string' ? [raw.share] : (raw.share ?? []);
  const resolve = (entries: readonly (string | undefined)[], at: (i: number) => ConfigPath): string[] =>
    present(entries).flatMap(([name, i]) => names.resolve(name, at(i), 'tunnel', 'interconnect') ?? []);
  const nexthops = resolve(list, (i) => [...path, 'share', ...(typeof raw.share === 'string' ? [] : [i])]);
  const all = [...network.tunnels, ...network.interconnects].map(({ name }) => name);
  const of = raw.of === undefined ? all : resolve(raw.of, (i) => [...path, 'of', i]);
  nexthops.forEach((name) => {
    if (of.includes(name) || raw.of === undefined) return;
    reading.source.mismatch(
      [...path, 'share'],
      quote(name),
      `one of those that it is a share of (${of.join(', ')})`,
    );
  });
  return nexthops.length === 0 ? null : { check: 'share', nexthops, of, share };
}

function ifFound<T>(value: string | null, make: (value: string) => T): T | null {
  return value === null ? null : make(value);
}

function readState<S extends string>(
  { is }: RawExpectation,
  states: readonly S[],
  path: ConfigPath,
  { source }: Reading,
): S | null {
  const state = states.find((one) => one === is);
  if (state !== undefined) return state;
  const expected = `one of ${states.join(', ')}`;
  if (is !== undefined)
    source.mismatch([...path, 'is'], quote(String(is)), `${expected}${nearest(String(is), states)}`);
  else if (!source.has([...path, 'is'])) source.mismatch([...path, 'is'], 'nothing', expected);
  return null;
}

function knownTraffic(
  name: string | undefined,
  path: ConfigPath,
  { traffic, reading }: ExpectationContext,
): string | null {
  return name === undefined ? null : among(name, traffic, 'the name of traffic', path, reading);
}

function knownEvent(
  note: string,
  path: ConfigPath,
  { timeline, reading }: ExpectationContext,
): string | null {
  return among(
    note,
    [...new Set(timeline.map((event) => event.note))],
    'the note of an event',
    path,
    reading,
  );
}

/** Of the dataplane, or of the network around it. */
function knownReason(reason: string, path: ConfigPath, reading: Reading): string | null {
  if (REASONS.includes(reason)) return reason;
  const near = nearest(reason, REASONS) || '; docs/verdicts.md and docs/scenario.md have them all';
  reading.source.mismatch(path, quote(reason), `a drop reason${near}`);
  return null;
}

function knownNode(text: string, path: ConfigPath, context: ExpectationContext): string | null {
  const { names, sites, reading } = context;
  const canonical = names.canonical(text);
  const nodes = [
    ...names.of('pop', 'router', 'host'),
    ...sites.map(({ name }) => name),
    'internet',
    'backbone',
    ...linkNames(context),
  ];
  return among(
    canonical,
    nodes,
    'the name of a PoP, router, host, site or link, internet or backbone',
    path,
    reading,
  );
}

function among(
  name: string,
  known: readonly string[],
  expected: string,
  path: ConfigPath,
  { source }: Reading,
): string | null {
  if (known.includes(name)) return name;
  source.mismatch(
    path,
    quote(name),
    `${expected}${known.length === 0 ? '; there is none' : suggestFew(name, known)}`,
  );
  return null;
}

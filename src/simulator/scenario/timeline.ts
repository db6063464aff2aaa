/** `timeline`: which keys belong to which action, what targets there are, and events that have an end. */
import { quote, type ConfigPath } from '../../config/problem.js';
import type { NetworkConfig } from '../../config/network.js';
import type { Nanoseconds } from '../../network/time.js';
import { KINDS, suggestFew, type Names } from './names.js';
import { checkKeys, chosenKey } from './one-of.js';
import type { RawEvent } from './raw.js';
import { present, type Reading } from './reading.js';
import { readAnnouncement } from './router-bgp.js';
import {
  FAILURE_KINDS,
  type EdgeSpec,
  type FailureKind,
  type NetworkChange,
  type SiteSpec,
  type TimelineAction,
  type TimelineEvent,
} from './scenario.js';
import { findTarget, targetNames } from './targets.js';

const PATH = ['delay', 'jitter', 'loss', 'reorder', 'rate', 'queue', 'mtu', 'too_big'] as const;

const KEYS = {
  fail: ['for'],
  restore: [],
  degrade: ['for', ...PATH],
  light_level: ['dbm'],
  bgp_announce: ['session', 'prepend', 'communities'],
  bgp_withdraw: ['session'],
  bgp_restart: ['for'],
  relay: ['for'],
  put: ['remove'],
  remove: ['put'],
} as const;
type EventKind = keyof typeof KEYS;

export interface TimelineContext {
  readonly reading: Reading;
  readonly names: Names;
  readonly duration: Nanoseconds;
  readonly edge: EdgeSpec;
  readonly sites: readonly SiteSpec[];
  /** Every resource that there is at some time. */
  readonly network: NetworkConfig;
  /** By index of the event in the file. */
  readonly changes: ReadonlyMap<number, NetworkChange>;
}

/** In the order of time; equal times in that of the file. */
export function readTimeline(
  list: readonly (RawEvent | undefined)[],
  context: TimelineContext,
): TimelineEvent[] {
  const events = present(list).flatMap(([raw, i]) => readEvent(raw, i, context));
  return events.toSorted((a, b) => a.at - b.at);
}

/** Events with `put` or `remove` in the order in which they happen. */
export function changesOf(
  list: readonly (RawEvent | undefined)[],
  reading: Reading,
): { readonly index: number; readonly raw: RawEvent }[] {
  return present(list)
    .filter(([{ put, remove }]) => put !== undefined || remove !== undefined)
    .map(([raw, index]) => ({ index, raw, at: reading.duration(raw.at, ['timeline', index, 'at'], 0) }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ index, raw }) => ({ index, raw }));
}

function readEvent(raw: RawEvent, index: number, context: TimelineContext): TimelineEvent[] {
  const { reading, duration } = context;
  const { source } = reading;
  const path = ['timeline', index];
  const kinds = (Object.keys(KEYS) as EventKind[]).filter((key) => key !== 'remove' || raw.put === undefined);
  const kind = chosenKey(raw, kinds, path, reading);
  if (kind === null || raw.at === undefined) return [];
  checkKeys(raw, kind, KEYS, ['at', 'note'], path, reading);
  const at = reading.duration(raw.at, [...path, 'at'], 0);
  if (at > duration) {
    source.mismatch([...path, 'at'], raw.at, 'a time before the end of the run (duration)');
    return [];
  }
  const action = readAction(kind, raw, path, index, context);
  if (action === null) return [];
  const event = { at, note: raw.note ?? describe(kind, raw), ...action };
  const end = raw.for === undefined || kind === 'bgp_restart' ? null : ending(action);
  if (end === null) return [event];
  const over = at + reading.span(raw.for, [...path, 'for'], 1);
  // What lasts beyond the run does not end in it.
  return over > duration ? [event] : [event, { at: over, note: `${event.note} (over)`, ...end }];
}

function describe(kind: EventKind, raw: RawEvent): string {
  if (kind === 'put' || kind === 'remove') return 'change';
  if (kind === 'bgp_announce' || kind === 'bgp_withdraw')
    return `${kind} ${raw[kind] ?? ''} on ${raw.session ?? ''}`;
  return `${kind} ${raw[kind] ?? ''}`;
}

/** The action that ends another one. */
function ending(action: TimelineAction): TimelineAction | null {
  if (action.action === 'relay_lost') return { action: 'relay_restored', cause: action.cause };
  if (action.action !== 'fail' && action.action !== 'degrade') return null;
  const { action: of, kind, target, cause } = action;
  return { action: 'over', of, kind, target, cause };
}

function readAction(
  kind: EventKind,
  raw: RawEvent,
  path: ConfigPath,
  index: number,
  context: TimelineContext,
): TimelineAction | null {
  const { reading, names } = context;
  const { source } = reading;
  switch (kind) {
    case 'fail':
    case 'restore': {
      const found = readTarget(raw[kind], [...path, kind], FAILURE_KINDS, context);
      if (found === null) return null;
      return kind === 'fail' ? { action: kind, ...found, cause: index } : { action: kind, ...found };
    }
    case 'degrade': {
      const found = readTarget(raw.degrade, [...path, kind], ['uplink', 'circuit'], context);
      const change = reading.partialPath(raw, path);
      if (Object.keys(change).length === 0 && !PATH.some((key) => source.has([...path, key]))) {
        source.report(path, `degrade to what? Expected one of the keys ${PATH.join(', ')}`);
      }
      if (found === null) return null;
      return {
        action: 'degrade',
        kind: found.kind as 'uplink' | 'circuit',
        target: found.target,
        path: change,
        cause: index,
      };
    }
    case 'light_level': {
      const target = names.resolve(raw.light_level ?? '', [...path, kind], 'interconnect');
      const dbm = required(raw.dbm, [...path, 'dbm'], 'a power such as -25', reading);
      return target === null || dbm === null ? null : { action: kind, target, dbm };
    }
    case 'bgp_announce':
    case 'bgp_withdraw': {
      const name = required(raw.session, [...path, 'session'], 'the name of a BGP session', reading);
      const router = name === null ? null : routerOf(name, [...path, 'session'], context);
      const parts = {
        prefix: raw[kind] ?? '',
        prepend: raw.prepend ?? 0,
        communities: raw.communities ?? [],
      };
      const announcement = readAnnouncement(parts, [...path, kind], reading);
      if (name === null || router === null || announcement === null) return null;
      return { action: kind, router, session: name, announcement };
    }
    case 'bgp_restart': {
      const session = raw.bgp_restart ?? '';
      const router = routerOf(session, [...path, kind], context);
      const text = required(raw.for, [...path, 'for'], 'how long it takes, such as 30s', reading);
      if (router === null || text === null) return null;
      return { action: kind, router, session, duration: reading.span(text, [...path, 'for'], 1) };
    }
    case 'relay':
      return raw.relay === 'lost'
        ? { action: 'relay_lost', cause: index }
        : { action: 'relay_restored', cause: null };
    case 'put':
    case 'remove': {
      const change = context.changes.get(index);
      return change === undefined ? null : { action: 'change', change };
    }
  }
}

function readTarget(
  text: string | undefined,
  path: ConfigPath,
  kinds: readonly FailureKind[],
  context: TimelineContext,
): { kind: FailureKind; target: string } | null {
  if (text === undefined) return null;
  const { source } = context.reading;
  const found = findTarget(text, context);
  if (found !== null && 'kind' in found && kinds.includes(found.kind)) return found;
  const some =
    kinds.length === FAILURE_KINDS.length ? 'something that can fail' : 'an uplink or interconnect';
  if (found !== null && 'most' in found) {
    source.mismatch(path, quote(text), `a number from 1 to ${found.most} behind the slash`);
  } else if (found !== null || context.names.kindOf(text) === 'host') {
    const is = found === null ? KINDS.host : article(found.kind);
    source.mismatch(path, quote(text), `the name of ${some}; that is ${is}`);
  } else {
    source.mismatch(path, quote(text), `the name of ${some}${suggestFew(text, targetNames(kinds, context))}`);
  }
  return null;
}

function article(kind: FailureKind): string {
  return kind === 'uplink' ? 'an uplink' : kind === 'pop' ? 'a PoP' : `a ${kind}`;
}

/** The router that speaks a session; null after a report. */
function routerOf(
  session: string,
  path: ConfigPath,
  { sites, network, reading }: TimelineContext,
): string | null {
  const routers = sites.flatMap((site) => site.routers);
  const router = routers.find(({ bgp }) => bgp.some((one) => one.session === session));
  if (router !== undefined) return router.name;
  const names = network.bgp_sessions.map(({ name }) => name);
  const known = names.length === 0 ? '; there is none' : suggestFew(session, names);
  const expected = names.includes(session)
    ? 'a BGP session that ends on a router'
    : `the name of a BGP session${known}`;
  reading.source.mismatch(path, quote(session), expected);
  return null;
}

function required<T>(
  value: T | undefined,
  path: ConfigPath,
  expected: string,
  { source }: Reading,
): T | null {
  if (value !== undefined) return value;
  if (!source.has(path)) source.mismatch(path, 'nothing', expected);
  return null;
}

/** What is different between two networks, resource by resource and field by field. Plain data. */
import type { Config, RouteConfig } from '../../config/config.js';
import type { NetworkConfig } from '../../config/network.js';
import { byName, RESOURCE_KINDS, type ResourceKind, type Resources } from './change-set.js';
import { resourcesOfNode } from './network-state.js';
import { isSame } from './same.js';

/** Sections of a node's configuration beside its resources. */
export const SETTINGS = ['node', 'dataplane', 'daemon'] as const;
export type SettingsKind = (typeof SETTINGS)[number];

export interface DiffEntry {
  readonly op: 'add' | 'remove' | 'change';
  readonly kind: ResourceKind | SettingsKind;
  /** Of the resource; empty for settings. */
  readonly name: string;
  /** What has changed, as in `mss_clamp.to_tunnel`; null: the resource as a whole came or went. */
  readonly field: string | null;
  /** Null where there was (or is) nothing. Keys are secret: only that they differ is told. */
  readonly from: unknown;
  readonly to: unknown;
}

/** In the order of kinds; of each, what is gone, then what is there in the order of `after`. */
export function diff(before: NetworkConfig, after: NetworkConfig): DiffEntry[] {
  return RESOURCE_KINDS.flatMap((kind) => diffKind(kind, before, after));
}

/** The same for a node's configurations, with its settings. */
export function diffNode(before: Config, after: Config): DiffEntry[] {
  return [
    ...diff(resourcesOfNode(before), resourcesOfNode(after)),
    ...SETTINGS.flatMap((kind) => changes(kind, '', before[kind], after[kind])),
  ];
}

function diffKind(kind: ResourceKind, before: NetworkConfig, after: NetworkConfig): DiffEntry[] {
  const old = byName(kind, before);
  const now = byName(kind, after);
  const gone = [...old].flatMap(([name, resources]) =>
    now.has(name) ? [] : diffNamed(kind, name, resources, []),
  );
  return [
    ...gone,
    ...[...now].flatMap(([name, resources]) => diffNamed(kind, name, old.get(name) ?? [], resources)),
  ];
}

/** Of routes with one name, those are compared that have the same scope, and then one by one. */
function diffNamed<K extends ResourceKind>(
  kind: K,
  name: string,
  before: readonly Resources[K][],
  after: readonly Resources[K][],
): DiffEntry[] {
  if (isSame(before, after)) return [];
  const several = before.length > 1 || after.length > 1;
  const label = (resource: Resources[K]): string => (several ? `${name}${scopeLabel(resource)}` : name);
  const left = [...before];
  const pairs = new Map<number, Resources[K]>();
  const pairUp = (suits: (a: Resources[K], b: Resources[K]) => boolean): void => {
    after.forEach((resource, i) => {
      const other = pairs.has(i) ? -1 : left.findIndex((candidate) => suits(candidate, resource));
      if (other >= 0) pairs.set(i, left.splice(other, 1)[0]!);
    });
  };
  pairUp((a, b) => isSame(a, b));
  pairUp((a, b) => scopeLabel(a) === scopeLabel(b));
  pairUp(() => true);
  return [
    ...left.map((resource): DiffEntry => whole('remove', kind, label(resource), resource)),
    ...after.flatMap((resource, i) => {
      const other = pairs.get(i);
      if (other === undefined) return [whole('add', kind, label(resource), resource)];
      return changes(kind, label(resource), other, resource);
    }),
  ];
}

function scopeLabel(resource: object): string {
  const { scope = null } = resource as Partial<RouteConfig>;
  return scope === null ? ' everywhere' : ` in ${[...scope.colo_regions, ...scope.colo_names].join(', ')}`;
}

function whole(op: 'add' | 'remove', kind: ResourceKind, name: string, resource: object): DiffEntry {
  const shown = Object.fromEntries(leavesOf(resource));
  return { op, kind, name, field: null, from: op === 'add' ? null : shown, to: op === 'add' ? shown : null };
}

function changes(kind: DiffEntry['kind'], name: string, before: object, after: object): DiffEntry[] {
  const old = new Map(leavesOf(before, false));
  const now = new Map(leavesOf(after, false));
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((field): DiffEntry[] => {
    const [from, to] = [old.get(field) ?? null, now.get(field) ?? null];
    if (isSame(from, to) || (field.includes('.') && isNothing(from) && isNothing(to))) return [];
    const shown = isSecret(field) ? secrets(from, to) : { from, to };
    return [{ op: 'change', kind, name, field, ...shown }];
  });
}

/** Fields and their values, those of mappings by a path with dots; lists are values. */
function leavesOf(value: object, hide = true, path = ''): [string, unknown][] {
  return Object.entries(value as Record<string, unknown>).flatMap(([key, item]): [string, unknown][] => {
    const field = path === '' ? key : `${path}.${key}`;
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) return leavesOf(item, hide, field);
    return [[field, hide && isSecret(field) && item !== null ? SECRET : item]];
  });
}

/** A mapping that comes or goes as a whole brings empty lists of which there is nothing to tell. */
function isNothing(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}

const SECRET = '(secret)';

function isSecret(field: string): boolean {
  return field === 'md5_key';
}

function secrets(from: unknown, to: unknown): Pick<DiffEntry, 'from' | 'to'> {
  return {
    from: from === null ? null : SECRET,
    to: to === null ? null : from === null ? SECRET : '(another secret)',
  };
}

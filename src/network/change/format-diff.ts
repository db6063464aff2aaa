/** A diff as people read it: `+` what comes, `~` what changes, `-` what goes. */
import { quote } from '../../config/problem.js';
import { KIND_WORDS } from './change-set.js';
import type { DiffEntry } from './diff.js';

/** How many resources (and sections of settings) come, change and go. */
export interface DiffCounts {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

const SIGNS = { add: '+', change: '~', remove: '-' } as const;

/**
 * A block for each resource, its fields indented below it, without the ones that say nothing:
 *
 *     ~ tunnel acme_1
 *         mtu: 1476 -> 1400
 *     + route 192.0.2.0/24 via acme_1
 *         priority: 100
 *     - route 198.51.100.0/24 via acme_2
 */
export function formatDiff(entries: readonly DiffEntry[]): string {
  return blocksOf(entries)
    .map((block) => [headOf(block[0]), ...block.flatMap(linesOf).map((line) => `    ${line}`)].join('\n'))
    .join('\n');
}

export function countDiff(entries: readonly DiffEntry[]): DiffCounts {
  const count = (op: DiffEntry['op']): number =>
    blocksOf(entries).filter(([first]) => first.op === op).length;
  return { added: count('add'), changed: count('change'), removed: count('remove') };
}

/** A line for each resource: `+ tunnel acme_3`, `~ tunnel acme_1 (mtu, ttl)`. */
export function titlesOf(entries: readonly DiffEntry[]): string[] {
  return blocksOf(entries).map((block) => {
    const fields = block.flatMap(({ field }) => field ?? []).join(', ');
    return `${headOf(block[0])}${fields === '' ? '' : ` (${fields})`}`;
  });
}

/** `2 added, 1 changed`; `nothing changed`. */
export function formatCounts(counts: DiffCounts): string {
  const parts = (['added', 'changed', 'removed'] as const).flatMap((what) =>
    counts[what] === 0 ? [] : [`${counts[what]} ${what}`],
  );
  return parts.length === 0 ? 'nothing changed' : parts.join(', ');
}

type Block = [DiffEntry, ...DiffEntry[]];

/** Entries of one resource stand together. */
function blocksOf(entries: readonly DiffEntry[]): Block[] {
  const blocks: Block[] = [];
  for (const entry of entries) {
    const last = blocks.at(-1);
    if (entry.op === 'change' && last?.[0].op === 'change' && titleOf(last[0]) === titleOf(entry))
      last.push(entry);
    else blocks.push([entry]);
  }
  return blocks;
}

function headOf(entry: DiffEntry): string {
  return `${SIGNS[entry.op]} ${titleOf(entry)}`;
}

function titleOf({ kind, name }: DiffEntry): string {
  return kind in KIND_WORDS ? `${KIND_WORDS[kind as keyof typeof KIND_WORDS]} ${name}` : kind;
}

function linesOf({ op, kind, field, from, to }: DiffEntry): string[] {
  if (op === 'remove') return [];
  if (op === 'change') return [`${field ?? ''}: ${textOf(from)} -> ${textOf(to)}`];
  const inTitle = kind === 'routes' ? ['prefix', 'nexthop'] : ['name', 'prefix'];
  return Object.entries(to as Record<string, unknown>).flatMap(([key, value]) =>
    inTitle.includes(key) || saysNothing(key, value) ? [] : [`${key}: ${textOf(value)}`],
  );
}

/** An empty list of a mapping (`scope.colo_names`) is as good as none; one by itself denies all. */
function saysNothing(key: string, value: unknown): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0 && key.includes('.'));
}

function textOf(value: unknown): string {
  if (value === null) return 'none';
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (typeof value !== 'string' || value === '') return JSON.stringify(value);
  // Nothing that a terminal would act upon, in descriptions.
  return /\p{C}/u.test(value) ? quote(value) : value;
}

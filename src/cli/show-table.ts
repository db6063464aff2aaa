/** Tables of `grebe show`, a column at a time. */
import { table, type Column } from './format.js';

/** A column, and what stands in it for an item; it is left out where `when` is false. */
export interface Cell<T> extends Column {
  readonly when?: boolean;
  readonly of: (item: T) => string;
}

export function tableOf<T>(cells: readonly Cell<T>[], items: readonly T[]): string {
  const shown = cells.filter(({ when }) => when !== false);
  return table(
    shown,
    items.map((item) => shown.map(({ of }) => of(item))),
  );
}

/** Numbers and what is read like them. */
export const RIGHT = { align: 'right' } as const;

/** A rate as `text` has it, or a dash for one that is not known. */
export function rateText(rate: number | null, text: (perSecond: number) => string): string {
  return rate === null ? '-' : text(rate);
}

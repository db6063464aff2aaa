/** Boxes and points of a drawing, in pixels, and how boxes stand in a row. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export type Named = Box & { readonly name: string; readonly detail: string };

export const MARGIN = 16;
export const NODE = { width: 100, height: 42, gap: 16 };

export function row(items: number, { width, gap }: { readonly width: number; readonly gap: number }): number {
  return items * (width + gap) - gap;
}

/** Boxes of a row, evenly over its width. */
export function spread(list: readonly unknown[], width: number, size: typeof NODE): Box[] {
  const step = width / Math.max(1, list.length);
  const own = Math.min(Math.max(size.width, Math.min(150, step - size.gap)), 150);
  return list.map((_, i) => ({
    ...{ x: round(MARGIN + step * (i + 0.5) - own / 2), y: 0, width: own, height: size.height },
  }));
}

/** A line straight down from the middle of a box. */
export function down(box: Box, from: number, to: number): [Point, Point] {
  const x = round(box.x + box.width / 2);
  return [
    { x, y: from },
    { x, y: to },
  ];
}

export function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

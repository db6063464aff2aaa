/** Numbers and tables for people: plain text, numbers to the right, no lines around anything. */
import Table from 'cli-table3';

/** With thousands separators: 1,234,567. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** Nanoseconds as `1.234 s` or `12.3 ms`. */
export function duration(nanoseconds: number): string {
  return nanoseconds >= 1e9 ? `${(nanoseconds / 1e9).toFixed(3)} s` : `${(nanoseconds / 1e6).toFixed(1)} ms`;
}

/** Packets per second as `3.14 Mpps` or `812 kpps`. */
export function packetRate(perSecond: number): string {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)} Mpps`;
  return perSecond >= 1e3 ? `${(perSecond / 1e3).toFixed(0)} kpps` : `${perSecond.toFixed(0)} pps`;
}

/** `1 packet`, `2 packets`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Columns that a report may fill: the terminal's, 80 to 120; 100 where there is no terminal. */
export function reportWidth(): number {
  return Math.min(120, Math.max(80, process.stdout.columns || 100));
}

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
  /** Takes the width that is left, and wraps. At most one column, the last. */
  readonly wraps?: boolean;
}

/** `text` in lines of at most `width` columns, the second and later ones indented by `indent` columns. */
export function wrap(text: string, indent: number, width = reportWidth()): string {
  const lines: string[] = [];
  let line = ' '.repeat(text.length - text.trimStart().length);
  for (const word of text.trim().split(' ')) {
    const isEmpty = line.trim() === '';
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(indent) + word;
    } else {
      line += isEmpty ? word : ` ${word}`;
    }
  }
  return [...lines, line].join('\n');
}

const GAP = '  ';
const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: GAP },
};

/** Rows under a head; without a trailing newline. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = reportWidth(),
): string {
  const widths = columns.map(({ head }, i) =>
    Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const taken = widths.reduce(
    (sum, w, i) => sum + (columns[i]!.wraps === true ? 0 : w) + GAP.length,
    -GAP.length,
  );
  const drawn = new Table({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    head: columns.map(({ head }) => head),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: columns.map(({ wraps }, i) => (wraps === true ? Math.max(20, width - taken) : widths[i]!)),
    wordWrap: true,
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

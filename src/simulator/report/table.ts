/** Tables: with a caption, in a frame that scrolls, and with the rows beyond the first ones one click away. */
import { html, type Content, type Markup } from './markup.js';
import { count } from './words.js';

/** Rows of a table that are shown at once; the others are one click away. */
const ROWS = 60;
const CLASSES = { number: 'n', time: 't' };

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => Content;
  /** Numbers stand at the right; `head`: the cell that names the row. */
  readonly as?: 'number' | 'head' | 'time';
}

export interface Table<T> {
  readonly caption: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly isBad?: (row: T) => boolean;
  /** How many rows are shown at once. */
  readonly shown?: number;
  /** On a narrow screen the cells of a row stand below each other. */
  readonly stacks?: boolean;
}

export function table<T>({
  caption,
  rows,
  columns,
  isBad = () => false,
  shown = ROWS,
  stacks = false,
}: Table<T>): Markup | null {
  if (rows.length === 0) return null;
  const draw = (some: readonly T[], words: string): Markup =>
    html`<div class="wide" tabindex="0" role="region" aria-label="${words}">
      <table class="${stacks ? 'stack' : ''}">
        <caption>
          ${words}
        </caption>
        <thead>
          <tr>
            ${columns.map(({ head, as }) => html`<th scope="col" class="${as === 'number' ? 'n' : ''}">${head}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${some.map(
            (row) =>
              html`<tr${isBad(row) ? html` class="bad"` : null}>
                ${columns.map((column) => cell(column, row, stacks))}
              </tr> `,
          )}
        </tbody>
      </table>
    </div>`;
  // One row or two are not worth a click.
  if (rows.length <= shown + 2) return draw(rows, caption);
  const rest = rows.slice(shown);
  return html`${draw(rows.slice(0, shown), caption)}
    <details>
      <summary>${count(rest.length)} more</summary>
      ${draw(rest, `${caption}, continued`)}
    </details>`;
}

function cell<T>({ cell, as, head }: Column<T>, row: T, isNamed: boolean): Markup {
  const content = cell(row);
  if (as === 'head') return html`<th scope="row">${content}</th>`;
  const style = as === undefined ? null : html` class="${CLASSES[as]}"`;
  return html`<td${style}${isNamed ? html` data-head="${head}"` : null}>${content}</td>`;
}

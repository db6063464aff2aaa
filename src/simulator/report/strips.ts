/** Draws the bands of states over time. Colour, hatching and a word at the end say the same. */
import type { Results } from '../run/results.js';
import { ticks, tickText } from './axis.js';
import { bandsOf, type Band, type Share } from './bands.js';
import { html, type Markup } from './markup.js';
import { count, shortened } from './words.js';

const WIDTH = 960;
const LEFT = 150;
const RIGHT = 140;
/** Pixels of the axis, which is as fine as it gets. */
const PLACES = WIDTH - LEFT - RIGHT;
const TOP = 24;
const BAND = 20;
const GAP = 8;
/** Bands beyond are left out, and it is said so. */
const MOST_BANDS = 40;
/** Numbers of events that would stand closer are left out. */
const LEAST_DISTANCE = 14;

export function strips(results: Results, id: string): Markup | null {
  const { scenario, timeline } = results;
  const end = scenario.duration;
  const all = bandsOf(results, PLACES);
  if (all.length === 0) return null;
  const bands = chosen(all);
  const bottom = TOP + bands.length * (BAND + GAP);
  const x = (at: number): number => Math.round((LEFT + (at / end) * PLACES) * 10) / 10;
  return html`<div class="wide strips" tabindex="0" role="region" aria-labelledby="${id}-strips">
      <svg viewBox="0 0 ${WIDTH} ${bottom + 18}" role="img" aria-labelledby="${id}-strips-words">
        <title id="${id}-strips-words">
          ${`States over time. ${bands.map(({ name, words }) => `${name}: ${words}`).join('; ')}`}
        </title>
        ${ticks(end).map(
          (at) =>
            html`<line class="tick" x1="${x(at)}" x2="${x(at)}" y1="20" y2="${bottom}" /><text
                class="small"
                x="${x(at)}"
                y="${bottom + 14}"
                text-anchor="middle"
                >${tickText(at)}</text
              >`,
        )}
        ${bands.map((band, i) => drawBand(band, TOP + i * (BAND + GAP)))}
        ${marksOf(timeline.map(({ at }) => x(at))).map(
          ({ left, number }) =>
            html`<line class="mark" x1="${left}" x2="${left}" y1="16" y2="${bottom}" />${
                number === null
                  ? null
                  : html`<text class="small" x="${left}" y="12" text-anchor="middle">${number}</text>`
              }`,
        )}
      </svg>
    </div>
    ${all.length > bands.length ? html`<p class="note">${leftOut(all, bands)}</p>` : null}`;
}

/** Those that changed before those that did not, each in their order. */
function chosen(all: readonly Band[]): Band[] {
  const changed = all.filter(({ changes }) => changes > 0);
  const others = all.filter(({ changes }) => changes === 0);
  const some = new Set([...changed, ...others].slice(0, MOST_BANDS));
  return all.filter((band) => some.has(band));
}

function leftOut(all: readonly Band[], bands: readonly Band[]): string {
  const rest = all.length - bands.length;
  const changed = all.filter((band) => band.changes > 0 && !bands.includes(band)).length;
  const what = changed === 0 ? 'none of which changed' : `${count(changed)} of which changed`;
  return `${count(bands.length)} of ${count(all.length)} are drawn, those that changed first. ${count(rest)} are not, ${what}.`;
}

function drawBand({ name, shares, end }: Band, y: number): Markup {
  const down = area(shares, y, (share) => share.down);
  const degraded = area(shares, y, (share) => (share.degraded === 0 ? 0 : share.down + share.degraded));
  return html`<g class="strip"
    ><text x="${LEFT - 10}" y="${y + 15}" text-anchor="end">${shortened(name, 20)}</text
    ><rect class="s-healthy" x="${LEFT}" y="${y}" width="${PLACES}" height="${BAND}" />${
      degraded === '' ? null : html`<path class="s-degraded" d="${degraded}" />`
    }${down === '' ? null : html`<path class="s-down" d="${down}" />`}<text
      class="small"
      x="${WIDTH - RIGHT + 8}"
      y="${y + 14}"
      >${end}</text
    ></g
  >`;
}

/** Hangs from the upper side of a band down to a share of its height. */
function area(shares: readonly Share[], y: number, heightOf: (share: Share) => number): string {
  let path = '';
  let height = 0;
  shares.forEach((share, place) => {
    const own = heightOf(share);
    if (own === height) return;
    const x = LEFT + place;
    if (height === 0) path += `M${x},${y}`;
    else path += `H${x}`;
    path += `V${level(y, own)}`;
    if (own === 0) path += 'Z';
    height = own;
  });
  return height === 0 ? path : `${path}H${LEFT + shares.length}V${y}Z`;
}

function level(y: number, share: number): number {
  return Math.round((y + share * BAND) * 10) / 10;
}

function marksOf(lefts: readonly number[]): { left: number; number: number | null }[] {
  let last = -Infinity;
  return lefts.map((left, i) => {
    if (left - last < LEAST_DISTANCE) return { left, number: null };
    last = left;
    return { left, number: i + 1 };
  });
}

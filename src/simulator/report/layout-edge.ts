/** Where the edge's regions and PoPs stand. More PoPs than fit are counted by region. */
import type { Topology } from '../run/results.js';
import { MARGIN, NODE, round, sum, type Box, type Named } from './geometry.js';
import { counted } from './words.js';

export interface RegionBox {
  readonly box: Box;
  readonly name: string;
  readonly note: string;
  readonly pops: readonly Named[];
}

/** So many PoPs have a box of their own. */
const MOST_POPS = 24;
const POP = { width: 74, height: 28, gap: 8 };

export function edgeNames({ tunnels, pops }: Topology): { readonly name: string; readonly detail: string } {
  const ends = [...new Set(tunnels.map(({ edge }) => edge))];
  const more = ends.length > 4 ? ` and ${ends.length - 4} more` : '';
  return {
    name: `Edge, ${counted(pops.length, 'PoP')}`,
    detail: ends.length === 0 ? '' : `tunnels end on ${ends.slice(0, 4).join(', ')}${more}, in all of them`,
  };
}

/** Rows of regions, as many in each as fit. */
export function placeRegions({ pops }: Topology, inner: number, top: number): RegionBox[] {
  const names = [...new Set(pops.map(({ region }) => region))];
  const areAllDrawn = pops.length <= MOST_POPS;
  const wanted = names.map((name) => {
    const own = pops.filter(({ region }) => region === name);
    const columns = areAllDrawn ? Math.min(own.length, 4) : 2;
    return { name, own, columns, width: columns * (POP.width + POP.gap) - POP.gap + 20 };
  });
  const lines: (typeof wanted)[] = [[]];
  for (const one of wanted) {
    const used = sum(lines.at(-1)!.map(({ width }) => width + NODE.gap));
    if (used > 0 && used + one.width > inner) lines.push([]);
    lines.at(-1)!.push(one);
  }
  const boxes: RegionBox[] = [];
  let y = top;
  for (const line of lines) {
    const rows = Math.max(
      ...line.map(({ own, columns }) => (areAllDrawn ? Math.ceil(own.length / columns) : 1)),
    );
    const height = 26 + rows * (POP.height + POP.gap) + 2;
    let x =
      MARGIN + NODE.gap + (inner - sum(line.map(({ width }) => width)) - NODE.gap * (line.length - 1)) / 2;
    for (const { name, own, columns, width } of line) {
      boxes.push({
        box: { x: round(x), y, width, height },
        name,
        note: areAllDrawn ? '' : counted(own.length, 'PoP'),
        pops: (areAllDrawn ? own : []).map((pop, i) => ({
          x: round(x + 10 + (i % columns) * (POP.width + POP.gap)),
          y: y + 25 + Math.floor(i / columns) * (POP.height + POP.gap),
          ...{ width: POP.width, height: POP.height, name: pop.name },
          detail: counted(pop.servers, 'server'),
        })),
      });
      x += width + NODE.gap;
    }
    y += height + 10;
  }
  return boxes;
}

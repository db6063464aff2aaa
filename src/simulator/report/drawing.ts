/**
 * The drawing of a network, from the top down: hosts, the Internet, the edge with its PoPs by region, providers, and
 * the customer's sites. Tunnels and circuits have the colour, the dashes and the word of their state at the end.
 */
import type { Results, Topology } from '../run/results.js';
import { endWords, worstOf } from './bands.js';
import { html, type Content, type Markup } from './markup.js';
import type { Box, Point } from './geometry.js';
import { layout, type Picture } from './layout.js';
import type { RegionBox } from './layout-edge.js';
import type { SiteBox } from './layout-sites.js';
import { counted, shortened } from './words.js';

interface State {
  /** What it is drawn with: that of the PoP that sees it worst; `none`: nobody probes it. */
  readonly mark: string;
  /** `healthy`, `down in 3 of 4`; empty: nobody probes it. */
  readonly words: string;
}

const UNKNOWN: State = { mark: 'none', words: '' };

/** Narrower, its text would be too small to read. */
const LEAST_SCALE = 0.79;

export function drawing(results: Results, id: string): Markup {
  const { topology } = results;
  const picture = layout(topology, changedOf(results));
  const states = statesOf(results);
  return html`<div class="wide drawing" tabindex="0" role="region" aria-labelledby="${id}-network">
      <svg
        viewBox="0 0 ${picture.width} ${picture.height}"
        style="min-width:${Math.round(picture.width * LEAST_SCALE)}px"
        role="img"
        aria-labelledby="${id}-drawing-title ${id}-drawing-words"
      >
        <title id="${id}-drawing-title">The network at the end of the run</title>
        <desc id="${id}-drawing-words">${inWords(topology, states)}</desc>
        ${internet(picture)} ${edge(picture)} ${picture.sites.map(ground)} ${wires(picture)}
        ${picture.circuits.map(({ name, from, to }) => way('circuit', states.circuit(name), curve(from, to)))}
        ${picture.tunnels.map(({ name, from, via, to }) =>
          way('tunnel', states.nexthop(name), curve(from, to, via)),
        )}
        ${picture.providers.map((box) => node(box, box.name, box.detail))} ${picture.sites.map(site)}
        ${picture.hosts.map((box) => node(box, box.name, box.detail))} ${labels(picture, states)}
      </svg>
    </div>
    ${picture.cut.length === 0 ? null : html`<p class="note">${`Drawn: ${picture.cut.join(', ')}.`}</p>`}`;
}

function changedOf({ health, interconnects }: Results): Set<string> {
  return new Set([
    ...health.filter(({ transitions }) => transitions.length > 0).map(({ tunnel }) => tunnel),
    ...interconnects.filter(({ statuses }) => statuses.length > 1).map(({ name }) => name),
  ]);
}

function internet({ internet: { x, y, width, height, right, bottom } }: Picture): Markup {
  return html`<path
      class="net"
      d="M${x + 10},${y}H${right - 10}Q${right},${y} ${right},${y + 10}V${bottom - 8}Q${right},${bottom} ${
        right - 8
      },${bottom}H${right - height + 8}Q${right - height},${bottom} ${right - height},${bottom - 8}V${y + height}H${
        x + 10
      }Q${x},${y + height} ${x},${y + height - 10}V${y + 10}Q${x},${y} ${x + 10},${y}Z"
    /><text class="strong" x="${x + width / 2}" y="${y + height / 2 + 4.5}" text-anchor="middle"
      >Internet</text
    >`;
}

function region({ box, name, note, pops }: RegionBox): Markup {
  return html`<rect class="area" ${rect(box)} rx="8" /><text
      class="small strong"
      x="${box.x + 10}"
      y="${box.y + 17}"
      >${name}</text
    >${
      note === '' ? null : html`<text class="small" x="${box.x + 10}" y="${box.y + 36}">${note}</text>`
    }${pops.map((pop) => node(pop, pop.name, ''))}`;
}

function node(box: Box & { readonly name: string }, name: string, detail: string): Markup {
  const middle = box.x + box.width / 2;
  const most = Math.floor((box.width - 8) / 7);
  const title = detail === '' ? name : `${name}, ${detail}`;
  return html`<g
    ><title>${title}</title><rect class="node" ${rect(box)} rx="5" /><text
      x="${middle}"
      y="${box.y + (box.height > 34 ? 18 : box.height / 2 + 4.5)}"
      text-anchor="middle"
      >${shortened(name, most)}</text
    >${
      box.height > 34 && detail !== ''
        ? html`<text class="small" x="${middle}" y="${box.y + 34}" text-anchor="middle"
            >${shortened(detail, Math.floor((box.width - 6) / 6.2))}</text
          >`
        : null
    }</g
  >`;
}

function way(kind: 'tunnel' | 'circuit', state: State, path: string): Markup {
  return html`<path class="${kind} s-${state.mark}" d="${path}" />`;
}

function edge({ edge: box, regions }: Picture): Markup {
  return html`<rect class="area" ${rect(box)} rx="8" /><text class="small" x="${box.x + 12}" y="${box.y + 17}"
      ><tspan class="strong">${box.name}</tspan> ${box.detail}</text
    >${regions.map(region)}`;
}

function ground({ box, name, detail }: SiteBox): Markup {
  return html`<rect class="area" ${rect(box)} rx="8" /><text
      class="small"
      x="${box.x + 10}"
      y="${box.y + box.height - 9}"
      ><tspan class="strong">${shortened(name, 24)}</tspan> ${shortened(
        detail,
        Math.max(4, Math.floor(box.width / 6.4) - Math.min(Array.from(name).length, 24) - 4),
      )}</text
    >`;
}

function site({ routers, hosts, wires }: SiteBox): Markup {
  return html`${wires.map(
    ([from, to]) => html`<path class="wire" d="M${from.x},${from.y}L${to.x},${to.y}" />`,
  )}${routers.map((router) => node(router, router.name, 'router'))}${hosts.map((host) =>
    node(host, host.name, ''),
  )}`;
}

function wires({ wires }: Picture): Content {
  return wires.map(([from, to]) => html`<path class="wire" d="${curve(from, to)}" />`);
}

function labels({ tunnels, circuits }: Picture, states: States): Content {
  return [
    ...circuits.map(({ name, label }) => ({ name, label, state: states.circuit(name) })),
    ...tunnels.map(({ name, label }) => ({ name, label, state: states.nexthop(name) })),
  ].map(({ name, label: { x, y }, state }) => {
    const short = shortened(name, 22);
    const word = state.words === '' ? '' : ` ${state.words}`;
    const width = Math.round((Array.from(short).length * 7 + word.length * 6) * 10) / 10 + 6;
    return html`<g
      ><title>${name}${word}</title
      ><rect class="label" ${rect({ x: x - width / 2, y: y - 12, width, height: 16 })} rx="3" /><text
        class="small"
        x="${x}"
        y="${y}"
        text-anchor="middle"
        ><tspan class="strong">${short}</tspan>${word}</text
      ></g
    >`;
  });
}

/** Down from one point to the other, by way of `via`, and vertical at all of them. */
function curve(from: Point, to: Point, via: Point | null = null): string {
  const piece = (a: Point, b: Point): string => {
    const middle = Math.round((a.y + b.y) / 2);
    return `C${a.x},${middle} ${b.x},${middle} ${b.x},${b.y}`;
  };
  const start = `M${from.x},${from.y}`;
  return via === null ? start + piece(from, to) : start + piece(from, via) + piece(via, to);
}

function rect({ x, y, width, height }: Box): Markup {
  return html`x="${x}" y="${y}" width="${width}" height="${height}"`;
}

interface States {
  nexthop(name: string): State;
  circuit(name: string): State;
}

/** At the end. */
function statesOf({ health, interconnects }: Results): States {
  const tunnels = new Map(
    health.map(({ tunnel, colos, end }) => [
      tunnel,
      colos === 0 ? UNKNOWN : { mark: worstOf(end), words: endWords(end) },
    ]),
  );
  const circuits = new Map(
    interconnects.map(({ name, statuses }) => {
      const status = statuses.at(-1)?.status;
      return [name, status === undefined ? UNKNOWN : { mark: status, words: status }];
    }),
  );
  return {
    nexthop: (name) => tunnels.get(name) ?? UNKNOWN,
    circuit: (name) => circuits.get(name) ?? UNKNOWN,
  };
}

function inWords({ pops, sites, hosts, providers, tunnels, links }: Topology, states: States): string {
  const circuits = links.filter(({ kind }) => kind === 'circuit');
  return [
    `${counted(hosts.length, 'host')} on the Internet`,
    `${counted(pops.length, 'PoP')}: ${some(pops.map(({ name, region }) => `${name} in ${region}`))}`,
    `${counted(providers.length, 'provider')}: ${some(providers.map(({ name }) => name))}`,
    `sites: ${some(sites.map(({ name, routers }) => `${name} with the routers ${routers.join(', ')}`))}`,
    ...(tunnels.length > 0
      ? [
          `tunnels: ${some(tunnels.map(({ name, router }) => `${name} to ${router ?? '?'}, ${states.nexthop(name).words}`))}`,
        ]
      : []),
    ...(circuits.length > 0
      ? [
          `circuits: ${some(circuits.map(({ name, a, b }) => `${name} from ${b} to ${a}, ${states.circuit(name).words}`))}`,
        ]
      : []),
  ].join('; ');
}

function some(list: readonly string[]): string {
  const most = 30;
  return list.length <= most
    ? list.join(', ')
    : `${list.slice(0, most).join(', ')} and ${list.length - most} more`;
}

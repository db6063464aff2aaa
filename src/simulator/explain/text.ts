/** An explanation as text: a line for each step, the headers wherever they are not the same as before. */
import { causeOf, isIntoTunnel } from './cause.js';
import type { Explanation } from './explain.js';
import type { Hop, Way } from './follower.js';
import type { HeaderLine } from './headers.js';

const KINDS: Record<Way['kind'], string> = {
  packet: 'the packet',
  fragment: 'fragment',
  icmp_error: 'ICMP error',
  answer: 'answer',
  reassembled: 'whole again',
};

const INDENT = '            ';

/** Without a newline at its end. */
export function explanationText(explanation: Explanation): string {
  const { from, source, to, destination, protocol, port, at, ways } = explanation;
  const target = to === null ? destination : `${to} (${destination})`;
  const portText = protocol === 'icmp' ? 'ICMP echo request' : `${protocol.toUpperCase()} to port ${port}`;
  const head = `${from} (${source}) -> ${target}, ${portText}, sent at ${at} s`;
  return [head, ...ways.map((way) => wayText(way, ways)), causeOf(explanation).join('\n')].join('\n\n');
}

function wayText(way: Way, all: readonly Way[]): string {
  const { number, parent, kind, hops, end } = way;
  const of = parent === null ? '' : `, made of packet ${parent}`;
  const title = all.length === 1 ? [] : [`packet ${number}: ${KINDS[kind]}${of}`];
  const places = Math.max(...hops.map(({ place }) => place.length), end?.place.length ?? 0, 5);
  let shown = '';
  const lines = hops.flatMap((hop) => {
    const shape = shapeOf(hop.headers);
    const headers = shape === shown ? [] : headerLines(hop.headers);
    shown = shape;
    return [hopLine(hop, places), ...headers];
  });
  return [...title, ...lines, ...endLines(way, places)].join('\n');
}

function hopLine(hop: Hop, places: number): string {
  const { at, place, action, mtu, bytes } = hop;
  const size = [`${bytes} bytes`, ...(mtu === null ? [] : [mtuText(hop, mtu)])].join(', ');
  return `${timeText(at)}  ${place.padEnd(places)}  ${action} (${size})`;
}

function mtuText(hop: Hop, mtu: number): string {
  if (isIntoTunnel(hop)) return `MTU of the tunnel ${mtu}`;
  return `MTU ${mtu}${hop.bytes > mtu ? ': too long' : ''}`;
}

/** What headers say but for TTL and checksums: as long as that is the same, they are not shown again. */
function shapeOf(headers: readonly HeaderLine[]): string {
  return headers.map(({ name, text }) => `${name} ${text.replace(/, (TTL|hop limit) \d+/, '')}`).join('\n');
}

function headerLines(headers: readonly HeaderLine[]): string[] {
  const width = Math.max(...headers.map(({ name }) => name.length));
  return headers.map(({ name, text }) => `${INDENT}  ${name.padEnd(width)}  ${text}`);
}

function endLines({ end }: Way, places: number): string[] {
  if (end === null) return [`${INDENT}still on its way`];
  const start = `${timeText(end.at)}  ${end.place.padEnd(places)}  `;
  if (end.reason === null)
    return [`${start}${end.explanation === '' ? 'is where it arrives' : end.explanation}`];
  return [`${start}DROPS IT: ${end.reason}`, `${INDENT}  ${end.explanation}`];
}

/** Ten columns. */
function timeText(seconds: number): string {
  return `${(seconds * 1000).toFixed(3)} ms`.padStart(10);
}

/** `grebe show tunnels`, and which tunnels are shown where there is not room for all. */
import type { TunnelSnapshot } from '../observability/snapshot.js';
import { count, plural } from './format.js';
import type { Growing, Interval } from './show-interval.js';
import { rateText, RIGHT, tableOf, type Cell } from './show-table.js';
import { bitRate, byteCount, shortAgo, packetRate } from './show-units.js';

type Tunnel = Growing<TunnelSnapshot>;

/** The tunnels to show, in order, and how many there are besides. */
export interface Chosen {
  readonly tunnels: readonly Tunnel[];
  readonly more: number;
}

/**
 * All tunnels in the order of the configuration, or, when they do not fit, those that carried most bytes in the
 * interval (at first: since the start).
 * @param lines that there is room for
 * @param each lines that a tunnel takes
 * @param note lines that it takes to say that there are more
 */
export function choose(
  { tunnels, hasEarlier }: Interval,
  lines: number,
  { each, note }: { each: number; note: number },
): Chosen {
  if (tunnels.length * each <= lines) return { tunnels, more: 0 };
  const room = Math.max(0, Math.floor((lines - note) / each));
  const busiest = tunnels
    .map((tunnel) => ({ tunnel, bytes: tunnel.rate(volume) ?? (hasEarlier ? 0 : volume(tunnel.now)) }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, room);
  return { tunnels: busiest.map(({ tunnel }) => tunnel), more: tunnels.length - room };
}

/** The line that stands for the tunnels left out. */
export function moreTunnels(more: number): string {
  return `… and ${plural(more, 'less busy tunnel')}`;
}

function volume({ decapsulated, encapsulated }: TunnelSnapshot): number {
  return decapsulated.bytes + encapsulated.bytes;
}

/** Lines around the rows: the head, the note about the MTU. */
const AROUND = 3;

/** @param lines that there is room for */
export function tunnelTable(interval: Interval, lines: number): string {
  if (interval.tunnels.length === 0) return 'no tunnels';
  const { tunnels, more } = choose(interval, lines - AROUND, { each: 1, note: 1 });
  const isProbed = interval.now.tunnels.some(({ health }) => health !== null);
  const isLowered = tunnels.some(({ now }) => now.effectiveMtu < now.mtu);
  return [
    tableOf(columns(interval.isWatched, isProbed), tunnels),
    ...(more > 0 ? [moreTunnels(more)] : []),
    ...(isLowered ? ['', '* lowered by path MTU discovery'] : []),
  ].join('\n');
}

/** @param isProbed whether the health of any of them is checked */
function columns(isWatched: boolean, isProbed: boolean): readonly Cell<Tunnel>[] {
  return [
    { head: 'tunnel', of: ({ now }) => now.name },
    { head: 'health', when: isProbed, of: ({ now }) => now.health?.state ?? '-' },
    { head: 'remote', when: !isWatched, of: ({ now }) => now.remote },
    { head: 'key', ...RIGHT, when: !isWatched, of: ({ now }) => (now.key === null ? '-' : String(now.key)) },
    {
      head: 'MTU',
      ...RIGHT,
      of: ({ now }) => (now.effectiveMtu < now.mtu ? `${now.effectiveMtu}*` : String(now.mtu)),
    },
    ...traffic('received', 'decapsulated', isWatched),
    ...traffic('sent', 'encapsulated', isWatched),
    {
      head: 'latest',
      ...RIGHT,
      of: ({ now }) => (now.lastReceivedSeconds === null ? 'none' : shortAgo(now.lastReceivedSeconds)),
    },
  ];
}

/** Bytes and packets so far; in place of the packets both rates, where they are known. */
function traffic(
  head: string,
  direction: 'decapsulated' | 'encapsulated',
  isWatched: boolean,
): readonly Cell<Tunnel>[] {
  return [
    { head, ...RIGHT, of: ({ now }) => byteCount(now[direction].bytes) },
    { head: 'packets', ...RIGHT, when: !isWatched, of: ({ now }) => count(now[direction].packets) },
    {
      head: 'bit/s',
      ...RIGHT,
      when: isWatched,
      of: ({ rate }) =>
        rateText(
          rate((of) => of[direction].bytes),
          bitRate,
        ),
    },
    {
      head: 'pps',
      ...RIGHT,
      when: isWatched,
      of: ({ rate }) =>
        rateText(
          rate((of) => of[direction].packets),
          packetRate,
        ),
    },
  ];
}

/** The C generators. */
import { INTERFACE, type Cable } from './cable.js';
import type { Context } from './context.js';
import { FORWARD, GENERATOR_CPU } from './contender.js';
import { answerOf } from './running.js';

export interface UdpOptions {
  readonly seconds: number;
  /** Packets under way at most; 0: no limit. */
  readonly window?: number;
  readonly perSecond?: number;
  /** Default: B's inner address. */
  readonly to?: string;
}

export interface Rate {
  /** Packets a second. */
  readonly sent: number;
  readonly received: number;
}

export interface Latency {
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly samples: number;
  readonly lost: number;
}

function namespaceFile({ a, b }: Cable, end: 'a' | 'b'): string {
  return `/run/netns/${(end === 'a' ? a : b).namespace.name}`;
}

export async function runUdp(
  context: Context,
  cable: Cable,
  mode: 'rate',
  options: UdpOptions,
): Promise<Rate>;
export async function runUdp(
  context: Context,
  cable: Cable,
  mode: 'latency',
  options: UdpOptions,
): Promise<Latency>;
export async function runUdp(
  { programs }: Context,
  cable: Cable,
  mode: 'rate' | 'latency',
  { seconds, window = 0, perSecond = 1000, to = cable.b.inner }: UdpOptions,
): Promise<unknown> {
  // It enters both namespaces by itself.
  const child = cable.a.namespace.spawn(programs.udp, [
    mode,
    ...['--from', namespaceFile(cable, 'a'), '--to', namespaceFile(cable, 'b'), '--address', to],
    ...['--seconds', String(seconds), '--window', String(window), '--per-second', String(perSecond)],
  ]);
  return answerOf(child, 'udp');
}

export interface Forwarded {
  /** Packets a second. */
  readonly sent: number;
  readonly forwarded: number;
  /** Packets that came back in all, warm-up included. */
  readonly total: number;
}

/** Sends GRE from B to the forwarder at A, and counts what comes back. */
export async function runFlood({ programs }: Context, { a, b }: Cable, seconds: number): Promise<Forwarded> {
  const child = b.namespace.spawn('taskset', [
    ...['-c', GENERATOR_CPU, programs.flood],
    ...['--interface', INTERFACE, '--mac', a.mac],
    ...['--local', b.outer, '--remote', a.outer, '--forward', FORWARD],
    ...['--seconds', String(seconds)],
  ]);
  return (await answerOf(child, 'flood')) as Forwarded;
}

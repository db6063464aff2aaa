/** TCP through the tunnel: iperf3 from A to B, both daemons and both ends of iperf3 on the same processors. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import { compare } from '../comparison.js';
import type { Cast } from '../cast.js';
import { answerOf } from '../running.js';
import { Stage } from '../stage.js';

const LISTEN_MS = 150;
/** Slow start is over by then. */
const OMIT_SECONDS = 0.5;

interface Iperf {
  readonly end?: { readonly sum_received?: { readonly bits_per_second?: number } };
}

/** Gbit/s that arrive. */
async function throughput({ cable: { a, b } }: Stage, seconds: number): Promise<number> {
  const server = b.namespace.spawn('iperf3', ['--server', '--one-off', '--bind', b.inner]);
  const ended = once(server, 'exit');
  await sleep(LISTEN_MS);
  const client = a.namespace.spawn('iperf3', [
    ...['--client', b.inner, '--json'],
    ...['--time', String(seconds), '--omit', String(OMIT_SECONDS)],
  ]);
  try {
    const { end } = (await answerOf(client, 'iperf3')) as Iperf;
    const bits = end?.sum_received?.bits_per_second;
    if (bits === undefined) throw new Error('iperf3 gave no result');
    return bits / 1e9;
  } finally {
    server.kill();
    await ended;
  }
}

export async function tcp(context: Context, cast: Cast): Promise<void> {
  const { grebe, twin, openVSwitch } = cast;
  await compare(context, {
    name: 'tcp',
    unit: 'Gbit/s',
    digits: 2,
    contenders: [
      ...[grebe.af_packet, twin.af_packet, grebe.raw, twin.raw],
      ...(openVSwitch === null ? [] : [openVSwitch]),
    ],
    claims: [
      { ours: grebe.af_packet, theirs: twin.af_packet, limit: 0.8 },
      { ours: grebe.raw, theirs: twin.raw, limit: 0.8 },
      ...(openVSwitch === null ? [] : [{ ours: grebe.af_packet, theirs: openVSwitch, limit: 3 }]),
    ],
    open: (contender) => Stage.tunnel(contender),
    measure: (stage) => throughput(stage, context.seconds),
    // Where the four processes meet on two processors decides about a single turn.
    repeat: 2,
  });
}

/**
 * 64-byte packets from one tunnel into another, as many as one processor does. What counts is packets for each
 * second of the daemon's processor time: on a machine with nothing else to do the same as packets a second, unless
 * the daemon waits or the generator is too slow, which the other figure shows.
 */
import { compare } from '../comparison.js';
import type { Context } from '../context.js';
import type { Contender } from '../contender.js';
import type { Cast } from '../cast.js';
import { runFlood } from '../generators.js';
import { Stage } from '../stage.js';

const UNIT = 'k packets/s';

export async function forward(context: Context, { grebe, twin }: Cast): Promise<void> {
  const contenders = [
    ...[grebe.raw, twin.raw, grebe.af_packet, twin.af_packet],
    ...[grebe.af_xdp, twin.af_xdp],
  ];
  /** Packets that came back in a second of the clock. */
  const rates = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]));
  await compare(context, {
    name: 'forward',
    unit: `${UNIT} of processor time`,
    digits: 0,
    contenders,
    claims: [
      { ours: grebe.af_packet, theirs: grebe.raw, limit: 1.4 },
      { ours: grebe.af_xdp, theirs: grebe.raw, limit: 1.9 },
      { ours: grebe.raw, theirs: twin.raw, limit: 0.8 },
      { ours: grebe.af_packet, theirs: twin.af_packet, limit: 0.8 },
      { ours: grebe.af_xdp, theirs: twin.af_xdp, limit: 0.8 },
    ],
    open: (contender) => Stage.forwarder(contender),
    measure: async (stage) => {
      const before = stage.processorSeconds;
      const { forwarded, total } = await runFlood(context, stage.cable, context.seconds);
      rates.get(stage.contender)?.push(forwarded / 1000);
      return total / (stage.processorSeconds - before) / 1000;
    },
  });
  for (const [{ name, underlay }, values] of rates) {
    // The first turn was the warm-up.
    if (values.length < 2) continue;
    context.results.figure({ case: 'forward', contender: name, underlay, unit: UNIT }, values.slice(1), 0);
  }
}

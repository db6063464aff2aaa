/** One-way time of single packets through both daemons, less that of the cable alone. */
import type { Cast } from '../cast.js';
import type { Context } from '../context.js';
import { runUdp } from '../generators.js';
import { Stage, withStages } from '../stage.js';

const PER_SECOND = 1000;
const NAME = 'latency';
/** Packets under way while the daemons are kept busy. */
const BUSY_WINDOW = 128;

export async function latency(context: Context, { grebe, twin }: Cast): Promise<void> {
  const { results, seconds, turns } = context;
  const contenders = [grebe.af_packet, twin.af_packet];
  context.progress(`${NAME}: ${PER_SECOND} packets/s, ${turns} turns`);
  const options = { seconds, perSecond: PER_SECOND };
  await withStages(
    NAME,
    contenders,
    results,
    (contender) => Stage.tunnel(contender),
    async (stages) => {
      // Daemons that have been busy for a while: V8 has compiled what it will.
      for (const { cable } of stages) await runUdp(context, cable, 'rate', { seconds, window: BUSY_WINDOW });
      const added = stages.map(() => ({ p50: [] as number[], p99: [] as number[] }));
      for (let turn = 0; turn < turns; turn++) {
        for (const [i, { cable }] of stages.entries()) {
          const plain = await runUdp(context, cable, 'latency', { ...options, to: cable.b.outer });
          const through = await runUdp(context, cable, 'latency', options);
          added[i]!.p50.push(through.p50 - plain.p50);
          added[i]!.p99.push(through.p99 - plain.p99);
        }
      }
      for (const [i, { contender }] of stages.entries()) {
        for (const which of ['p50', 'p99'] as const) {
          const where = { contender: contender.name, underlay: contender.underlay, unit: 'µs' };
          results.figure({ case: `${NAME} ${which}`, ...where }, added[i]![which], 1);
        }
      }
    },
  );
}

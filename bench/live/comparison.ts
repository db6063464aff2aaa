/** Contenders measured by turns, their figures and the ratios between them. */
import type { Context } from './context.js';
import { Stage, withStages } from './stage.js';
import type { Contender } from './contender.js';
import { medianRatio, takeTurns } from './turns.js';

/** That one contender does at least `limit` times what another does. */
export interface RatioClaim {
  readonly ours: Contender;
  readonly theirs: Contender;
  readonly limit: number;
}

export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  readonly contenders: readonly Contender[];
  readonly claims: readonly RatioClaim[];
  readonly open: (contender: Contender) => Promise<Stage>;
  readonly measure: (stage: Stage) => Promise<number>;
  /** So many times as many turns as usual, where single ones differ much. Default 1. */
  readonly repeat?: number;
}

/** Turns that count for nothing: V8 compiles for some seconds. */
const WARM_UP_TURNS = 2;

export async function compare(context: Context, comparison: Comparison): Promise<void> {
  const { results } = context;
  const { name, unit, digits, contenders, claims } = comparison;
  const turns = context.turns * (comparison.repeat ?? 1);
  context.progress(`${name}: ${contenders.length} contenders, ${turns} turns`);
  await withStages(
    name,
    contenders,
    results,
    (contender) => comparison.open(contender),
    async (stages) => {
      const able = await warmUp(context, comparison, stages);
      const values = await takeTurns(able, turns, (stage) => comparison.measure(stage));
      const valuesOf = (contender: Contender): readonly number[] | undefined =>
        values[able.findIndex((stage) => stage.contender === contender)];
      for (const [i, stage] of able.entries()) {
        const { contender } = stage;
        const where = { case: name, contender: contender.name, underlay: contender.underlay, unit };
        results.figure(where, values[i]!, digits);
      }
      for (const { ours, theirs, limit } of claims) {
        const [mine, other] = [valuesOf(ours), valuesOf(theirs)];
        results.claim({
          case: name,
          claim: `${title(ours)} ÷ ${title(theirs)}`,
          value: mine === undefined || other === undefined ? null : medianRatio(mine, other),
          limit,
          bound: 'at least',
        });
      }
    },
  );
}

/** The first turns; answers those that got through them. */
async function warmUp(
  { results }: Context,
  { name, measure }: Comparison,
  stages: readonly Stage[],
): Promise<Stage[]> {
  const able: Stage[] = [];
  for (const stage of stages) {
    try {
      for (let turn = 0; turn < WARM_UP_TURNS; turn++) await measure(stage);
      stage.assertAlive();
      able.push(stage);
    } catch (error) {
      results.gap({ case: name, what: stage.title, reason: stage.whyFailed(error as Error), excused: false });
    }
  }
  return able;
}

export function title({ name, underlay }: Contender): string {
  return `${name} (${underlay})`;
}

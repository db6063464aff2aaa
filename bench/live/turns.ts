/** Measurements by turns: whatever else the machine does meets all contenders alike. */
import { median } from '../measure.js';

/** What each contender did in each turn. */
export type Turns = readonly (readonly number[])[];

/** Measures each contender in each turn; what each did, in the order of `contenders`. */
export async function takeTurns<T>(
  contenders: readonly T[],
  turns: number,
  measure: (contender: T) => Promise<number>,
): Promise<Turns> {
  const values = contenders.map((): number[] => []);
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, contender] of contenders.entries()) values[i]!.push(await measure(contender));
  }
  return values;
}

/** Median over the turns of one contender's value divided by the other's. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, i) => value / theirs[i]!));
}

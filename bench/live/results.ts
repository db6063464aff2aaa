/** What a run found, in the words of the JSON output. */
import { median } from '../measure.js';

/** A number that stands for itself only: it depends on the machine and on who else uses it. */
export interface Figure {
  readonly case: string;
  readonly contender: string;
  readonly underlay: string;
  /** Median over the turns. */
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
  readonly unit: string;
}

/** What has to hold. */
export interface Claim {
  readonly case: string;
  readonly claim: string;
  /** Null when it could not be measured. */
  readonly value: number | null;
  readonly limit: number;
  readonly bound: 'at least' | 'below';
}

/** What was left out, and why. */
export interface Gap {
  readonly case: string;
  readonly what: string;
  readonly reason: string;
  /** Whether it is only that something is not installed here. */
  readonly excused: boolean;
}

export function isMet({ value, limit, bound }: Claim): boolean {
  return value !== null && (bound === 'at least' ? value >= limit : value < limit);
}

export class Results {
  readonly figures: Figure[] = [];
  readonly claims: Claim[] = [];
  readonly gaps: Gap[] = [];

  figure(
    where: Pick<Figure, 'case' | 'contender' | 'underlay' | 'unit'>,
    values: readonly number[],
    digits = 2,
  ): void {
    const [value, lowest, highest] = [median(values), Math.min(...values), Math.max(...values)].map(
      (number) => Number(number.toFixed(digits)),
    ) as [number, number, number];
    this.figures.push({ ...where, value, lowest, highest });
  }

  claim(claim: Claim): void {
    const { value } = claim;
    this.claims.push({ ...claim, value: value === null ? null : Number(value.toFixed(3)) });
  }

  gap(gap: Gap): void {
    this.gaps.push(gap);
  }

  /** Whether every claim that could be measured on this machine is met, and nothing failed. */
  get good(): boolean {
    const failed = this.gaps.some((gap) => !gap.excused);
    return !failed && this.claims.every((claim) => claim.value === null || isMet(claim));
  }
}

/** Times of the models: whole nanoseconds of any origin, exact as a number for 104 days. */
export type Nanoseconds = number;

export const MICROSECOND = 1000;
export const MILLISECOND = 1_000_000;
export const SECOND = 1_000_000_000;
export const MINUTE = 60 * SECOND;

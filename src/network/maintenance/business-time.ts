/** Time in which businesses work: Monday to Friday, counted in UTC. */

const DAY = 86_400;
const WEEK = 7 * DAY;
const WORK_DAYS = 5;

/** 1970-01-05 was the first Monday of Unix time. */
const FIRST_MONDAY = 4 * DAY;

/**
 * Seconds from one moment to another that fall on business days; negative when they stand the other way round.
 *
 * @param from seconds since 1970-01-01T00:00:00Z, as `to`; any finite number
 */
export function businessSeconds(from: number, to: number): number {
  return sinceMonday(to) - sinceMonday(from);
}

/** Business seconds since the first Monday. */
function sinceMonday(time: number): number {
  const since = time - FIRST_MONDAY;
  const weeks = Math.floor(since / WEEK);
  return weeks * WORK_DAYS * DAY + Math.min(since - weeks * WEEK, WORK_DAYS * DAY);
}

/** A business day in seconds. */
export const BUSINESS_DAY = DAY;

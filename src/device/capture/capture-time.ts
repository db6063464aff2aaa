/**
 * Times of pcapng: a 64-bit count of units since 1970, where an interface says what a unit is
 * (if_tsresol: a negative power of 10, or of 2 when the top bit is set) and what to add (if_tsoffset).
 */

const MICROSECONDS = 6;
const NANOS_PER_SECOND = 1_000_000_000n;
const POWER_OF_TWO = 0x80;

/** What the units of one interface are. */
export interface TimeUnit {
  /** Units per second when that is 10^4 to 10^9; 0 for the rare others. */
  readonly perSecond: number;
  /** Nanoseconds per unit, with `perSecond`. */
  readonly nanos: number;
  /** Units per second, whatever they are. */
  readonly exactPerSecond: bigint;
  /** Seconds to add. */
  readonly offset: number;
  readonly finerThanMicroseconds: boolean;
}

/** The unit for the value of if_tsresol (default: microseconds) and if_tsoffset. */
export function timeUnit(resolution: number = MICROSECONDS, offset = 0): TimeUnit {
  const exponent = resolution & 0x7f;
  const exactPerSecond = BigInt((resolution & POWER_OF_TWO) === 0 ? 10 : 2) ** BigInt(exponent);
  const isPlain = (resolution & POWER_OF_TWO) === 0 && exponent >= 4 && exponent <= 9;
  const perSecond = isPlain ? Number(exactPerSecond) : 0;
  return {
    perSecond,
    nanos: isPlain ? 1e9 / perSecond : 0,
    exactPerSecond,
    offset,
    finerThanMicroseconds: exactPerSecond > 1_000_000n,
  };
}

/** Seconds and nanoseconds of a time in units other than 10^4 to 10^9 per second. */
export function exactTime(
  unit: TimeUnit,
  high: number,
  low: number,
): { seconds: number; nanoseconds: number } {
  const time = (BigInt(high) << 32n) | BigInt(low);
  return {
    seconds: Number(time / unit.exactPerSecond) + unit.offset,
    nanoseconds: Number(((time % unit.exactPerSecond) * NANOS_PER_SECOND) / unit.exactPerSecond),
  };
}

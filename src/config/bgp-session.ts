/** One BGP session as the edge has it. */
import type { BgpSessionConfig } from './network.js';
import type { ConfigPath } from './problem.js';
import { durationOf } from './quantities.js';
import type { RawBgpSession } from './raw-network.js';
import { HOLD_TIMES, RESOURCE_LIMITS } from './resource-defaults.js';
import type { Source } from './source.js';

/**
 * @param isInterconnect whether a name is that of an interconnect, whose sessions are more patient
 * @returns the session, or null when something that it cannot be without is missing
 */
export function readBgpSession(
  raw: RawBgpSession,
  path: ConfigPath,
  isInterconnect: (name: string) => boolean,
  source: Source,
): BgpSessionConfig | null {
  const { name, nexthop, customer_asn } = raw;
  const given = readHoldTime(raw.hold_time, [...path, 'hold_time'], source);
  if (name === undefined || nexthop === undefined || customer_asn === undefined) return null;
  const usual = isInterconnect(nexthop) ? HOLD_TIMES.interconnect : HOLD_TIMES.tunnel;
  return { name, nexthop, customer_asn, md5_key: raw.md5_key ?? null, hold_time: given ?? usual };
}

/** @returns whole seconds, as the protocol has them (RFC 4271, section 4.2); null when not given, or wrong */
export function readHoldTime(text: string | undefined, path: ConfigPath, source: Source): number | null {
  if (text === undefined) return null;
  const seconds = durationOf(text) / 1e9;
  const [least, most] = RESOURCE_LIMITS.hold_time;
  if (Number.isInteger(seconds) && seconds >= least && seconds <= most) return seconds;
  source.mismatch(path, text, `whole seconds from ${least}s to ${most}s`);
  return null;
}

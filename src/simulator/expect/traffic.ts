/** Expectations about traffic: that it arrives, without gaps, fast enough, with which MSS, and when it moves. */
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { Statistic, Unit } from '../run/traffic-tally.js';
import { bitRate, boundsText, bytes, counted, group, percent, seconds, time, within } from './words.js';
import type { Of, Watch, Watched } from './watch.js';

const NOUNS: Record<Unit, string> = { answer: 'question', connection: 'connection', packet: 'packet' };
const ARRIVED: Record<Unit, string> = {
  answer: 'were answered',
  connection: 'were completed',
  packet: 'arrived',
};

export function watchReach({ traffic, share, span }: Of<'reach'>, { recorder }: Watched): Watch {
  const tally = recorder.tally(traffic, span.from, span.to);
  const { unit } = recorder.trafficOfName(traffic);
  const noun = NOUNS[unit];
  const expected = `${boundsText(share, percent)} of the ${noun}s of ${traffic} ${ARRIVED[unit].replace('were ', 'are ').replace('arrived', 'arrive')}`;
  return () => {
    const { began, arrived } = tally.reached();
    if (began === 0) return { passed: false, expected, found: `${traffic} sent nothing` };
    const part = arrived / began;
    const found = `${group(arrived)} of ${counted(began, noun)} ${ARRIVED[unit]}: ${percent(part)}`;
    return { passed: within(share, part), expected, found };
  };
}

export function watchGap({ traffic, seconds: bounds, span }: Of<'gap'>, { recorder }: Watched): Watch {
  const tally = recorder.tally(traffic, span.from, span.to);
  const expected = `longest time in which ${traffic} sends and nothing arrives: ${boundsText(bounds, seconds)}`;
  return () => {
    if (tally.reached().began === 0 && tally.sentPackets === 0) {
      return { passed: false, expected, found: `${traffic} sent nothing` };
    }
    const gap = tally.longestGap;
    const length = gap === null ? 0 : gap.to - gap.from;
    const where = gap === null ? '' : `, from ${time(gap.from)} to ${time(gap.to)}`;
    return { passed: within(bounds, length / SECOND), expected, found: `${time(length)}${where}` };
  };
}

export function watchFailover(
  { event, traffic, seconds: bounds, span }: Of<'failover'>,
  { recorder, scenario }: Watched,
): Watch {
  const at = scenario.timeline.find(({ note }) => note === event)?.at ?? 0;
  const expected = `flows of ${traffic} take another next hop ${boundsText(bounds, seconds)} after "${event}"`;
  return () => {
    const delays = firstMoves(recorder.trafficOfName(traffic).moves?.list ?? [], at, span.to);
    if (delays.length === 0) return { passed: false, expected, found: 'no flow took another next hop' };
    // Not Math.min(...): there may be very many flows.
    const least = delays.reduce((a, b) => Math.min(a, b));
    const most = delays.reduce((a, b) => Math.max(a, b));
    const when = least === most ? time(least) : `${time(least)} to ${time(most)}`;
    return {
      passed: within(bounds, least / SECOND) && within(bounds, most / SECOND),
      expected,
      found: `${counted(delays.length, 'flow')} did so after ${when}`,
    };
  };
}

/** How long after `from` each flow that moved up to `to` did so first. */
function firstMoves(
  moves: readonly { readonly at: Nanoseconds; readonly flow: number }[],
  from: Nanoseconds,
  to: Nanoseconds,
): Nanoseconds[] {
  const first = new Map<number, Nanoseconds>();
  for (const { at, flow } of moves) {
    if (at >= from && at <= to && !first.has(flow)) first.set(flow, at - from);
  }
  return [...first.values()];
}

export function watchMss({ traffic, at, bytes: bounds, span }: Of<'mss'>, { recorder }: Watched): Watch {
  const tally = recorder.tally(traffic, span.from, span.to);
  const expected = `MSS that the ${at} of ${traffic} is told: ${boundsText(bounds, bytes)}`;
  return () => {
    const seen: Statistic = at === 'client' ? tally.mssAtClient : tally.mssAtServer;
    if (seen.count === 0) return { passed: false, expected, found: `no SYN arrived at the ${at}` };
    const { least, most } = seen;
    const found = least === most ? bytes(least) : `${group(least)} to ${bytes(most)}`;
    return { passed: within(bounds, least) && within(bounds, most), expected, found };
  };
}

export function watchThroughput(
  { traffic, bits_per_second, span }: Of<'throughput'>,
  { recorder, scenario }: Watched,
): Watch {
  const tally = recorder.tally(traffic, span.from, span.to);
  const expected = `${traffic} arrives with ${boundsText(bits_per_second, bitRate)}`;
  return () => {
    const length = (Math.min(span.to, scenario.duration) - span.from) / SECOND;
    const rate = length > 0 ? (8 * tally.deliveredBytes) / length : 0;
    return { passed: within(bits_per_second, rate), expected, found: bitRate(rate) };
  };
}

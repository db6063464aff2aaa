/**
 * What an explanation comes to, in sentences: whether the packet arrived and its answer came back, and if not, where
 * and why it was lost, who was told, and what would have fit.
 */
import type { Explanation } from './explain.js';
import type { Hop, Way } from './follower.js';

/** What a host does with a ping: the same packet goes back. */
const ANSWERS = 'answers the echo request';

/** Sentences with a full stop, the verdict first. */
export function causeOf(explanation: Explanation): string[] {
  const { arrived, ways, from } = explanation;
  if (!arrived) {
    const lost = ways.find((way) => !isAnswer(way) && way.kind !== 'icmp_error' && isLost(way));
    if (lost === undefined) return ['It does not arrive: it is still on its way.'];
    return [`It does not arrive: ${lossOf(lost)}.`, ...whyLost(lost, explanation)];
  }
  const answers = ways.filter(isAnswer);
  const lost = answers.find(isLost);
  if (lost !== undefined) {
    return [`It arrives, but its answer does not: ${lossOf(lost)}.`, ...whyLost(lost, explanation)];
  }
  return [
    answers.some(({ end }) => end?.place === from) ? 'It arrives, and so does its answer.' : 'It arrives.',
  ];
}

/** Bytes of such a step are those outside, its MTU is that inside. */
export function isIntoTunnel({ action }: Hop): boolean {
  return /\b(puts into|encapsulates)\b/.test(action);
}

function isAnswer({ kind, hops }: Way): boolean {
  return kind === 'answer' || hops.some(({ action }) => action === ANSWERS);
}

function isLost({ end }: Way): boolean {
  return end !== null && end.reason !== null;
}

function lossOf({ end }: Way): string {
  return `dropped at ${end?.place ?? '?'}, ${end?.reason ?? '?'}`;
}

function whyLost(lost: Way, explanation: Explanation): string[] {
  const error = explanation.ways.find(({ kind, parent }) => kind === 'icmp_error' && parent === lost.number);
  const mtu = lost.end?.reason?.endsWith('mtu_exceeded') === true ? narrowest(lost, error) : null;
  if (mtu === null)
    return [lost.end?.explanation ?? '', ...(error === undefined ? [] : [told(error, lost, explanation)])];
  const { bytes } = lost.hops.at(-1)!;
  return [
    `${bytes} bytes do not fit into an MTU of ${mtu}, and DF forbids to cut them.`,
    error === undefined ? nobodyTells(lost, explanation) : told(error, lost, explanation),
    whatFits(lost, bytes - mtu, explanation),
  ];
}

function nobodyTells(lost: Way, { ways }: Explanation): string {
  const whom = sender(lost, ways);
  if (lost.hops.length === 1 && lost.hops[0]?.place === whom)
    return `${whom} knows: it is its own interface that does not take it.`;
  return `Nobody tells ${whom}: no ICMP error is sent. To it, this is a black hole.`;
}

/** Of the place that it did not fit into: what that place said, or what the error about it says. */
function narrowest({ hops }: Way, error: Way | undefined): number | null {
  const last = hops.at(-1);
  if (last === undefined) return null;
  if (last.mtu !== null && last.bytes > last.mtu && !isIntoTunnel(last)) return last.mtu;
  return mtuIn(error?.hops[0]);
}

function mtuIn(hop: Hop | undefined): number | null {
  const match = /, MTU (\d+)$/.exec(hop?.headers.at(-1)?.text ?? '');
  return match === null ? null : Number(match[1]);
}

/** Where the packet, as it is on the wire where it is lost, came from: a host, or what put it into a tunnel. */
function sender({ hops, kind, parent }: Way, ways: readonly Way[]): string {
  const into = hops.findLastIndex(isIntoTunnel);
  const out = hops.findLastIndex(({ action }) => /\b(takes out of|decapsulates)\b/.test(action));
  if (into > out) return hops[into]!.place;
  const whole =
    kind === 'fragment' || kind === 'reassembled' ? ways.find((way) => way.number === parent) : undefined;
  if (whole !== undefined && out < 0) return sender(whole, ways);
  return (hops.findLast(({ action }) => action === ANSWERS) ?? hops[0])?.place ?? 'the sender';
}

function told({ end, hops }: Way, lost: Way, { spread_too_big, ways }: Explanation): string {
  const what = `an ICMP error (${hops[0]?.headers.at(-1)?.text ?? 'not made yet'})`;
  const whom = sender(lost, ways);
  if (end === null) return `${whom} is not told yet: ${what} is on its way.`;
  if (end.reason !== null) {
    return `${whom} is not told: ${what} is dropped at ${end.place}, ${end.reason}. To it, this is a black hole.`;
  }
  if (end.place === whom) return `${whom} is told by ${what}, and can send less from then on.`;
  if (spread_too_big && isServer(end.place) && isServer(whom)) {
    return `${end.place} is told by ${what}, and tells all servers of the edge: ${whom} sends less from then on.`;
  }
  return `${whom} is not told: ${what} comes to ${end.place} instead. To it, this is a black hole.`;
}

/** Of the edge: `fra/1`. */
function isServer(place: string): boolean {
  return place.includes('/');
}

/** Of the innermost packet: where one does not fit, it may be inside of others. */
function whatFits({ hops }: Way, over: number, { destination }: Explanation): string {
  const inner = hops[0]?.headers.findLast(({ name }) => name.startsWith('IPv'));
  const size = Number(/, (\d+) bytes/.exec(inner?.text ?? '')?.[1] ?? hops[0]?.bytes ?? 0) - over;
  const headers = destination.includes(':') ? 60 : 40;
  return `What fits: packets of ${size} bytes at most, so TCP with an MSS of ${size - headers} or less.`;
}

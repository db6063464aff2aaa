/** Expectations about packets in the network: shares of next hops, drops, sizes on links. */
import { boundsText, bytes, counted, group, listed, percent, within } from './words.js';
import type { Of, Watch, Watched } from './watch.js';

/** Packets and bytes to and from the customer, of each next hop. */
const COUNTERS = 4;
const BYTES_TO_CUSTOMER = 1;

/** A number as it grows in a span of the run. */
function growth(
  { recorder, scenario }: Watched,
  span: { from: number; to: number },
  value: () => number,
): () => number {
  let before = 0;
  let after: number | null = null;
  if (span.from > 0) {
    recorder.moments.at(span.from, () => {
      before = value();
    });
  }
  if (span.to < scenario.duration) {
    recorder.moments.at(span.to, () => {
      after = value();
    });
  }
  return () => (after ?? value()) - before;
}

export function watchShare({ nexthops, of, share, span }: Of<'share'>, watched: Watched): Watch {
  const { recorder } = watched;
  const carried = (names: readonly string[]): number[] =>
    names.map(
      (name) => recorder.nexthopCounters.values[COUNTERS * recorder.nexthop(name) + BYTES_TO_CUSTOMER]!,
    );
  const all = [...new Set([...of, ...nexthops])];
  const bytesOf = new Map(all.map((name) => [name, growth(watched, span, () => carried([name])[0]!)]));
  const sum = (names: readonly string[]): number =>
    names.reduce((total, name) => total + bytesOf.get(name)!(), 0);
  const verb = nexthops.length === 1 ? 'carries' : 'carry';
  const expected = `${listed(nexthops)} ${verb} ${boundsText(share, percent)} of the bytes of ${listed(of)}`;
  return () => {
    const total = sum(of);
    if (total === 0) return { passed: false, expected, found: 'nothing went into any of them' };
    const part = sum(nexthops) / total;
    const found = `${percent(part)} (${group(sum(nexthops))} of ${bytes(total)})`;
    return { passed: within(share, part), expected, found };
  };
}

export function watchDrops({ reason, node, count, span }: Of<'drops'>, watched: Watched): Watch {
  const { recorder } = watched;
  const byNode = (): Map<string, number> => {
    const { nodes, reasons, dropPairs, dropCounters } = recorder;
    const found = new Map<string, number>();
    dropPairs.forEach((pair, i) => {
      const { node: at, reason: why } = recorder.pairOf(pair);
      if (reasons.list[why] !== reason || (node !== null && nodes.list[at] !== node)) return;
      found.set(nodes.list[at]!, dropCounters.values[i]!);
    });
    return found;
  };
  const total = growth(watched, span, () => [...byNode().values()].reduce((a, b) => a + b, 0));
  const expected = `${boundsText(count, (n) => counted(n, 'packet'))} dropped for ${reason} ${node === null ? 'anywhere' : `at ${node}`}`;
  return () => {
    const dropped = total();
    const places = node === null && dropped > 0 ? `, at ${listed([...byNode().keys()])}` : '';
    return { passed: within(count, dropped), expected, found: `${counted(dropped, 'packet')}${places}` };
  };
}

export function watchLargestPacket(
  { link, bytes: bounds, span }: Of<'largest_packet'>,
  { recorder, scenario }: Watched,
): Watch {
  const { largest, moments } = recorder;
  const number = recorder.link(link);
  const isWhole = span.from === 0 && span.to >= scenario.duration;
  const seen = isWhole
    ? null
    : largest.watch(number, span.from, Math.min(span.to, scenario.duration), moments);
  const expected = `largest packet on ${link}: ${boundsText(bounds, bytes)}`;
  return () => {
    const found = seen === null ? largest.of(number) : seen.bytes;
    if (found === 0) return { passed: false, expected, found: 'no packet went over it' };
    return { passed: within(bounds, found), expected, found: bytes(found) };
  };
}

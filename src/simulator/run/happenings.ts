/** What happened, as one list by time. PoPs that see the same of a tunnel within a second are told of together. */
import { listed } from '../expect/words.js';
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { Chronicle, Happening, Transition } from './chronicle.js';

export function happenings(chronicle: Chronicle): Happening[] {
  const all = [
    ...chronicle.timeline.map(({ at, note, text, outcome }) => ({
      at,
      kind: 'timeline',
      text: `${note === '' || note === text ? text : `${note}: ${text}`}${outcome === 'done' ? '' : ' (refused)'}`,
    })),
    ...healthChanges(chronicle),
    ...Array.from(chronicle.sessions, ([session, changes]) =>
      changes.slice(1).map(({ at, state, reason }) => ({
        at,
        kind: 'bgp',
        text: `session ${session} is ${state}${reason === '' ? '' : `: ${reason}`}`,
      })),
    ).flat(),
    ...chronicle.happenings,
  ];
  return all.toSorted((a, b) => a.at - b.at);
}

interface Group {
  readonly at: Nanoseconds;
  readonly first: Transition;
  readonly colos: string[];
}

function healthChanges({ transitions, probed, statuses }: Chronicle): Happening[] {
  const groups: Group[] = [];
  const open = new Map<string, Group>();
  for (const transition of transitions) {
    const { at, tunnel, from, to, colo } = transition;
    const key = `${tunnel} ${from} ${to}`;
    const group = open.get(key);
    if (group !== undefined && at - group.at <= SECOND) {
      group.colos.push(colo);
      continue;
    }
    const begun = { at, first: transition, colos: [colo] };
    groups.push(begun);
    open.set(key, begun);
  }
  return groups.map(({ at, first: { tunnel, from, to }, colos }) => {
    const isAll = colos.length === probed.get(tunnel)?.length && colos.length > 1;
    const where = isAll ? `all ${colos.length} PoPs` : listed(colos);
    const kind = statuses.has(tunnel) ? 'interconnect' : 'tunnel';
    return { at, kind: 'health', text: `${kind} ${tunnel} is ${to} in ${where}, was ${from}` };
  });
}

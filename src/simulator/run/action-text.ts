/** An action of the timeline in words. */
import { byName, KIND_WORDS, RESOURCE_KINDS, type ResourceKind } from '../../network/change/change-set.js';
import type { AnnouncementSpec, NetworkChange, PathSpec, TimelineAction } from '../scenario/scenario.js';
import { bitRate, bytes, listed, percent, time } from '../expect/words.js';

export function actionText(event: TimelineAction): string {
  switch (event.action) {
    case 'fail':
    case 'restore':
      return `${event.action} ${event.kind} ${event.target}`;
    case 'degrade':
      return `degrade ${event.kind} ${event.target}: ${pathText(event.path)}`;
    case 'over':
      return `${event.kind} ${event.target}: ${event.of === 'fail' ? 'failure' : 'degradation'} over`;
    case 'light_level':
      return `light level of ${event.target} is ${event.dbm} dBm`;
    case 'bgp_announce':
      return `router ${event.router} announces ${announcementText(event.announcement)} over ${event.session}`;
    case 'bgp_withdraw':
      return `router ${event.router} withdraws ${event.announcement.prefix} from ${event.session}`;
    case 'bgp_restart':
      return `router ${event.router} restarts ${event.session}, ${time(event.duration)} long`;
    case 'relay_lost':
      return 'the edge loses the central relay';
    case 'relay_restored':
      return 'the central relay is back';
    case 'change':
      return `change of the network: ${changeText(event.change)}`;
  }
}

function pathText(path: Partial<PathSpec>): string {
  const { delay, jitter, loss, reorder, rate, queue, mtu, too_big } = path;
  const parts = [
    delay === undefined ? null : `delay ${time(delay)}`,
    jitter === undefined ? null : `jitter ${time(jitter)}`,
    loss === undefined ? null : `loss ${percent(loss)}`,
    reorder === undefined ? null : `reordering ${percent(reorder)}`,
    rate === undefined ? null : `rate ${rate === null ? 'without limit' : bitRate(rate)}`,
    queue === undefined ? null : `queue ${bytes(queue)}`,
    mtu === undefined ? null : `MTU ${mtu}`,
    too_big === undefined ? null : `too-big: ${too_big}`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

function announcementText({ prefix, communities, prepend }: AnnouncementSpec): string {
  const tags = communities.length === 0 ? '' : ` with ${listed(communities)}`;
  return `${prefix}${tags}${prepend === 0 ? '' : `, prepended ${prepend} times`}`;
}

function changeText({ put, remove }: NetworkChange): string {
  const named = (verb: string, kind: ResourceKind, names: readonly string[]): string =>
    `${verb} ${KIND_WORDS[kind]} ${listed(names)}`;
  const parts = RESOURCE_KINDS.flatMap((kind) => {
    const names = [...byName(kind, put).keys()];
    const gone = remove[kind] ?? [];
    return [
      ...(names.length === 0 ? [] : [named('puts', kind, names)]),
      ...(gone.length === 0 ? [] : [named('removes', kind, gone)]),
    ];
  });
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

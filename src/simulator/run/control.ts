/**
 * The network in effect, and the one door by which it changes while a scenario runs: what a change means for tables,
 * circuits, sessions, announced prefixes, routers and maintenance.
 */
import type { NetworkConfig } from '../../config/network.js';
import { apply } from '../../network/change/apply.js';
import type { NetworkChange } from '../../network/change/change-set.js';
import { byName, RESOURCE_KINDS, type ResourceKind } from '../../network/change/change-set.js';
import { diff } from '../../network/change/diff.js';
import { formatDiff } from '../../network/change/format-diff.js';
import { ChangeError, formatNetworkProblem } from '../../network/change/problem.js';
import type { NetworkState } from '../../network/change/network-state.js';

/** Told of the network after a change, and of the kinds of resources that it touched. */
export type NetworkFollower = (
  network: NetworkConfig,
  before: NetworkConfig,
  kinds: ReadonlySet<ResourceKind>,
) => void;

export interface ChangeOutcome {
  readonly outcome: 'done' | 'refused';
  /** The diff, or what is wrong. */
  readonly lines: readonly string[];
}

export class Control {
  private state: NetworkState;
  private readonly followers: NetworkFollower[] = [];

  constructor(network: NetworkConfig) {
    this.state = { version: 0, network };
  }

  get network(): NetworkConfig {
    return this.state.network;
  }

  /** Followers are told in the order in which they came. */
  follow(follower: NetworkFollower): void {
    this.followers.push(follower);
  }

  /** Lets a change in whole, or refuses it whole. */
  change(change: NetworkChange): ChangeOutcome {
    const before = this.state.network;
    try {
      this.state = apply(this.state, change);
    } catch (error) {
      if (!(error instanceof ChangeError)) throw error;
      return { outcome: 'refused', lines: error.problems.map(formatNetworkProblem) };
    }
    const { network } = this.state;
    const entries = diff(before, network);
    const kinds = new Set(RESOURCE_KINDS.filter((kind) => entries.some((entry) => entry.kind === kind)));
    for (const follower of this.followers) follower(network, before, kinds);
    return {
      outcome: 'done',
      lines: entries.length === 0 ? ['nothing changed'] : formatDiff(entries).split('\n'),
    };
  }
}

/** What came (or is another now) and what went, of one kind. */
export function changed<K extends 'bgp_sessions' | 'prefixes'>(
  kind: K,
  before: NetworkConfig,
  after: NetworkConfig,
): { readonly put: readonly NetworkConfig[K][number][]; readonly gone: readonly string[] } {
  const old = byName(kind, before);
  const now = byName(kind, after);
  return {
    put: [...now].flatMap(([name, [resource]]) =>
      resource === undefined || JSON.stringify(old.get(name)?.[0]) === JSON.stringify(resource)
        ? []
        : [resource],
    ),
    gone: [...old.keys()].filter((name) => !now.has(name)),
  };
}

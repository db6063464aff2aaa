/** Follows a few interfaces: whether they are there and can carry packets, and their MTU. */
import type { Addon } from '../native/addon.js';
import { parseLink, type Link } from './link.js';
import { NetlinkError } from './netlink-error.js';
import { NetlinkWatch } from './netlink-watch.js';
import { Netlink } from './netlink.js';
import { AF_BRIDGE, Group, MessageType } from './protocol.js';

/** Set down by the administrator, or up without a carrier; gone: deleted, or moved to another namespace. */
export type LinkState = 'running' | 'no carrier' | 'down' | 'gone';

export interface WatchedLink {
  /** As it was at first. */
  readonly name: string;
  readonly state: LinkState;
  /** Bytes; of one that is gone the last. */
  readonly mtu: number;
}

export interface LinkWatchOptions {
  /** Names of the interfaces; those that are not there are left out. */
  readonly names: readonly string[];
  /** Told of each change, by the event loop. */
  readonly onChange: (now: WatchedLink, before: WatchedLink) => void;
}

export class LinkWatch {
  /** By index: an interface that is made anew under its old name is another one. */
  private readonly byIndex = new Map<number, WatchedLink>();
  private readonly watch: NetlinkWatch;

  /** @throws SystemError, NetlinkError when the kernel cannot be asked */
  constructor(
    private readonly addon: Addon,
    private readonly options: LinkWatchOptions,
  ) {
    this.watch = new NetlinkWatch(addon, {
      groups: [Group.LINK],
      onChange: (message) => {
        if (message.payload[0] === AF_BRIDGE) return;
        const link = parseLink(message);
        if (link === null) return;
        if (message.type === MessageType.DELETE_LINK) this.gone(link.index);
        else if (message.type === MessageType.NEW_LINK) this.take(link.index, stateOf(link), link.mtu);
      },
      onOverrun: () => this.readAnew(),
    });
    try {
      for (const link of this.list()) {
        const { index, name, mtu } = link;
        if (options.names.includes(name)) this.byIndex.set(index, { name, state: stateOf(link), mtu });
      }
    } catch (error) {
      this.watch.close();
      throw error;
    }
  }

  /** In no particular order. */
  get links(): readonly WatchedLink[] {
    return [...this.byIndex.values()];
  }

  close(): void {
    this.watch.close();
  }

  /** Messages were lost. */
  private readAnew(): void {
    try {
      const found = new Map(this.list().map((link) => [link.index, link]));
      for (const index of this.byIndex.keys()) {
        const link = found.get(index);
        if (link === undefined) this.gone(index);
        else this.take(index, stateOf(link), link.mtu);
      }
    } catch (error) {
      // The next message brings it up to date as far as that interface is concerned.
      if (!(error instanceof NetlinkError)) throw error;
    }
  }

  private gone(index: number): void {
    const before = this.byIndex.get(index);
    if (before !== undefined) this.take(index, 'gone', before.mtu);
  }

  private take(index: number, state: LinkState, mtu: number): void {
    const before = this.byIndex.get(index);
    if (before === undefined || (before.state === state && before.mtu === mtu)) return;
    const now = { name: before.name, state, mtu };
    this.byIndex.set(index, now);
    this.options.onChange(now, before);
  }

  private list(): Link[] {
    const netlink = new Netlink(this.addon);
    try {
      return netlink.listLinks();
    } finally {
      netlink.close();
    }
  }
}

function stateOf({ up, running }: Link): LinkState {
  if (!up) return 'down';
  return running ? 'running' : 'no carrier';
}

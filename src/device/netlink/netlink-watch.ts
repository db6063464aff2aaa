/** Changes of interfaces, addresses, routes and neighbours, as the kernel tells them. */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Addon } from '../native/addon.js';
import type { Watch } from '../native/system-calls.js';
import { parseMessages, type Message } from './message.js';
import { Group } from './protocol.js';

const RECEIVE_BYTES = 65_536;
/** Some ten thousand changes. */
const SOCKET_BUFFER = 8_388_608;
/** Datagrams read before the event loop gets its turn. */
const TURN = 256;

export interface NetlinkWatchOptions {
  /** What to be told of; all groups without it. */
  readonly groups?: readonly (typeof Group)[keyof typeof Group][];
  /** Each change; the payload is good only during the call. */
  readonly onChange: (message: Message) => void;
  /** Changes were lost: everything is to be read anew. */
  readonly onOverrun: () => void;
}

export class NetlinkWatch {
  private readonly fd: number;
  private readonly buffer = new Uint8Array(RECEIVE_BYTES);
  private watch: Watch | null = null;

  /**
   * Begins to listen; calls come from the event loop, which is kept alive until `close`.
   *
   * @throws SystemError when there can be no netlink socket
   */
  constructor(
    private readonly addon: Addon,
    private readonly options: NetlinkWatchOptions,
  ) {
    this.fd = addon.netlinkOpen(SOCKET_BUFFER);
    for (const group of options.groups ?? Object.values(Group)) {
      try {
        addon.netlinkJoin(this.fd, group);
      } catch (error) {
        // Kernels before 5.3 have no such group, and no such objects.
        if (group !== Group.NEXTHOP) throw error;
      }
    }
    this.watch = addon.watchReadable(this.fd, () => this.read());
  }

  close(): void {
    if (this.watch === null) return;
    this.addon.unwatch(this.watch);
    this.watch = null;
    closeSync(this.fd);
  }

  private read(): void {
    for (let turn = 0; turn < TURN && this.watch !== null; turn++) {
      const length = this.addon.receiveMessage(this.fd, this.buffer);
      if (length === -constants.errno.EAGAIN) return;
      if (length < 0) {
        this.options.onOverrun();
        continue;
      }
      for (const message of parseMessages(this.buffer.subarray(0, length))) this.options.onChange(message);
    }
  }
}

/** Where a node hands its packets on: a link, a place on the Internet, a LAN. */
export interface Outlet {
  /** Takes over the packet. */
  send(packet: number): void;
  /** False while it is known to be dead; absent: always alive. */
  readonly up?: boolean;
}

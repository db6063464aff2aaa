/**
 * One packet followed through the network, for `grebe sim explain` and for tests. Nodes and links tell of every
 * step if there is an observer, which is hardly ever.
 */
export interface PacketObserver {
  /**
   * @param packet number of the packet as it is now: its bytes are those after the step
   * @param place name of the node or link
   * @param action what was done, as a verb phrase: "encapsulates into tunnel acme_1"
   * @param mtu that applied at this step, in bytes; null where none did
   */
  step(packet: number, place: string, action: string, mtu: number | null): void;
  /** The packet became another one (fragments, ICMP error, answer): that one is followed as well. */
  child(parent: number, child: number): void;
  /** It ends here: delivered (reason null) or dropped. */
  end(packet: number, place: string, reason: string | null): void;
}

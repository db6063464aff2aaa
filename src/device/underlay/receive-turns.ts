/** Asks the sockets of a port in turns, so that none starves another. */
import type { PacketVector } from '../../dataplane/packet-vector.js';

/** Fills the empty vector with one batch from one socket; returns the number of packets. Does not wait. */
export interface Receiver {
  receive(vector: PacketVector, side: number): number;
}

/** Calls after which the rare receivers are asked even though the others have packets. */
const RARELY = 16;

export class ReceiveTurns {
  private next = 0;
  private calls = 0;
  private wasEmpty = false;

  /**
   * `rare` is asked when the others have nothing twice in a row, and now and then: whoever gets nothing sleeps
   * until a descriptor is readable, and then asks again. So a batch that empties the usual socket costs no
   * calls for the others.
   */
  constructor(
    private readonly usual: readonly Receiver[],
    private readonly rare: readonly Receiver[] = [],
  ) {}

  receive(vector: PacketVector, side: number): number {
    const isRareFirst = ++this.calls % RARELY === 0;
    let count = isRareFirst ? this.ask(this.rare, vector, side) : 0;
    if (count === 0) count = this.ask(this.usual, vector, side);
    if (count === 0 && !isRareFirst && this.wasEmpty) count = this.ask(this.rare, vector, side);
    this.wasEmpty = count === 0;
    vector.count = count;
    return count;
  }

  private ask(receivers: readonly Receiver[], vector: PacketVector, side: number): number {
    for (let i = 0; i < receivers.length; i++) {
      this.next = this.next + 1 < receivers.length ? this.next + 1 : 0;
      const count = receivers[this.next]!.receive(vector, side);
      if (count > 0) return count;
    }
    return 0;
  }
}

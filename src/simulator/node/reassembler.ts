/** Puts together the fragments of packets of the store, for those that packets are addressed to. */
import { Offer, Reassembly } from '../../network/reassembly/reassembly.js';
import { REASSEMBLY_REASONS } from '../../network/reassembly/reassembly-reasons.js';
import type { Handler } from '../core/scheduler.js';
import { MILLISECOND, type Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';

/** Datagrams and bytes that wait for their other fragments. */
const ROOM = { datagrams: 512, bytes: 2 << 20 } as const;

export class Reassembler implements Handler {
  /** Most nodes never see a fragment. */
  private reassembly: Reassembly | null = null;
  private handler = -1;
  /** When the timer is set to. */
  private wakeAt: Nanoseconds = Infinity;
  /** Fragments that were held and came to nothing, as far as they have been counted. */
  private lost = 0;

  constructor(
    private readonly world: World,
    private readonly node: number,
  ) {}

  /**
   * Takes over a fragment whose IP header is right.
   *
   * @returns the packet that is whole with it, or -1
   */
  take(packet: number): number {
    const { world } = this;
    const { packets, scheduler } = world;
    this.reassembly ??= this.open();
    const { reassembly } = this;
    const nowMs = scheduler.now / MILLISECOND;
    const offer = reassembly.offer(packets.bytes, packets.start[packet]!, packets.length[packet]!, nowMs);
    let result = -1;
    if (offer === Offer.PASS) {
      result = packet;
    } else if (offer === Offer.DROPPED) {
      this.lost++;
      world.drop(packet, this.node, world.reasons.reassembly_failed);
    } else {
      if (offer === Offer.WHOLE) result = this.takeWhole(packet, reassembly);
      world.replace(packet);
    }
    this.countLost(reassembly);
    this.wake(reassembly);
    return result;
  }

  /** The time of some datagram is over. */
  fire(): void {
    const { reassembly, world } = this;
    if (reassembly === null || world.scheduler.now !== this.wakeAt) return;
    this.wakeAt = Infinity;
    reassembly.expire(world.scheduler.now / MILLISECOND);
    this.countLost(reassembly);
    this.wake(reassembly);
  }

  private open(): Reassembly {
    this.handler = this.world.scheduler.register(this);
    return new Reassembly(ROOM);
  }

  private takeWhole(packet: number, reassembly: Reassembly): number {
    const { packets, observer } = this.world;
    const whole = packets.take(reassembly.length);
    packets.flow[whole] = packets.flow[packet]!;
    packets.born[whole] = packets.born[packet]!;
    packets.length[whole] = reassembly.length;
    reassembly.take(packets.bytes, packets.start[whole]!);
    if (observer !== null) observer.child(packet, whole);
    return whole;
  }

  /** Fragments that were held end as drops once it is sure that they will not be part of a packet. */
  private countLost({ counters }: Reassembly): void {
    const { world } = this;
    let lost = 0;
    for (const reason of REASSEMBLY_REASONS) lost += counters[reason];
    for (; this.lost < lost; this.lost++) {
      // Its bytes are gone; something has to be dropped in its place.
      world.drop(world.packets.take(), this.node, world.reasons.reassembly_failed);
    }
  }

  private wake({ next }: Reassembly): void {
    const time = Math.ceil(next * MILLISECOND);
    if (time >= this.wakeAt) return;
    const { scheduler } = this.world;
    this.wakeAt = Math.max(time, scheduler.now);
    scheduler.at(this.wakeAt, this.handler);
  }
}

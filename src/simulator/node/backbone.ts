/**
 * The edge's own network between its PoPs: no loss, no limit, the delay of the distance. Packets leave by it for
 * circuits that end in another PoP, and answers to probes that came to the wrong one.
 */
import type { Handler } from '../core/scheduler.js';
import type { Nanoseconds } from '../../network/time.js';
import type { Holder, World } from '../core/world.js';
import { delayBetween } from '../scenario/geography.js';
import type { Coordinates } from '../scenario/scenario.js';

/** Who takes what the backbone brings. */
export interface BackboneExit {
  /** @param errand the number that the sender gave */
  arrive(pop: number, packet: number, errand: number): void;
}

const POPS = 4096;

export class Backbone implements Handler, Holder {
  readonly name = 'backbone';
  held = 0;
  private readonly handler: number;
  private readonly delays = new Map<number, Nanoseconds>();

  /** @param pops up to 4,096 */
  constructor(
    private readonly world: World,
    private readonly pops: readonly { readonly location: Coordinates }[],
    private readonly exit: BackboneExit,
  ) {
    if (pops.length > POPS) throw new RangeError(`${pops.length} PoPs, more than ${POPS}`);
    this.handler = world.scheduler.register(this);
    world.hold(this);
  }

  /** Takes a packet to another PoP. @param errand −524,288 to 524,287 */
  send(from: number, to: number, packet: number, errand: number): void {
    const { scheduler, observer } = this.world;
    this.world.hops++;
    if (observer !== null) observer.step(packet, this.name, 'carries', null);
    scheduler.at(scheduler.now + this.delay(from, to), this.handler, packet, errand * POPS + to);
    this.held++;
  }

  fire(packet: number, errand: number): void {
    this.held--;
    this.exit.arrive(errand & (POPS - 1), packet, errand >> 12);
  }

  /** One way. */
  delay(from: number, to: number): Nanoseconds {
    const key = from * POPS + to;
    let delay = this.delays.get(key);
    if (delay === undefined) {
      delay = delayBetween(this.pops[from]!.location, this.pops[to]!.location);
      this.delays.set(key, delay);
    }
    return delay;
  }
}

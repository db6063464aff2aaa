/** A link without delay or limit, between an Internet host and its place: counts what passes, and can be captured. */
import type { Node } from '../core/node.js';
import type { World } from '../core/world.js';
import type { LinkCapture } from '../link/link-capture.js';
import type { Outlet } from '../node/outlet.js';

export class Tap implements Node, Outlet {
  capture: LinkCapture | null = null;
  private readonly number: number;

  /** @param port by which the node knows the link */
  constructor(
    private readonly world: World,
    readonly name: string,
    private readonly to: Node,
    private readonly port = 0,
  ) {
    this.number = world.recorder.link(name);
  }

  send(packet: number): void {
    const { packets, scheduler, recorder, observer } = this.world;
    const length = packets.length[packet]!;
    this.capture?.packet(scheduler.now, packets.bytes, packets.start[packet]!, length);
    recorder.linkPacket(this.number, length);
    if (observer !== null) observer.step(packet, this.name, 'carries', null);
    this.to.receive(packet, this.port);
  }

  receive(packet: number): void {
    this.send(packet);
  }
}

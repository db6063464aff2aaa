/** Packets that came to a PoP and wait for the next turn of its servers: arrays that grow, in order of arrival. */
export class PopQueue {
  count = 0;
  /** Number of the packet; the `side` that the pipeline is told; next hop that it is pinned to, or −1. */
  packet = new Int32Array(64);
  side = new Int32Array(64);
  pin = new Int32Array(64);
  /** Index of the server in the PoP; circuit by which it came, or −1. */
  server = new Int32Array(64);
  circuit = new Int32Array(64);

  push(packet: number, side: number, pin: number, server: number, circuit: number): void {
    if (this.count === this.packet.length) this.grow();
    const at = this.count++;
    this.packet[at] = packet;
    this.side[at] = side;
    this.pin[at] = pin;
    this.server[at] = server;
    this.circuit[at] = circuit;
  }

  private grow(): void {
    const larger = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(from.length * 2);
      to.set(from);
      return to;
    };
    this.packet = larger(this.packet);
    this.side = larger(this.side);
    this.pin = larger(this.pin);
    this.server = larger(this.server);
    this.circuit = larger(this.circuit);
  }
}

/** What packets pass: hosts, routers, PoPs, servers. */
export interface Node {
  readonly name: string;
  /**
   * Takes over a packet (a number of the store, see packets.ts), which it must send on, drop or free.
   *
   * @param port number that the node gave to the link by which the packet came
   */
  receive(packet: number, port: number): void;
}

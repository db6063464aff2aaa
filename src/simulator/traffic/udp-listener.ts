/** A UDP server: hands datagrams of flows that were announced to their traffic, and takes in all others. */
import { be16, word } from '../../wire/bytes.js';
import { IpProtocol } from '../../wire/protocol.js';
import type { World } from '../core/world.js';
import { ADDRESS_WORDS, putAddressWords } from '../node/address-words.js';
import type { Host } from '../node/host.js';
import type { IpPacket } from '../node/ip-packet.js';
import type { Socket } from '../node/socket.js';
import { WordTable } from '../node/word-table.js';

/** Whose datagrams come. */
export interface UdpReceiver {
  /** Whether it does anything with what arrives. */
  readonly echo: boolean;
  /** Takes over a datagram of its flow `index`. */
  arrived(packet: number, ip: IpPacket, index: number): void;
}

/** A key: listener, port, and address (one word with IPv4). */
const LISTENER = 0;
const PORT = 1;
const ADDRESS = 2;

/** One for all: nobody needs it beyond a call. */
const key4 = new Int32Array(ADDRESS + 1);
const key6 = new Int32Array(ADDRESS + ADDRESS_WORDS);

/** The flows that all listeners of a world wait for: one table, so that a look-up is one look into cold memory. */
class Expected {
  listeners = 0;
  private readonly table4 = new WordTable(key4.length);
  private readonly table6 = new WordTable(key6.length);
  private readonly receivers: UdpReceiver[] = [];
  /** Of the flow among those of its receiver; −1 where the receiver only counts, and need not be told. */
  private readonly indexes: number[] = [];

  put(listener: number, bytes: Uint8Array, port: number, receiver: UdpReceiver, index: number): void {
    const isV4 = bytes.length === 4;
    const key = keyOf(listener, bytes, 0, isV4 ? 4 : 6, port);
    this.indexes.push(receiver.echo ? index : -1);
    (isV4 ? this.table4 : this.table6).put(key, this.receivers.push(receiver) - 1);
  }

  /** Number of the flow from the address at `at`, or −1. */
  find(listener: number, bytes: Uint8Array, at: number, family: number, port: number): number {
    const key = keyOf(listener, bytes, at, family, port);
    return family === 4 ? this.table4.get(key) : this.table6.get(key);
  }

  /** Hands a datagram to the receiver of a flow; false when that does not want it. */
  hand(number: number, packet: number, ip: IpPacket): boolean {
    const index = this.indexes[number]!;
    if (index < 0) return false;
    this.receivers[number]!.arrived(packet, ip, index);
    return true;
  }
}

function keyOf(listener: number, bytes: Uint8Array, at: number, family: number, port: number): Int32Array {
  const key = family === 4 ? key4 : key6;
  key[LISTENER] = listener;
  key[PORT] = port;
  if (family === 4) key[ADDRESS] = word(bytes, at);
  else putAddressWords(key, ADDRESS, bytes, at, family);
  return key;
}

const expectedOf = new WeakMap<World, Expected>();

export class UdpListener implements Socket {
  private readonly world: World;
  private readonly expected: Expected;
  private readonly number: number;

  constructor(
    private readonly host: Host,
    port: number,
  ) {
    this.world = host.world;
    this.expected = expectedOf.get(host.world) ?? new Expected();
    expectedOf.set(host.world, this.expected);
    this.number = this.expected.listeners++;
    host.bind(IpProtocol.UDP, port, this);
  }

  /** Datagrams from this address and port are of flow `index` of `receiver`. */
  expect(remote: Uint8Array, remotePort: number, receiver: UdpReceiver, index: number): void {
    this.expected.put(this.number, remote, remotePort, receiver, index);
  }

  receive(packet: number, ip: IpPacket): void {
    const { world, expected } = this;
    const { bytes, flow } = world.packets;
    const found = expected.find(this.number, bytes, ip.source, ip.family, be16(bytes, ip.transport));
    if (flow[packet]! >= 0) world.recorder.delivered(flow[packet]!, packet);
    if (found < 0 || !expected.hand(found, packet, ip)) world.arrive(packet, this.host.name);
  }

  /** Its answers go to anybody. */
  hasSent(): boolean {
    return true;
  }

  failed(): void {
    // A datagram is not sent again.
  }
}

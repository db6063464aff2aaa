/** A UDP server: hands datagrams of flows that were announced to their traffic, and takes in all others. */
import { be16 } from '../../wire/bytes.js';
import { IpProtocol } from '../../wire/protocol.js';
import { ADDRESS_WORDS, putAddressWords } from '../node/address-words.js';
import type { Host } from '../node/host.js';
import type { IpPacket } from '../node/ip-packet.js';
import type { Socket } from '../node/socket.js';
import { WordTable } from '../node/word-table.js';

/** Whose datagrams come. */
export interface UdpReceiver {
  /** Takes over a datagram of its flow `index`. */
  arrived(packet: number, ip: IpPacket, index: number): void;
}

const PORT = ADDRESS_WORDS;

/** One for all: nobody needs it beyond a call. */
const key = new Int32Array(ADDRESS_WORDS + 1);

export class UdpListener implements Socket {
  private readonly table = new WordTable(ADDRESS_WORDS + 1);
  private readonly flows: { readonly receiver: UdpReceiver; readonly index: number }[] = [];

  constructor(
    private readonly host: Host,
    port: number,
  ) {
    host.bind(IpProtocol.UDP, port, this);
  }

  /** Datagrams from this address and port are of flow `index` of `receiver`. */
  expect(remote: Uint8Array, remotePort: number, receiver: UdpReceiver, index: number): void {
    putAddressWords(key, 0, remote, 0, remote.length === 4 ? 4 : 6);
    key[PORT] = remotePort;
    this.table.put(key, this.flows.push({ receiver, index }) - 1);
  }

  receive(packet: number, ip: IpPacket): void {
    const { host } = this;
    const { world } = host;
    const { bytes, flow } = world.packets;
    putAddressWords(key, 0, bytes, ip.source, ip.family);
    key[PORT] = be16(bytes, ip.transport);
    const found = this.flows[this.table.get(key)];
    if (flow[packet]! >= 0) world.recorder.delivered(flow[packet]!, packet);
    if (found === undefined) world.arrive(packet, host.name);
    else found.receiver.arrived(packet, ip, found.index);
  }

  /** Its answers go to anybody. */
  hasSent(): boolean {
    return true;
  }

  failed(): void {
    // A datagram is not sent again.
  }
}

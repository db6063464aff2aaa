/** Receives frames from an AF_PACKET socket into the slots of a vector, and hands on the IP packets in them. */
import { EtherType, ETHERNET_HEADER, IPV4_HEADER, VLAN_TAG } from '../../wire/protocol.js';
import { DeviceCount } from '../device-counters.js';
import { BATCH_PACKETS } from '../native/socket-calls.js';
import { put, ReceiveSpans, type ReceiverOptions } from '../raw/raw-receiver.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import type { Receiver } from '../underlay/receive-turns.js';

export class PacketReceiver implements Receiver {
  private readonly room: ReceiveSpans;

  constructor(private readonly options: ReceiverOptions) {
    // The IP header behind an Ethernet header without tag then lies where a raw packet's does.
    this.room = new ReceiveSpans(options.pool, options.vector, -ETHERNET_HEADER);
  }

  receive(vector: PacketVector, side: number): number {
    const { calls, fd, pool, counters } = this.options;
    const { spans, room } = this.room;
    const { bytes } = pool;
    // An error (the interface went down) is not ours to repair: the socket works again when it is up.
    const got = calls.receiveBatch(fd, bytes, spans, 0, BATCH_PACKETS);
    let count = 0;
    for (let i = 0; i < got; i++) {
      const frame = spans[2 * i]!;
      const frameLength = spans[2 * i + 1]!;
      spans[2 * i + 1] = room;
      const isTagged = ((bytes[frame + 12]! << 8) | bytes[frame + 13]!) === EtherType.VLAN;
      const header = isTagged ? ETHERNET_HEADER + VLAN_TAG : ETHERNET_HEADER;
      const length = frameLength - header;
      if (frameLength > room) counters[DeviceCount.rx_dropped_oversized]! += 1;
      else if (length < IPV4_HEADER) counters[DeviceCount.rx_dropped_invalid]! += 1;
      else count = put(vector, count, frame + header, length, side, counters);
    }
    return count;
  }
}

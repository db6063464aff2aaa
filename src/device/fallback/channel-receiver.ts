/** Receives what a helper process has sent to its worker (protocol.ts). */
import type { PacketVector } from '../../dataplane/packet-vector.js';
import { IPV4_HEADER } from '../../wire/protocol.js';
import { word } from '../../wire/bytes.js';
import { DeviceCount } from '../device-counters.js';
import { BATCH_PACKETS } from '../native/socket-calls.js';
import { put, ReceiveSpans, type ReceiverOptions } from '../raw/raw-receiver.js';
import type { Receiver } from '../underlay/receive-turns.js';
import { Notice } from './protocol.js';

export class ChannelReceiver implements Receiver {
  private readonly room: ReceiveSpans;

  constructor(private readonly options: ReceiverOptions) {
    this.room = new ReceiveSpans(options, 0);
  }

  receive(vector: PacketVector, side: number): number {
    const { calls, fd, pool, counters } = this.options;
    const { spans, pinnedSpans, memory, room } = this.room;
    const got = calls.receiveBatch(fd, memory, pinnedSpans, 0, BATCH_PACKETS);
    let count = 0;
    for (let i = 0; i < got; i++) {
      const offset = spans[2 * i]!;
      const length = spans[2 * i + 1]!;
      spans[2 * i + 1] = room;
      if (length > room) counters[DeviceCount.rx_dropped_oversized]! += 1;
      else if (pool.bytes[offset]! >>> 4 === 0) this.takeNotice(offset);
      else if (length < IPV4_HEADER) counters[DeviceCount.rx_dropped_invalid]! += 1;
      else count = put(vector, count, offset, length, side, counters);
    }
    return count;
  }

  private takeNotice(offset: number): void {
    const { pool, counters } = this.options;
    const isReceive = pool.bytes[offset + 1] === Notice.RECEIVE_DROPPED;
    const counter = isReceive ? DeviceCount.rx_dropped_queue : DeviceCount.tx_dropped_error;
    counters[counter]! += word(pool.bytes, offset + 4) >>> 0;
  }
}

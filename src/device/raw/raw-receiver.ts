/** Receives from raw sockets of protocol 47 into the slots of a vector. */
import { LinkType } from '../../dataplane/link-type.js';
import { HEADROOM, type PacketPool } from '../../dataplane/packet-pool.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import { IPV4_HEADER, IPV6_HEADER, IpProtocol } from '../../wire/protocol.js';
import { DeviceCount } from '../device-counters.js';
import { loadAddon } from '../native/addon.js';
import { sharedWords, type PinCalls, type Pinned } from '../native/pin-calls.js';
import type { SocketCalls } from '../native/socket-calls.js';
import { BATCH_PACKETS, HEADER6_WORDS } from '../native/socket-calls.js';
import type { PortMemory } from '../port.js';
import type { Receiver } from '../underlay/receive-turns.js';
import type { GreSockets } from './gre-socket.js';

/** Traffic class and flow label, and the version above them, in the first word as it is read natively. */
const FLOW_BITS = 0xffffff0f | 0;
const VERSION_6 = 0x60;

export interface ReceiverOptions {
  readonly calls: PinCalls & Pick<SocketCalls, 'receiveBatch' | 'receiveBatch6'>;
  readonly fd: number;
  readonly pool: PacketPool;
  readonly vector: PacketVector;
  readonly counters: Float64Array;
}

/** A receiver for each family that there is. */
export function rawReceivers(sockets: GreSockets, memory: PortMemory, counters: Float64Array): Receiver[] {
  const { pool, vector } = memory;
  const common = { calls: loadAddon(), pool, vector, counters };
  const four = new RawReceiver4({ ...common, fd: sockets.fd4 });
  return sockets.fd6 < 0 ? [four] : [four, new RawReceiver6({ ...common, fd: sockets.fd6 })];
}

/**
 * Room for the packets of one batch in the first slots of a vector's region: from `shift` bytes behind the
 * headroom on.
 */
export class ReceiveSpans {
  readonly spans = sharedWords(BATCH_PACKETS * 2);
  readonly pinnedSpans: Pinned<Int32Array>;
  readonly memory: Pinned<Uint8Array>;
  /** Bytes that a packet may have. */
  readonly room: number;

  constructor({ calls, pool, vector }: ReceiverOptions, shift: number) {
    this.memory = calls.pin(pool.bytes);
    this.pinnedSpans = calls.pin(this.spans);
    this.room = pool.stride - HEADROOM - shift;
    for (let i = 0; i < BATCH_PACKETS; i++) {
      this.spans[2 * i] = (vector.region.firstSlot + i) * pool.stride + HEADROOM + shift;
      this.spans[2 * i + 1] = this.room;
    }
  }
}

/** IPv4: packets come with their header. */
class RawReceiver4 implements Receiver {
  private readonly room: ReceiveSpans;

  constructor(private readonly options: ReceiverOptions) {
    this.room = new ReceiveSpans(options, 0);
  }

  receive(vector: PacketVector, side: number): number {
    const { calls, fd, counters } = this.options;
    const { spans, pinnedSpans, memory, room } = this.room;
    const got = calls.receiveBatch(fd, memory, pinnedSpans, 0, BATCH_PACKETS);
    let count = 0;
    for (let i = 0; i < got; i++) {
      const length = spans[2 * i + 1]!;
      spans[2 * i + 1] = room;
      if (length > room) counters[DeviceCount.rx_dropped_oversized]! += 1;
      else if (length < IPV4_HEADER) counters[DeviceCount.rx_dropped_invalid]! += 1;
      else count = put(vector, count, spans[2 * i]!, length, side, counters);
    }
    return count;
  }
}

/** IPv6: the kernel takes the headers off, and tells what stood in the first one; it is written anew. */
class RawReceiver6 implements Receiver {
  private readonly room: ReceiveSpans;
  private readonly headers = sharedWords(BATCH_PACKETS * HEADER6_WORDS);
  private readonly pinnedHeaders: Pinned<Int32Array>;

  constructor(private readonly options: ReceiverOptions) {
    this.room = new ReceiveSpans(options, IPV6_HEADER);
    this.pinnedHeaders = options.calls.pin(this.headers);
  }

  receive(vector: PacketVector, side: number): number {
    const { calls, fd, counters } = this.options;
    const { spans, pinnedSpans, memory, room } = this.room;
    const got = calls.receiveBatch6(fd, memory, pinnedSpans, 0, BATCH_PACKETS, this.pinnedHeaders);
    let count = 0;
    for (let i = 0; i < got; i++) {
      const length = spans[2 * i + 1]!;
      spans[2 * i + 1] = room;
      if (length > room) {
        counters[DeviceCount.rx_dropped_oversized]! += 1;
        continue;
      }
      const offset = spans[2 * i]! - IPV6_HEADER;
      this.writeHeader(offset >> 2, i * HEADER6_WORDS, length);
      count = put(vector, count, offset, length + IPV6_HEADER, side, counters);
    }
    return count;
  }

  private writeHeader(at: number, from: number, length: number): void {
    const { headers } = this;
    const { words } = this.options.pool;
    words[at] = (headers[from + 8]! & FLOW_BITS) | VERSION_6;
    // Payload length in network order, next header, hop limit.
    words[at + 1] =
      ((length & 0xff) << 8) | (length >>> 8) | (IpProtocol.GRE << 16) | (headers[from + 9]! << 24);
    for (let word = 0; word < 8; word++) words[at + 2 + word] = headers[from + word]!;
  }
}

/** Adds a packet to the vector; returns the number of packets in it. */
export function put(
  vector: PacketVector,
  count: number,
  offset: number,
  length: number,
  side: number,
  counters: Float64Array,
): number {
  vector.offset[count] = offset;
  vector.length[count] = length;
  vector.link[count] = LinkType.RAW;
  vector.side[count] = side;
  counters[DeviceCount.rx_bytes]! += length;
  return count + 1;
}

/**
 * Collects the packets that leave through one socket and sends them a batch per system call. A packet that
 * cannot be sent is counted with its reason, and the rest is still sent: whatever was added is, after `flush`,
 * in `tx_packets` or in one of `tx_dropped_*`.
 */
import { constants } from 'node:os';
import { EXTRA_SIZE, VECTOR_SIZE } from '../../dataplane/packet-vector.js';
import { DeviceCount } from '../device-counters.js';
import { sharedWords, type PinCalls, type Pinned } from '../native/pin-calls.js';
import { SPAN_WORDS, type SocketCalls } from '../native/socket-calls.js';

/** All that one vector can send. */
export const MOST_PACKETS = VECTOR_SIZE + EXTRA_SIZE;

/** How long one flush waits in all for the kernel to have room, in milliseconds. */
const PATIENCE_MS = 4;
/** One wait while the socket has room but the interface's queue has not (poll cannot see that one). */
const QUEUE_WAIT_MS = 0.25;

const { EAGAIN, ENOBUFS, ENOMEM, EMSGSIZE, EINTR } = constants.errno;
const UNREACHABLE = new Set<number>([
  constants.errno.ENETUNREACH,
  constants.errno.EHOSTUNREACH,
  constants.errno.ENETDOWN,
  constants.errno.ENXIO,
  constants.errno.ENODEV,
  constants.errno.EADDRNOTAVAIL,
]);
const NOTHING = new Int32Array(0);

/** Index of the counter for packets that the kernel refuses with this error number. */
export function dropCounter(error: number): number {
  if (error === EMSGSIZE) return DeviceCount.tx_dropped_size;
  if (error === EAGAIN || error === ENOBUFS || error === ENOMEM) return DeviceCount.tx_dropped_queue;
  return UNREACHABLE.has(error) ? DeviceCount.tx_dropped_unreachable : DeviceCount.tx_dropped_error;
}

export interface BatchSenderOptions {
  readonly calls: PinCalls & Pick<SocketCalls, 'sendBatch' | 'waitWritable' | 'poll'>;
  readonly fd: number;
  /** The pool's bytes. */
  readonly memory: Uint8Array;
  readonly counters: Float64Array;
  /** Where each packet holds its destination, and in how many bytes (SocketCalls.sendBatch). */
  readonly addressAt?: number;
  readonly addressBytes?: number;
  /** Bytes of link header in front of each packet, which are not counted. Default 0. */
  readonly linkBytes?: number;
  /** The time in milliseconds, from any start. Default: of `performance`. */
  readonly now?: () => number;
}

export class BatchSender {
  /** Packets added since the last flush. */
  count = 0;
  /** SPAN_WORDS for each packet (SocketCalls.sendBatch). */
  private readonly spans = sharedWords(MOST_PACKETS * SPAN_WORDS);
  private readonly pinnedSpans: Pinned<Int32Array>;
  private readonly calls: BatchSenderOptions['calls'];
  private readonly fd: number;
  private readonly memory: Pinned<Uint8Array>;
  private readonly counters: Float64Array;
  private readonly addressAt: number;
  private readonly addressBytes: number;
  private readonly linkBytes: number;
  private readonly now: () => number;

  constructor(options: BatchSenderOptions) {
    this.calls = options.calls;
    this.fd = options.fd;
    this.memory = options.calls.pin(options.memory);
    this.pinnedSpans = options.calls.pin(this.spans);
    this.counters = options.counters;
    this.addressAt = options.addressAt ?? 0;
    this.addressBytes = options.addressBytes ?? 0;
    this.linkBytes = options.linkBytes ?? 0;
    this.now = options.now ?? performance.now.bind(performance);
  }

  /**
   * Adds a packet, of at most MOST_PACKETS: its first byte in the memory and its length, link header included, and
   * how many bytes more follow at `body`.
   */
  add(offset: number, length: number, body = 0, bodyLength = 0): void {
    const { spans } = this;
    const at = this.count++ * SPAN_WORDS;
    spans[at] = offset;
    spans[at + 1] = length;
    spans[at + 2] = body;
    spans[at + 3] = bodyLength;
  }

  /** Sends what was added, in order; returns how many packets were sent. */
  flush(): number {
    const { spans, counters, count } = this;
    this.count = 0;
    let patience = PATIENCE_MS;
    let sent = 0;
    for (let at = 0; at < count;) {
      const result = this.send(at, count - at);
      if (result > 0) {
        let bytes = -result * this.linkBytes;
        for (let i = at * SPAN_WORDS; i < (at + result) * SPAN_WORDS; i += SPAN_WORDS)
          bytes += spans[i + 1]! + spans[i + 3]!;
        counters[DeviceCount.tx_packets]! += result;
        counters[DeviceCount.tx_bytes]! += bytes;
        counters[DeviceCount.tx_batches]! += 1;
        sent += result;
        at += result;
      } else if (isFull(-result) && patience > 0) {
        patience -= this.wait(-result, patience);
      } else {
        counters[dropCounter(-result)]! += 1;
        at++;
      }
    }
    return sent;
  }

  private send(first: number, count: number): number {
    const { calls, fd, memory, pinnedSpans, addressAt, addressBytes } = this;
    return calls.sendBatch(fd, memory, pinnedSpans, first, count, addressAt, addressBytes);
  }

  /** Returns the milliseconds that it took. */
  private wait(error: number, patience: number): number {
    const start = this.now();
    if (error === EAGAIN) this.calls.waitWritable(this.fd, patience);
    else this.calls.poll(NOTHING, QUEUE_WAIT_MS);
    // Also when no time has passed the patience ends some time.
    return Math.max(this.now() - start, QUEUE_WAIT_MS / 8);
  }
}

function isFull(error: number): boolean {
  return error === EAGAIN || error === ENOBUFS || error === ENOMEM || error === EINTR;
}

/** Carries the kernel's counts of packets that found a socket's queue full into a port's counters. */
import { BATCH_PACKETS, type SocketCalls } from '../native/socket-calls.js';
import { DeviceCount } from '../device-counters.js';
import { droppedPackets } from './socket-options.js';

/** Says how many packets found a queue full since it was made, modulo 2³². */
export type DropSource = () => number;

/** The queues of sockets without a ring. */
export function dropsOf(calls: SocketCalls, fds: readonly number[]): DropSource[] {
  return fds.map((fd) => () => droppedPackets(calls, fd));
}

/** Calls of receive after which the kernel is asked in any case. */
const INTERVAL = 256;

export class DropWatch {
  private calls = 0;
  /** A queue that has overflowed gives full batches before it is empty. */
  private wasFull = false;

  constructor(
    private readonly sources: readonly DropSource[],
    private readonly counters: Float64Array,
  ) {}

  /** To be called after each receive, with the number of packets that it brought. */
  after(received: number): void {
    if (received >= BATCH_PACKETS) this.wasFull = true;
    if (++this.calls < INTERVAL && (received > 0 || !this.wasFull)) return;
    this.calls = 0;
    if (received === 0) this.wasFull = false;
    this.update();
  }

  /**
   * The counter holds the sum over the queues since they were made, whichever worker read them since; the
   * kernel's numbers have 32 bits.
   */
  update(): void {
    let sum = 0;
    try {
      for (const source of this.sources) sum += source();
    } catch {
      return;
    }
    const known = this.counters[DeviceCount.rx_dropped_queue]!;
    this.counters[DeviceCount.rx_dropped_queue]! += (sum - known) >>> 0;
  }
}

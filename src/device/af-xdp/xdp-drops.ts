/** Carries the kernel's counts of packets that it could not hand over into a port's counters. */
import { DeviceCount } from '../device-counters.js';
import type { SocketCalls } from '../native/socket-calls.js';
import type { XdpCalls } from '../native/xdp-calls.js';
import { droppedPackets } from '../underlay/socket-options.js';

/** Calls of receive after which the kernel is asked, when there is no pause. */
const INTERVAL = 256;
/** Of struct xdp_statistics (if_xdp.h). */
const Statistic = { DROPPED: 0, RING_FULL: 3, FILL_RING_EMPTY: 4 } as const;

export class XdpDrops {
  private readonly statistics = new Float64Array(6);
  private calls = 0;
  private wasBusy = false;

  constructor(
    private readonly addon: SocketCalls & XdpCalls,
    /** Descriptors of AF_XDP sockets, and of raw sockets. */
    private readonly sockets: readonly number[],
    private readonly raw: readonly number[],
    private readonly counters: Float64Array,
  ) {}

  /** To be called after each receive, with the number of packets that it brought. */
  after(received: number): void {
    if (received > 0 ? ++this.calls % INTERVAL === 0 : this.wasBusy) this.update();
    this.wasBusy = received > 0;
  }

  /** The kernel counts since the sockets were made: as long as the counters, which outlive this port. */
  update(): void {
    const { addon, statistics, counters } = this;
    let oversized = 0;
    let full = 0;
    try {
      for (const fd of this.sockets) {
        addon.xdpStatistics(fd, statistics);
        // What finds no chunk is counted as dropped too; sockets of one queue share the count of those.
        const dropped = statistics[Statistic.DROPPED]!;
        const noChunk = Math.min(statistics[Statistic.FILL_RING_EMPTY]!, dropped);
        oversized += dropped - noChunk;
        full += statistics[Statistic.RING_FULL]! + noChunk;
      }
      for (const fd of this.raw) full += droppedPackets(addon, fd);
    } catch {
      // Closed by the main thread: what was counted stays.
      return;
    }
    counters[DeviceCount.rx_dropped_oversized] = oversized;
    counters[DeviceCount.rx_dropped_queue] = full;
  }
}

/** Puts a port's memory file and rings over its staging area, and takes them off again. */
import type { PacketPool } from '../../dataplane/packet-pool.js';
import { sharedWords } from '../native/pin-calls.js';
import type { XdpCalls } from '../native/xdp-calls.js';
import type { AfXdpPortSpec } from './spec.js';
import {
  LAYOUT_WORDS,
  LayoutField,
  pageAligned,
  portBytes,
  RING_WORDS,
  ringBytes,
  umemBytes,
} from './layout.js';

/** Bytes of staging area that a port of this spec wants. */
export function afXdpStagingBytes(spec: Pick<AfXdpPortSpec, 'umem' | 'rings' | 'sockets'>): number {
  return portBytes(spec.umem, spec.rings, spec.sockets.length);
}

export class MappedRings {
  /** For each socket what xdpReceive and xdpTransmit want to know (layout.ts). */
  readonly layouts: readonly Int32Array[];
  private readonly start: number;
  private readonly bytes: number;

  /** @throws SystemError, RangeError when the staging area is too small or not part of a WebAssembly memory */
  constructor(
    private readonly calls: XdpCalls,
    private readonly pool: PacketPool,
    spec: AfXdpPortSpec,
    stagingOffset: number,
  ) {
    const { umem, rings, sockets } = spec;
    this.start = pageAligned(stagingOffset);
    let at = this.start + umemBytes(umem);
    calls.xdpMapMemory(pool.bytes, this.start, at - this.start, umem.memory);
    const sizes = ringBytes(rings);
    const entries = [rings.rx, rings.tx, rings.fill, rings.completion];
    this.layouts = sockets.map(({ fd }) => {
      const layout = sharedWords(LAYOUT_WORDS);
      layout[LayoutField.FD] = fd;
      layout[LayoutField.PORT] = spec.port;
      layout[LayoutField.PORTS] = umem.ports;
      layout[LayoutField.UMEM] = this.start;
      layout[LayoutField.SHIFT] = umem.shift;
      layout[LayoutField.CHUNKS] = umem.chunks;
      for (const [ring, length] of sizes.entries()) {
        const words = layout.subarray(LayoutField.RINGS + ring * RING_WORDS);
        calls.xdpMapRing(pool.bytes, at, length, fd, ring, entries[ring]!, words);
        at += length;
      }
      return layout;
    });
    this.bytes = at - this.start;
  }

  /** Leaves the pool with memory of its own there. */
  close(): void {
    this.calls.poolUnmap(this.pool.bytes, this.start, this.bytes);
  }
}

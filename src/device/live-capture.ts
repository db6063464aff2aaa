/**
 * Live capture from a network interface through the optional package `cap`. Main thread only: the
 * package works on the main thread's event loop.
 */
import { canonicalLinkType, LinkType } from '../dataplane/link-type.js';
import { createHandle, loadCap, type CapHandle } from './cap-module.js';
import { CaptureError } from './capture-error.js';
import { Cursor, type CaptureInterface, type PacketCursor } from './packet-cursor.js';
import { PacketQueue } from './packet-queue.js';
import type { CaptureOption } from './pcapng-options.js';

/** Fixed by the package. */
const SNAPLEN = 65_535;
const DEFAULT_QUEUE_BYTES = 8_388_608;
const DEFAULT_KERNEL_BUFFER_BYTES = 33_554_432;

/** Link types by the names that `cap` gives them; the others are "Unknown linktype <number>". */
const linkTypesByName = new Map<string, number>([
  ['NULL', LinkType.NULL],
  ['ETHERNET', LinkType.ETHERNET],
  ['IEEE802_11_RADIO', 127],
  ['LINKTYPE_LINUX_SLL', LinkType.LINUX_SLL],
  ['RAW', LinkType.RAW],
]);

export interface LiveCaptureOptions {
  /** Name of the interface, such as `eth0`; `any` for all of them. */
  interface: string;
  /** A pcap-filter(7) expression, such as `proto gre`. Default: everything. */
  filter?: string;
  /** Bytes of packets (and 16 for each) that may wait to be read; what comes beyond is dropped. Default 8 MiB. */
  queueBytes?: number;
  /**
   * Bytes of the kernel's ring, for packets that come while the program is busy. With the package's snap
   * length a packet takes 64 KiB of it on most interfaces. Default 32 MiB. What it has no room for is
   * lost uncounted.
   */
  kernelBufferBytes?: number;
}

export interface LiveInterface {
  name: string;
  description: string | null;
  addresses: string[];
  isLoopback: boolean;
}

/** The interfaces that can be captured from. Throws CaptureError when `cap` is not installed. */
export async function listLiveInterfaces(): Promise<LiveInterface[]> {
  const cap = await loadCap('live capture');
  return cap.Cap.deviceList().map((device) => ({
    name: device.name,
    description: device.description ?? null,
    addresses: device.addresses.flatMap(({ addr }) => (addr === undefined ? [] : [addr])),
    isLoopback: device.flags === 'PCAP_IF_LOOPBACK',
  }));
}

/**
 * A capture under way, read like a file that has no end: fill() waits for packets, and next() answers
 * Cursor.END once the capture was closed and everything captured before has been read.
 */
export class LiveCapture implements PacketCursor {
  readonly interfaces: readonly CaptureInterface[];
  readonly totalBytes = null;
  readonly interfaceId = 0;
  readonly optionsLength = 0;
  packetNumber = 0;
  /** Bytes of frames captured. */
  bytesRead = 0;
  /** Packets that found the queue full. */
  dropped = 0;

  private reading: PacketQueue;
  private filling: PacketQueue;
  private isClosed = false;
  private wake: () => void = () => undefined;

  private constructor(
    readonly path: string,
    readonly linkType: number,
    queueBytes: number,
    private readonly handle: CapHandle,
    /** Where libpcap puts each packet; held here because nobody else does. */
    private readonly frame: Buffer,
  ) {
    this.interfaces = [{ linkType, snaplen: SNAPLEN, name: path, nanoseconds: false, options: [] }];
    this.reading = new PacketQueue(queueBytes);
    this.filling = new PacketQueue(queueBytes);
    handle.on('packet', (length) => {
      this.receive(length);
    });
  }

  /** Starts to capture. Throws CaptureError: no package, no such interface, no permission, bad filter. */
  static async open(options: LiveCaptureOptions): Promise<LiveCapture> {
    const { interface: name, filter = '', queueBytes = DEFAULT_QUEUE_BYTES } = options;
    const kernelBytes = options.kernelBufferBytes ?? DEFAULT_KERNEL_BUFFER_BYTES;
    const cap = await loadCap(name);
    const known = cap.Cap.deviceList().map((device) => device.name);
    if (known.length > 0 && !known.includes(name)) {
      throw new CaptureError(name, `found no interface of this name, expected one of ${known.join(', ')}`);
    }
    const handle = createHandle(cap);
    const frame = Buffer.alloc(SNAPLEN);
    let linkName: string;
    try {
      linkName = handle.open(name, filter, kernelBytes, frame);
    } catch (error) {
      throw new CaptureError(name, `cannot capture: ${explain(error, filter)}`, {}, error);
    }
    return new LiveCapture(name, linkTypeByName(linkName), queueBytes, handle, frame);
  }

  get data(): Uint8Array {
    return this.reading.data;
  }
  get position(): number {
    return this.reading.position;
  }
  get length(): number {
    return this.reading.length;
  }
  /** The package does not tell the length on the wire: what the snap length cut off is not counted. */
  get originalLength(): number {
    return this.reading.length;
  }
  get seconds(): number {
    return this.reading.seconds;
  }
  get nanoseconds(): number {
    return this.reading.nanoseconds;
  }

  next(): number {
    if (this.reading.shift()) {
      this.packetNumber++;
      return Cursor.PACKET;
    }
    return this.isClosed && this.filling.isEmpty ? Cursor.END : Cursor.FILL;
  }

  async fill(): Promise<void> {
    if (!this.reading.isEmpty) return;
    if (this.filling.isEmpty && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const read = this.reading;
    read.clear();
    this.reading = this.filling;
    this.filling = read;
  }

  options(): CaptureOption[] {
    return [];
  }

  /** Stops capturing. Packets that wait can still be read. */
  close(): Promise<void> {
    if (!this.isClosed) {
      this.isClosed = true;
      this.handle.close();
      this.wake();
    }
    return Promise.resolve();
  }

  private receive(length: number): void {
    // The package passes no time stamp on: this is the time of delivery, to the microsecond or so.
    const milliseconds = performance.timeOrigin + performance.now();
    const seconds = Math.floor(milliseconds / 1000);
    const nanoseconds = Math.floor((milliseconds - seconds * 1000) * 1000) * 1000;
    if (this.filling.push(seconds, nanoseconds, this.frame, length)) this.bytesRead += length;
    else this.dropped++;
    this.wake();
  }
}

function linkTypeByName(name: string): number {
  const number = /^Unknown linktype (\d+)$/.exec(name)?.[1];
  return canonicalLinkType(linkTypesByName.get(name) ?? Number(number ?? -1));
}

function explain(error: unknown, filter: string): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/not permitted|permission/i.test(text)) return `${text} (it takes root, or CAP_NET_RAW)`;
  return /filter|syntax/i.test(text) ? `${text} (filter: ${filter})` : text;
}

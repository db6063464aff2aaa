/**
 * Live capture from a network interface: through the kernel's ring (ring-capture.ts), or through the optional
 * package `cap` (cap-source.ts), which takes a process of its own, has no packet times, but runs elsewhere than on
 * Linux, too, and knows filters and every kind of interface.
 */
import type { SystemError } from '../native/addon.js';
import { loadCap } from './cap-module.js';
import { CapSource } from './cap-source.js';
import { CaptureError } from './capture-error.js';
import { openCapture } from './capture-reader.js';
import {
  ARP_LOOPBACK,
  askKernel,
  capInterfaces,
  kernelInterfaces,
  linkAddressOf,
  linkTypeOf,
  noSuchInterface,
  type LiveInterface,
} from './live-interfaces.js';
import type { PacketCursor } from './packet-cursor.js';
import type { StagingArea } from './read-buffer.js';
import { RingCapture } from './ring-capture.js';

const DEFAULT_QUEUE_BYTES = 16_777_216;
const DEFAULT_KERNEL_BUFFER_BYTES = 33_554_432;
/** libpcap's name for all interfaces. */
const ANY = 'any';

export interface LiveCaptureOptions {
  /** Name of the interface, such as `eth0`; `any` for all of them (through `cap`). */
  interface: string;
  /** A pcap-filter(7) expression, such as `proto gre` (through `cap`). Default: everything. */
  filter?: string;
  /** Packets that arrive, or also those that this machine sends. Default `both`. */
  direction?: 'in' | 'both';
  /** Default `auto`: the ring where it can be had, otherwise `cap`. */
  backend?: 'auto' | 'ring' | 'cap';
  /**
   * `cap` only: bytes of packets (and 16 for each) that may wait to be read; what comes beyond is dropped.
   * Default 16 MiB.
   */
  queueBytes?: number;
  /**
   * Bytes of the kernel's ring, for packets that come while they are not being read; 512 KiB to 1 GiB, default
   * 32 MiB. What it has no room for is dropped. With `cap` a packet takes 64 KiB of it on most interfaces, and
   * what is dropped here is not counted.
   */
  kernelBufferBytes?: number;
  /** As for openCapture. The ring lies in it, and is not larger than it. */
  staging?: StagingArea;
}

/** What captures, as LiveCapture sees it. */
interface Backend {
  readonly dropped: number;
  stop(): void;
}

/**
 * The interfaces that can be captured from: the kernel's, where it can be asked (Linux with the native addon), else
 * libpcap's.
 *
 * @throws CaptureError when neither the addon nor `cap` is there
 */
export async function listLiveInterfaces(): Promise<LiveInterface[]> {
  try {
    return kernelInterfaces();
  } catch {
    return capInterfaces(await loadCap('live capture'));
  }
}

/** A capture under way, promiscuous. */
export class LiveCapture {
  private constructor(
    /** The packets, read like a file's: fill() waits for the next ones. */
    readonly cursor: PacketCursor,
    /** What was taken and why, for people: `ring on eth0: …`, `cap on eth0: …`. */
    readonly description: string,
    private readonly backend: Backend,
  ) {}

  /**
   * Starts to capture.
   *
   * @throws CaptureError: no such interface, no permission, bad filter; the ring cannot be had and no package
   */
  static async open(options: LiveCaptureOptions): Promise<LiveCapture> {
    const { interface: name, backend = 'auto' } = options;
    if (backend === 'cap') return LiveCapture.openCap(options, 'asked for');
    const ring = openRing(options);
    if (typeof ring !== 'string')
      return new LiveCapture(ring, `ring on ${name}: with the times and the losses of the kernel`, ring);
    if (backend === 'ring') throw new CaptureError(name, `cannot capture through the ring: ${ring}`);
    return LiveCapture.openCap(options, ring);
  }

  /** Packets that found the ring full (`cap`: the queue, as last reported, ten times a second and at the end). */
  get dropped(): number {
    return this.backend.dropped;
  }

  /** Stops to capture. The cursor ends after the packets captured before. */
  stop(): void {
    this.backend.stop();
  }

  /** Stops at once; what was not read is lost. */
  async close(): Promise<void> {
    await this.cursor.close();
  }

  private static async openCap(options: LiveCaptureOptions, reason: string): Promise<LiveCapture> {
    const { interface: name, staging } = options;
    const known = capInterfaces(await loadCap('live capture', reason));
    if (known.length > 0 && !known.some((one) => one.name === name)) throw noSuchInterface(name, known);
    const source = new CapSource({
      interface: name,
      filter: capFilter(options),
      queueBytes: options.queueBytes ?? DEFAULT_QUEUE_BYTES,
      kernelBufferBytes: options.kernelBufferBytes ?? DEFAULT_KERNEL_BUFFER_BYTES,
    });
    return new LiveCapture(await openCapture(source, { staging }), `cap on ${name}: ${reason}`, source);
  }
}

/** The ring, or why it cannot be had. @throws CaptureError when `cap` could not help either */
function openRing(options: LiveCaptureOptions): RingCapture | string {
  const { interface: name, filter = '', direction = 'both', kernelBufferBytes, staging } = options;
  if (filter !== '') return 'a filter takes libpcap';
  if (name === ANY) return 'all interfaces at once take libpcap';
  try {
    const link = askKernel((netlink) => netlink.linkByName(name));
    if (link === null) throw noSuchInterface(name, kernelInterfaces());
    const { index, arpType } = link;
    const linkType = linkTypeOf(arpType);
    if (linkType === null) return `frames of this kind of interface (ARPHRD ${arpType}) take libpcap`;
    return new RingCapture({
      ...{ name, index, linkType, staging },
      // What a loopback interface sends, it receives as well.
      outgoing: direction === 'both' && arpType !== ARP_LOOPBACK,
      kernelBufferBytes: kernelBufferBytes ?? DEFAULT_KERNEL_BUFFER_BYTES,
    });
  } catch (error) {
    if (error instanceof CaptureError) throw error;
    const { code, message } = error as Partial<SystemError>;
    if (code === 'EPERM')
      throw new CaptureError(name, `cannot capture: ${message} (it takes root, or CAP_NET_RAW)`, {}, error);
    return message ?? String(error);
  }
}

/**
 * On Ethernet what this machine sends is told by its link address: of the first packet libpcap itself asks the
 * filter, and knows `inbound` less well than the kernel.
 */
function capFilter({ interface: name, filter = '', direction = 'both' }: LiveCaptureOptions): string {
  if (direction === 'both') return filter;
  const own = linkAddressOf(name);
  const arrives = own === null ? 'inbound' : `not ether src ${own}`;
  return filter === '' ? arrives : `(${filter}) and ${arrives}`;
}

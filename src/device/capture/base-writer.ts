import { canonicalLinkType } from '../../dataplane/link-type.js';
import { ByteCopier, type CopyKernel } from '../byte-copier.js';
import type { CaptureOption } from './pcapng-options.js';
import type { StagingArea } from './read-buffer.js';

/** Snap length that the headers of written captures state, as tcpdump's. */
export const DEFAULT_SNAPLEN = 262_144;

/** The least staging area of a writer. */
export const MINIMUM_WRITE_BYTES = 65_536;
const DEFAULT_WRITE_BYTES = 1_048_576;

export interface InterfaceDescription {
  /** LINKTYPE_ number. */
  linkType: number;
  /** Most bytes captured of a packet; 0 = no limit. Default 262,144. */
  snaplen?: number;
  name?: string | null;
  /** Options of the interface block (pcapng only), such as CaptureInterface.options. */
  options?: readonly CaptureOption[];
}

export interface WriteBufferOptions {
  /** Shared memory for the bytes to write; the place for packets that lie in the same memory. */
  staging?: StagingArea | undefined;
  /** Copies inside the staging area's memory. */
  kernel?: CopyKernel | undefined;
}

/** Where the bytes of a capture go: a file (OutputFile), or somebody who listens. */
export interface CaptureSink {
  /** For messages. */
  readonly path: string;
  /** Takes data[position…] of `length` bytes before it returns. Throws CaptureError. */
  write(data: Uint8Array, position: number, length: number): void;
  /** All is written. Throws CaptureError. */
  commit(): void;
  /** Nothing shall stay. */
  abort(): void;
}

/** What the writers of both formats share: one big buffer in front of the file. */
export abstract class CaptureWriter {
  abstract readonly format: 'pcap' | 'pcapng';
  /** Packets written. */
  packets = 0;

  protected readonly data: Uint8Array;
  protected readonly view: DataView;
  /** Where the next byte goes. */
  protected at: number;
  private readonly base: number;
  private readonly limit: number;
  private readonly copier: ByteCopier;
  private readonly interfaceByLinkType = new Map<number, number>();
  private flushed = 0;

  protected constructor(
    private readonly file: CaptureSink,
    options: WriteBufferOptions,
  ) {
    const { staging } = options;
    if (staging === undefined) {
      this.data = new Uint8Array(DEFAULT_WRITE_BYTES);
      this.base = 0;
      this.limit = this.data.length;
    } else {
      if (staging.bytes < MINIMUM_WRITE_BYTES) {
        throw new RangeError(
          `a writer's staging area has at least ${MINIMUM_WRITE_BYTES} bytes, found ${staging.bytes}`,
        );
      }
      this.data = new Uint8Array(staging.buffer);
      this.base = staging.offset;
      this.limit = staging.offset + staging.bytes;
    }
    this.view = new DataView(this.data.buffer);
    this.at = this.base;
    this.copier = new ByteCopier(this.data, options.kernel ?? null);
  }

  get path(): string {
    return this.file.path;
  }

  /** Bytes of the file so far. */
  get bytesWritten(): number {
    return this.flushed + (this.at - this.base);
  }

  /** Adds an interface and returns its number for write(). Throws CaptureError when the format has no room. */
  abstract addInterface(description: InterfaceDescription): number;

  /**
   * Writes one packet: the frame bytes[position…] of `length` bytes, of which `originalLength` were on
   * the wire. `seconds` is a whole number, `nanoseconds` 0 to 999,999,999. Comment and options go into
   * pcapng only. Throws CaptureError.
   */
  abstract write(
    seconds: number,
    nanoseconds: number,
    interfaceId: number,
    bytes: Uint8Array,
    position: number,
    length: number,
    originalLength: number,
    comment?: string,
    options?: readonly CaptureOption[],
  ): void;

  /** The number of an interface for frames of this link type, added at the first call. */
  interfaceFor(linkType: number): number {
    const canonical = canonicalLinkType(linkType);
    let id = this.interfaceByLinkType.get(canonical);
    if (id === undefined) {
      id = this.addInterface({ linkType: canonical });
      this.interfaceByLinkType.set(canonical, id);
    }
    return id;
  }

  /** Writes the rest and gives the file its name. Throws CaptureError. */
  commit(): void {
    this.flush();
    this.file.commit();
  }

  /** Gives the file up; nothing of it stays. Does nothing after commit(). */
  abort(): void {
    this.file.abort();
  }

  /** Makes sure that `count` bytes fit in the buffer from `at` on; `count` is far below its size. */
  protected reserve(count: number): void {
    if (this.at + count > this.limit) this.flush();
  }

  /** Adds packet bytes of any length. */
  protected append(bytes: Uint8Array, position: number, length: number): void {
    if (this.at + length > this.limit) {
      this.flush();
      if (length > this.limit - this.base) {
        this.file.write(bytes, position, length);
        this.flushed += length;
        return;
      }
    }
    this.copier.copy(this.at, bytes, position, length);
    this.at += length;
  }

  /** Writes what is buffered: a full disk shows now, not at commit(). Throws CaptureError. */
  flush(): void {
    const length = this.at - this.base;
    this.at = this.base;
    if (length === 0) return;
    this.flushed += length;
    this.file.write(this.data, this.base, length);
  }
}

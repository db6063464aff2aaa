import type { ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';
import { Cursor, type CaptureInterface, type PacketCursor } from './packet-cursor.js';
import type { CaptureOption } from './pcapng-options.js';
import type { ReadBuffer } from './read-buffer.js';

/**
 * The largest packet or block that is read, in bytes. libpcap writes at most 262,144 of a packet;
 * a length far beyond is the sign of a damaged file.
 */
export const MAXIMUM_RECORD_BYTES = 16_777_216;

/** What the readers of both file formats share: the cursor's fields and the way to more bytes. */
export abstract class CaptureReader implements PacketCursor {
  abstract readonly format: 'pcap' | 'pcapng';
  readonly interfaces: CaptureInterface[] = [];
  /** Options of the section header (comment, hardware, operating system …). Empty for pcap. */
  sectionOptions: readonly CaptureOption[] = [];

  data: Uint8Array;
  position = 0;
  length = 0;
  originalLength = 0;
  seconds = 0;
  nanoseconds = 0;
  linkType = 0;
  interfaceId = 0;
  packetNumber = 0;
  optionsLength = 0;

  protected view: DataView;
  /** Where the next record begins; behind `end` while bytes are to be passed over. */
  protected cursor: number;
  protected end: number;
  /** Bytes that must be there, from `cursor` on, for next() to go on. */
  protected need = 0;

  constructor(
    private readonly source: ByteSource,
    protected readonly buffer: ReadBuffer,
  ) {
    this.data = buffer.data;
    this.view = buffer.view;
    this.cursor = buffer.start;
    this.end = buffer.end;
  }

  get path(): string {
    return this.source.path;
  }
  get bytesRead(): number {
    return this.source.bytesRead;
  }
  get totalBytes(): number | null {
    return this.source.totalBytes;
  }

  /** Reads what comes before the first packet, so that the interfaces are known. Used by openCapture. */
  async prime(): Promise<void> {
    while (this.advance() === Cursor.FILL) await this.fill();
  }

  abstract next(): number;
  abstract options(): CaptureOption[];

  /** Goes to the next packet without taking it. */
  protected abstract advance(): number;

  async fill(): Promise<void> {
    await this.buffer.fill(this.cursor, this.need);
    this.data = this.buffer.data;
    this.view = this.buffer.view;
    this.cursor = this.buffer.start;
    this.end = this.buffer.end;
  }

  async close(): Promise<void> {
    await this.source.close();
  }

  /**
   * Called when fewer than `need` bytes are left: asks for more, ends, or says that the file is cut off.
   * `mayEnd` is false in the middle of something, where the end of the file is one too early.
   */
  protected starve(need: number, mayEnd = true): number {
    this.need = need;
    if (!this.buffer.ended) return Cursor.FILL;
    if (mayEnd && this.cursor === this.end) return Cursor.END;
    throw this.cutOff(need);
  }

  /** The file ends in a record or block that needs `need` bytes. */
  protected abstract cutOff(need: number): CaptureError;
}

/**
 * The pcap format (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of a 16-byte header and
 * the packet, in the byte order of the machine that wrote it.
 */
import { canonicalLinkType } from '../../dataplane/link-type.js';
import { CaptureReader, MAXIMUM_RECORD_BYTES } from './base-reader.js';
import type { ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';
import { Cursor } from './packet-cursor.js';
import {
  PCAP_HEADER_BYTES,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  RECORD_HEADER_BYTES,
} from './pcap-format.js';
import type { CaptureOption } from './pcapng-options.js';
import type { ReadBuffer } from './read-buffer.js';

/** Alexey Kuznetzov's variant: 8 bytes more in each record header (interface, protocol, packet type). */
const MAGIC_KUZNETZOV = 0xa1b2cd34;

const KUZNETZOV_RECORD_HEADER_BYTES = 24;
/** The link type field's other bits tell of a frame check sequence at the end of each frame. */
const LINK_TYPE_MASK = 0x03ffffff;

/** What the first four bytes say, or null when they are no pcap magic. */
export function pcapVariant(view: DataView, at: number): { magic: number; littleEndian: boolean } | null {
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(at, littleEndian);
    if (magic === PCAP_MAGIC_MICROSECONDS || magic === PCAP_MAGIC_NANOSECONDS || magic === MAGIC_KUZNETZOV) {
      return { magic, littleEndian };
    }
  }
  return null;
}

export class PcapReader extends CaptureReader {
  readonly format = 'pcap';
  private readonly littleEndian: boolean;
  private readonly recordHeader: number;
  private readonly nanosPerUnit: number;
  /** Files older than version 2.4 may have the two lengths of a record the other way round. */
  private readonly lengths: 'in order' | 'swapped' | 'swapped if larger';

  /** `buffer.start` is at the file header, of which PCAP_HEADER_BYTES are there. */
  constructor(source: ByteSource, buffer: ReadBuffer, variant: { magic: number; littleEndian: boolean }) {
    super(source, buffer);
    const { magic, littleEndian } = variant;
    const major = this.view.getUint16(this.cursor + 4, littleEndian);
    const minor = this.view.getUint16(this.cursor + 6, littleEndian);
    if (major !== 2 || minor > 4) {
      throw new CaptureError(source.path, `found pcap version ${major}.${minor}, expected 2.4`, {
        offset: 4,
      });
    }
    const snaplen = this.view.getUint32(this.cursor + 16, littleEndian);
    const linkType = canonicalLinkType(this.view.getUint32(this.cursor + 20, littleEndian) & LINK_TYPE_MASK);
    const nanoseconds = magic === PCAP_MAGIC_NANOSECONDS;
    this.littleEndian = littleEndian;
    this.recordHeader = magic === MAGIC_KUZNETZOV ? KUZNETZOV_RECORD_HEADER_BYTES : RECORD_HEADER_BYTES;
    this.nanosPerUnit = nanoseconds ? 1 : 1000;
    this.lengths = minor >= 4 ? 'in order' : minor === 3 ? 'swapped if larger' : 'swapped';
    this.linkType = linkType;
    this.interfaces.push({ linkType, snaplen, name: null, nanoseconds, options: [] });
    this.cursor += PCAP_HEADER_BYTES;
  }

  override next(): number {
    const at = this.cursor;
    const body = at + this.recordHeader;
    if (body > this.end) return this.starve(this.recordHeader);
    const view = this.view;
    const littleEndian = this.littleEndian;
    let length = view.getUint32(at + 8, littleEndian);
    let original = view.getUint32(at + 12, littleEndian);
    if (this.lengths !== 'in order' && (this.lengths === 'swapped' || length > original)) {
      [length, original] = [original, length];
    }
    if (length > MAXIMUM_RECORD_BYTES) throw this.tooLong(length);
    if (body + length > this.end) return this.starve(this.recordHeader + length);

    const seconds = view.getUint32(at, littleEndian);
    const nanos = view.getUint32(at + 4, littleEndian) * this.nanosPerUnit;
    if (nanos < 1e9) {
      this.seconds = seconds;
      this.nanoseconds = nanos;
    } else {
      // Some writers let the fraction run over; it is a time all the same.
      this.seconds = seconds + Math.floor(nanos / 1e9);
      this.nanoseconds = nanos % 1e9;
    }
    this.position = body;
    this.length = length;
    this.originalLength = original;
    this.packetNumber++;
    this.cursor = body + length;
    return Cursor.PACKET;
  }

  /** The file header is all that comes before the packets, and has been read. */
  protected override advance(): number {
    return Cursor.PACKET;
  }

  override options(): CaptureOption[] {
    return [];
  }

  private tooLong(length: number): CaptureError {
    return this.malformed(
      `found a captured length of ${length} bytes, expected at most ${MAXIMUM_RECORD_BYTES}; the file is damaged`,
    );
  }

  protected override cutOff(need: number): CaptureError {
    const there = this.end - this.cursor;
    const where = there < this.recordHeader ? "a packet's record header" : 'a packet';
    return this.malformed(
      `the capture is cut off in the middle of ${where}: found ${there} bytes, expected ${need}`,
    );
  }

  private malformed(problem: string): CaptureError {
    return new CaptureError(this.path, problem, {
      unit: 'record',
      number: this.packetNumber + 1,
      offset: this.buffer.offsetOf(this.cursor),
    });
  }
}

import { canonicalLinkType, LinkType, linkTypeName } from '../../dataplane/link-type.js';
import {
  CaptureWriter,
  DEFAULT_SNAPLEN,
  type InterfaceDescription,
  type WriteBufferOptions,
} from './base-writer.js';
import { CaptureError } from './capture-error.js';
import type { OutputFile } from './output-file.js';
import { pcapFileHeader, RECORD_HEADER_BYTES } from './pcap-format.js';

const LAST_SECOND = 0xffffffff;

/** Writes pcap 2.4, little-endian, with times in micro- or nanoseconds. One link type per file. */
export class PcapWriter extends CaptureWriter {
  readonly format = 'pcap';
  private readonly nanosPerUnit: number;
  private linkType: number | null = null;

  constructor(
    file: OutputFile,
    private readonly resolution: 'micro' | 'nano',
    options: WriteBufferOptions = {},
  ) {
    super(file, options);
    this.nanosPerUnit = resolution === 'nano' ? 1 : 1000;
  }

  /** The first call gives the file its link type, which every later one must have as well. */
  override addInterface(description: InterfaceDescription): number {
    const linkType = canonicalLinkType(description.linkType);
    if (this.linkType === null) {
      this.writeHeader(linkType, description.snaplen);
    } else if (linkType !== this.linkType) {
      throw new CaptureError(
        this.path,
        `found packets of ${linkTypeName(linkType)} after ${linkTypeName(this.linkType)}, expected one link type: ` +
          'a pcap file holds no more (name the file .pcapng)',
      );
    }
    return 0;
  }

  override write(
    seconds: number,
    nanoseconds: number,
    _interfaceId: number,
    bytes: Uint8Array,
    position: number,
    length: number,
    originalLength: number,
  ): void {
    if (seconds < 0 || seconds > LAST_SECOND) throw this.timeOutOfRange(seconds);
    this.reserve(RECORD_HEADER_BYTES + length);
    const view = this.view;
    const at = this.at;
    view.setUint32(at, seconds, true);
    view.setUint32(at + 4, Math.floor(nanoseconds / this.nanosPerUnit), true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, originalLength, true);
    this.at = at + RECORD_HEADER_BYTES;
    this.append(bytes, position, length);
    this.packets++;
  }

  override commit(): void {
    // A capture without packets is a capture all the same.
    if (this.linkType === null) this.writeHeader(LinkType.ETHERNET);
    super.commit();
  }

  private writeHeader(linkType: number, snaplen = DEFAULT_SNAPLEN): void {
    const header = pcapFileHeader(this.resolution, snaplen, linkType);
    this.append(header, 0, header.length);
    this.linkType = linkType;
  }

  private timeOutOfRange(seconds: number): CaptureError {
    return new CaptureError(
      this.path,
      `found a packet time of ${seconds} s since 1970, expected 0 to ${LAST_SECOND}: ` +
        'a pcap file holds no other (name the file .pcapng)',
    );
  }
}

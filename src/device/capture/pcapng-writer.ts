import { canonicalLinkType } from '../../dataplane/link-type.js';
import {
  CaptureWriter,
  type CaptureSink,
  DEFAULT_SNAPLEN,
  type InterfaceDescription,
  type WriteBufferOptions,
} from './base-writer.js';
import { CaptureError } from './capture-error.js';
import { BlockType, BYTE_ORDER_MAGIC, OptionCode } from './pcapng-format.js';
import { optionsSize, textOption, writeOptions, type CaptureOption } from './pcapng-options.js';

const SECTION_HEADER_BYTES = 28;
const INTERFACE_BYTES = 20;
const PACKET_HEADER_BYTES = 28;
const NANOSECONDS = 9;
const TWO_16 = 65_536;
const TWO_32 = 4_294_967_296;
/** 2^64 ns are 18,446,744,073.7 s: the year 2554. */
const LAST_SECOND = 18_446_744_072;
/** Comments kept in their encoded form; a caller mostly has a handful of them. */
const CACHED_COMMENTS = 1024;

/** Writes pcapng 1.0, one section, little-endian, times in nanoseconds, any number of interfaces. */
export class PcapngWriter extends CaptureWriter {
  readonly format = 'pcapng';
  private interfaces = 0;
  private readonly comments = new Map<string, CaptureOption>();

  constructor(file: CaptureSink, section: readonly CaptureOption[], options: WriteBufferOptions = {}) {
    super(file, options);
    const block = new Uint8Array(SECTION_HEADER_BYTES + optionsSize(section));
    const view = new DataView(block.buffer);
    view.setUint32(8, BYTE_ORDER_MAGIC, true);
    view.setUint16(12, 1, true);
    view.setUint16(14, 0, true);
    // Section length −1: not known beforehand.
    view.setInt32(16, -1, true);
    view.setInt32(20, -1, true);
    writeOptions(view, 24, section);
    this.appendBlock(BlockType.SECTION_HEADER, block);
  }

  override addInterface(description: InterfaceDescription): number {
    const options = interfaceOptions(description);
    const block = new Uint8Array(INTERFACE_BYTES + optionsSize(options));
    const view = new DataView(block.buffer);
    view.setUint16(8, canonicalLinkType(description.linkType), true);
    view.setUint32(12, description.snaplen ?? DEFAULT_SNAPLEN, true);
    writeOptions(view, 16, options);
    this.appendBlock(BlockType.INTERFACE_DESCRIPTION, block);
    return this.interfaces++;
  }

  override write(
    seconds: number,
    nanoseconds: number,
    interfaceId: number,
    bytes: Uint8Array,
    position: number,
    length: number,
    originalLength: number,
    comment?: string,
    options?: readonly CaptureOption[],
  ): void {
    if (interfaceId >= this.interfaces) throw new RangeError(`interface ${interfaceId} was not added`);
    if (seconds < 0 || seconds > LAST_SECOND) throw this.timeOutOfRange(seconds);
    const all = comment === undefined ? (options ?? null) : this.withComment(comment, options);
    const optionBytes = all === null ? 0 : optionsSize(all);
    const padding = -length & 3;
    const total = PACKET_HEADER_BYTES + length + padding + optionBytes + 4;

    // seconds × 10^9 + nanoseconds in 64 bits, in parts that a double holds exactly.
    const upperSeconds = Math.floor(seconds / TWO_16);
    const upper = upperSeconds * 1e9;
    const upperHigh = Math.floor(upper / TWO_16);
    const lower =
      (seconds - upperSeconds * TWO_16) * 1e9 + nanoseconds + (upper - upperHigh * TWO_16) * TWO_16;
    const carry = Math.floor(lower / TWO_32);

    this.reserve(PACKET_HEADER_BYTES + length + 8);
    const view = this.view;
    const at = this.at;
    view.setUint32(at, BlockType.ENHANCED_PACKET, true);
    view.setUint32(at + 4, total, true);
    view.setUint32(at + 8, interfaceId, true);
    view.setUint32(at + 12, upperHigh + carry, true);
    view.setUint32(at + 16, lower - carry * TWO_32, true);
    view.setUint32(at + 20, length, true);
    view.setUint32(at + 24, originalLength, true);
    this.at = at + PACKET_HEADER_BYTES;
    this.append(bytes, position, length);
    this.reserve(8);
    for (let i = 0; i < padding; i++) view.setUint8(this.at++, 0);
    if (all !== null && optionBytes > 0) this.appendOptions(all, optionBytes);
    view.setUint32(this.at, total, true);
    this.at += 4;
    this.packets++;
  }

  private appendOptions(options: readonly CaptureOption[], size: number): void {
    const bytes = new Uint8Array(size);
    writeOptions(new DataView(bytes.buffer), 0, options);
    this.append(bytes, 0, size);
    this.reserve(4);
  }

  private withComment(comment: string, options: readonly CaptureOption[] = []): CaptureOption[] {
    let option = this.comments.get(comment);
    if (option === undefined) {
      option = textOption(OptionCode.COMMENT, comment);
      if (this.comments.size < CACHED_COMMENTS) this.comments.set(comment, option);
    }
    return [option, ...options];
  }

  /** Fills in type and lengths of a block made by hand, and writes it. */
  private appendBlock(type: number, block: Uint8Array): void {
    const view = new DataView(block.buffer);
    view.setUint32(0, type, true);
    view.setUint32(4, block.length, true);
    view.setUint32(block.length - 4, block.length, true);
    this.append(block, 0, block.length);
  }

  private timeOutOfRange(seconds: number): CaptureError {
    return new CaptureError(
      this.path,
      `found a packet time of ${seconds} s since 1970, expected 0 to ${LAST_SECOND}`,
    );
  }
}

/** The description's options, with the name and the resolution that grebe writes. */
function interfaceOptions({ name, options = [] }: InterfaceDescription): CaptureOption[] {
  // Times are written as nanoseconds since 1970, whatever the source's unit and offset were.
  const kept = options.filter(
    ({ code }) => code !== OptionCode.IF_TSRESOL && code !== OptionCode.IF_TSOFFSET,
  );
  const hasName = kept.some(({ code }) => code === OptionCode.IF_NAME);
  const nameOption = name == null || hasName ? [] : [textOption(OptionCode.IF_NAME, name)];
  return [...nameOption, ...kept, { code: OptionCode.IF_TSRESOL, value: Uint8Array.of(NANOSECONDS) }];
}

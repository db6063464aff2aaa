/**
 * The pcapng format: sections, each with its own byte order and list of interfaces, and packets of any
 * of them in between. Interfaces are numbered through over all sections. Blocks of other kinds are
 * passed over, whatever their size.
 */
import { CaptureReader, MAXIMUM_RECORD_BYTES } from './base-reader.js';
import { CaptureError } from './capture-error.js';
import { exactTime, type TimeUnit } from './capture-time.js';
import { Cursor } from './packet-cursor.js';
import { BLOCK_OVERHEAD, BlockType, BYTE_ORDER_MAGIC } from './pcapng-format.js';
import { pcapngInterface, type PcapngInterface } from './pcapng-interface.js';
import { parseOptions, type CaptureOption, type OptionOwner } from './pcapng-options.js';

const SECTION_HEADER_BYTES = 28;
const INTERFACE_BYTES = 20;
const PACKET_BYTES = 32;
const SIMPLE_PACKET_BYTES = 16;
/** Far more than any capture has; a bound for the memory that a damaged file can ask for. */
const MAXIMUM_INTERFACES = 65_536;

/** Made with a buffer that starts at the first section header block. */
export class PcapngReader extends CaptureReader {
  readonly format = 'pcapng';
  declare readonly interfaces: PcapngInterface[];
  private littleEndian = true;
  /** Index in `interfaces` of the section's interface 0. */
  private sectionInterfaces = 0;
  /** Blocks passed so far. */
  private blocks = 0;
  /** Total length of a block passed over, whose second copy of the length comes next; 0: none. */
  private passedLength = 0;
  private optionsPosition = 0;
  // The upper word of the last packet's time, divided (see takeTime).
  private highWord = -1;
  private highUnit: TimeUnit | null = null;
  private highSeconds = 0;
  private highRest = 0;

  override next(): number {
    const at = this.cursor;
    const view = this.view;
    const littleEndian = this.littleEndian;
    // The usual case in short: one whole enhanced packet block after the other. All else is advance()'s.
    if (this.passedLength === 0 && at + PACKET_BYTES <= this.end) {
      const total = view.getUint32(at + 4, littleEndian);
      if (
        view.getUint32(at, littleEndian) === BlockType.ENHANCED_PACKET &&
        total >= PACKET_BYTES &&
        total <= MAXIMUM_RECORD_BYTES &&
        (total & 3) === 0 &&
        at + total <= this.end &&
        view.getUint32(at + total - 4, littleEndian) === total
      ) {
        this.takePacket(at, total, view.getUint32(at + 8, littleEndian));
        return Cursor.PACKET;
      }
    }
    return this.nextAfterOthers();
  }

  private nextAfterOthers(): number {
    const state = this.advance();
    if (state !== Cursor.PACKET) return state;
    const at = this.cursor;
    const type = this.view.getUint32(at, this.littleEndian);
    const total = this.view.getUint32(at + 4, this.littleEndian);
    if (type === BlockType.SIMPLE_PACKET) this.takeSimplePacket(at, total);
    else if (type === BlockType.PACKET)
      this.takePacket(at, total, this.view.getUint16(at + 8, this.littleEndian));
    else this.takePacket(at, total, this.view.getUint32(at + 8, this.littleEndian));
    return Cursor.PACKET;
  }

  /** Takes an enhanced packet block, or an obsolete packet block, which differs in the interface only. */
  private takePacket(at: number, total: number, id: number): void {
    const view = this.view;
    const littleEndian = this.littleEndian;
    const captured = view.getUint32(at + 20, littleEndian);
    if (captured > total - PACKET_BYTES) throw this.packetTooLong(captured, total - PACKET_BYTES);
    const source = this.takeInterface(id);
    this.takeTime(source.unit, at + 12);
    const body = at + 28;
    const options = body + ((captured + 3) & ~3);
    this.position = body;
    this.length = captured;
    this.originalLength = view.getUint32(at + 24, littleEndian);
    this.optionsPosition = options;
    this.optionsLength = at + total - 4 - options;
    this.finishPacket(at, total);
  }

  private finishPacket(at: number, total: number): void {
    this.packetNumber++;
    this.blocks++;
    this.cursor = at + total;
  }

  override options(): CaptureOption[] {
    if (this.optionsLength === 0) return [];
    const start = this.optionsPosition;
    const options = parseOptions(this.view, start, start + this.optionsLength, this.littleEndian, 'packet');
    if (typeof options !== 'string') return options;
    throw new CaptureError(this.path, options, {
      unit: 'block',
      number: this.blocks,
      offset: this.buffer.offsetOf(start),
    });
  }

  /** Reads blocks up to the next packet's, which is then at the cursor, whole and with the right frame. */
  protected override advance(): number {
    for (;;) {
      if (this.passedLength !== 0) {
        if (this.cursor + 4 > this.end) return this.starve(4, false);
        this.finishPassing();
      }
      const at = this.cursor;
      if (at + BLOCK_OVERHEAD > this.end) return this.starve(BLOCK_OVERHEAD);
      const view = this.view;
      const type = view.getUint32(at, this.littleEndian);
      if (type === BlockType.SECTION_HEADER) this.readByteOrder(at);
      const littleEndian = this.littleEndian;
      const total = view.getUint32(at + 4, littleEndian);
      const least = leastLength(type);
      if (total < least || (total & 3) !== 0) throw this.badLength(total, least);
      if (least === BLOCK_OVERHEAD) {
        // Only the head of a block of no interest is looked at; the rest need not fit in memory.
        this.passedLength = total;
        this.cursor = at + total - 4;
        continue;
      }
      if (total > MAXIMUM_RECORD_BYTES) {
        throw this.malformed(`found a block of ${total} bytes, expected at most ${MAXIMUM_RECORD_BYTES}`);
      }
      if (at + total > this.end) return this.starve(total);
      const trailer = view.getUint32(at + total - 4, littleEndian);
      if (trailer !== total) throw this.badTrailer(trailer, total);
      if (type === BlockType.SECTION_HEADER) this.readSection(at, total);
      else if (type === BlockType.INTERFACE_DESCRIPTION) this.readInterface(at, total);
      else return Cursor.PACKET;
      this.cursor = at + total;
      this.blocks++;
    }
  }

  /** The second copy of the length of a block that was passed over. */
  private finishPassing(): void {
    const trailer = this.view.getUint32(this.cursor, this.littleEndian);
    if (trailer !== this.passedLength) throw this.badTrailer(trailer, this.passedLength);
    this.cursor += 4;
    this.passedLength = 0;
    this.blocks++;
  }

  /** The interface with this number in the section becomes the current one. */
  private takeInterface(id: number): PcapngInterface {
    const index = this.sectionInterfaces + id;
    const source = this.interfaces[index];
    if (source === undefined) throw this.unknownInterface(id);
    this.interfaceId = index;
    this.linkType = source.linkType;
    return source;
  }

  /**
   * Reads the 64-bit time at `at`. Its upper word changes every 4 seconds (of nanoseconds) or 71 minutes
   * (of microseconds): it is divided once, so that a packet costs one division and no BigInt.
   */
  private takeTime(unit: TimeUnit, at: number): void {
    const high = this.view.getUint32(at, this.littleEndian);
    const low = this.view.getUint32(at + 4, this.littleEndian);
    const perSecond = unit.perSecond;
    if (perSecond === 0) {
      const time = exactTime(unit, high, low);
      this.seconds = time.seconds;
      this.nanoseconds = time.nanoseconds;
      return;
    }
    if (high !== this.highWord || unit !== this.highUnit) this.divideHighWord(unit, high);
    const units = this.highRest + low;
    const seconds = Math.floor(units / perSecond);
    this.seconds = this.highSeconds + seconds;
    this.nanoseconds = (units - seconds * perSecond) * unit.nanos;
  }

  /** high × 2^32 units as seconds and a rest of units, by long division in steps of 16 bits. */
  private divideHighWord(unit: TimeUnit, high: number): void {
    const perSecond = unit.perSecond;
    const q1 = Math.floor(high / perSecond);
    const t2 = (high - q1 * perSecond) * 65_536;
    const q2 = Math.floor(t2 / perSecond);
    const t3 = (t2 - q2 * perSecond) * 65_536;
    const q3 = Math.floor(t3 / perSecond);
    this.highWord = high;
    this.highUnit = unit;
    this.highSeconds = q1 * 4_294_967_296 + q2 * 65_536 + q3 + unit.offset;
    this.highRest = t3 - q3 * perSecond;
  }

  /** A simple packet has no time, and is as long as the original or the interface's snap length. */
  private takeSimplePacket(at: number, total: number): void {
    const source = this.takeInterface(0);
    const original = this.view.getUint32(at + 8, this.littleEndian);
    const captured = source.snaplen === 0 ? original : Math.min(original, source.snaplen);
    if (captured > total - SIMPLE_PACKET_BYTES) {
      throw this.packetTooLong(captured, total - SIMPLE_PACKET_BYTES);
    }
    this.seconds = 0;
    this.nanoseconds = 0;
    this.position = at + 12;
    this.length = captured;
    this.originalLength = original;
    this.optionsLength = 0;
    this.finishPacket(at, total);
  }

  private readByteOrder(at: number): void {
    if (this.view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC) this.littleEndian = true;
    else if (this.view.getUint32(at + 8, false) === BYTE_ORDER_MAGIC) this.littleEndian = false;
    else {
      const found = this.view
        .getUint32(at + 8)
        .toString(16)
        .padStart(8, '0');
      throw this.malformed(`found byte-order magic ${found}, expected 1a2b3c4d or 4d3c2b1a`);
    }
  }

  private readSection(at: number, total: number): void {
    const major = this.view.getUint16(at + 12, this.littleEndian);
    const minor = this.view.getUint16(at + 14, this.littleEndian);
    if (major !== 1) throw this.malformed(`found pcapng version ${major}.${minor}, expected 1.x`);
    this.sectionOptions = this.parse(at + 24, at + total - 4, 'section');
    this.sectionInterfaces = this.interfaces.length;
  }

  private readInterface(at: number, total: number): void {
    if (this.interfaces.length === MAXIMUM_INTERFACES) {
      throw this.malformed(`found more than ${MAXIMUM_INTERFACES} interfaces`);
    }
    const options = this.parse(at + 16, at + total - 4, 'interface');
    const linkType = this.view.getUint16(at + 8, this.littleEndian);
    const snaplen = this.view.getUint32(at + 12, this.littleEndian);
    this.interfaces.push(pcapngInterface(linkType, snaplen, options));
    if (this.packetNumber === 0) this.linkType = this.interfaces[0]!.linkType;
  }

  private parse(start: number, end: number, owner: OptionOwner): CaptureOption[] {
    const options = parseOptions(this.view, start, end, this.littleEndian, owner);
    if (typeof options === 'string') throw this.malformed(options);
    return options;
  }

  private badLength(total: number, least: number): CaptureError {
    return this.malformed(`found a block length of ${total}, expected a multiple of 4 from ${least} up`);
  }

  private badTrailer(trailer: number, total: number): CaptureError {
    return this.malformed(
      `found ${trailer} as the block length at the block's end, expected ${total} as before`,
    );
  }

  private packetTooLong(captured: number, room: number): CaptureError {
    return this.malformed(
      `found a captured length of ${captured} bytes, expected at most the block's ${room}`,
    );
  }

  private unknownInterface(id: number): CaptureError {
    const count = this.interfaces.length - this.sectionInterfaces;
    return this.malformed(
      `found a packet of interface ${id}, expected a number below ${count}: so many are described before it`,
    );
  }

  protected override cutOff(need: number): CaptureError {
    if (this.cursor > this.end || this.passedLength !== 0) {
      return this.malformed('the capture is cut off in the middle of a block');
    }
    const there = this.end - this.cursor;
    const type = there >= 4 ? this.view.getUint32(this.cursor, this.littleEndian) : -1;
    const where = isPacket(type) ? 'a packet' : 'a block';
    return this.malformed(
      `the capture is cut off in the middle of ${where}: found ${there} bytes, expected ${need}`,
    );
  }

  private malformed(problem: string): CaptureError {
    return new CaptureError(this.path, problem, {
      unit: 'block',
      number: this.blocks + 1,
      offset: this.buffer.offsetOf(this.cursor),
    });
  }
}

/** The fewest bytes of a block of this kind: BLOCK_OVERHEAD for those that are passed over. */
function leastLength(type: number): number {
  switch (type) {
    case BlockType.ENHANCED_PACKET:
    case BlockType.PACKET:
      return PACKET_BYTES;
    case BlockType.SIMPLE_PACKET:
      return SIMPLE_PACKET_BYTES;
    case BlockType.INTERFACE_DESCRIPTION:
      return INTERFACE_BYTES;
    case BlockType.SECTION_HEADER:
      return SECTION_HEADER_BYTES;
    default:
      return BLOCK_OVERHEAD;
  }
}

function isPacket(type: number): boolean {
  return type === BlockType.ENHANCED_PACKET || type === BlockType.PACKET || type === BlockType.SIMPLE_PACKET;
}

/** Whether bytes that start so are a pcapng file. */
export function isPcapng(view: DataView, at: number): boolean {
  return view.getUint32(at) === BlockType.SECTION_HEADER;
}

/**
 * Options of pcapng blocks: a list of code, length, value padded to 4 bytes, ended by code 0 or by the
 * block. Values that are numbers are kept in little-endian order, which is how grebe writes.
 */
import { OptionCode, padded } from './pcapng-format.js';

export interface CaptureOption {
  /** Option code; its meaning depends on the kind of block. */
  code: number;
  /** The value without padding. */
  value: Uint8Array;
}

/** Kinds of block that options differ by. */
export type OptionOwner = 'section' | 'interface' | 'packet';

const ENTERPRISE_BYTES = 4;
const customCodes: readonly number[] = [
  OptionCode.CUSTOM_STRING,
  OptionCode.CUSTOM_BYTES,
  OptionCode.CUSTOM_STRING_UNCOPIED,
  OptionCode.CUSTOM_BYTES_UNCOPIED,
];

/** Bytes of the number that stands at the start of such a value; values of other codes are bytes or text. */
const numberWidths: Record<OptionOwner, ReadonlyMap<number, number>> = {
  section: new Map(),
  interface: new Map<number, number>([
    [OptionCode.IF_SPEED, 8],
    [OptionCode.IF_TZONE, 4],
    [OptionCode.IF_TSOFFSET, 8],
    [OptionCode.IF_TXSPEED, 8],
    [OptionCode.IF_RXSPEED, 8],
  ]),
  packet: new Map<number, number>([
    [OptionCode.EPB_FLAGS, 4],
    [OptionCode.EPB_DROPCOUNT, 8],
    [OptionCode.EPB_PACKETID, 8],
    [OptionCode.EPB_QUEUE, 4],
  ]),
};

/**
 * Reads the list in bytes `start` to `end` of `view`. Returns a text that says what is wrong where the
 * list is malformed.
 */
export function parseOptions(
  view: DataView,
  start: number,
  end: number,
  littleEndian: boolean,
  owner: OptionOwner,
): CaptureOption[] | string {
  const options: CaptureOption[] = [];
  let at = start;
  while (at < end) {
    if (at + 4 > end) return `found ${end - at} bytes where an option begins, expected at least 4`;
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === OptionCode.END) break;
    at += 4;
    if (at + length > end) {
      return `found an option ${code} of ${length} bytes, expected at most the ${end - at} left in the block`;
    }
    const value = new Uint8Array(length);
    value.set(new Uint8Array(view.buffer, view.byteOffset + at, length));
    if (!littleEndian) swapNumber(value, code, owner);
    options.push({ code, value });
    at += padded(length);
  }
  return options;
}

function swapNumber(value: Uint8Array, code: number, owner: OptionOwner): void {
  const width = customCodes.includes(code) ? ENTERPRISE_BYTES : numberWidths[owner].get(code);
  if (width !== undefined && value.length >= width) value.subarray(0, width).reverse();
}

/** Bytes that the list takes in a block, with its end mark; 0 for an empty list, which takes none. */
export function optionsSize(options: readonly CaptureOption[]): number {
  if (options.length === 0) return 0;
  return options.reduce((sum, option) => sum + 4 + padded(option.value.length), 4);
}

/** Writes the list (little-endian, with end mark) at `at` of `view`. Returns the position behind it. */
export function writeOptions(view: DataView, at: number, options: readonly CaptureOption[]): number {
  if (options.length === 0) return at;
  let next = at;
  for (const { code, value } of options) {
    view.setUint16(next, code, true);
    view.setUint16(next + 2, value.length, true);
    const room = new Uint8Array(view.buffer, view.byteOffset + next + 4, padded(value.length));
    room.set(value);
    room.fill(0, value.length);
    next += 4 + room.length;
  }
  view.setUint32(next, 0, true);
  return next + 4;
}

/** An option whose value is text; cut to the 65,535 bytes that an option can hold. */
export function textOption(code: number, text: string): CaptureOption {
  return { code, value: new TextEncoder().encode(text).subarray(0, 0xffff) };
}

/** The text of the first option with this code, or null. */
export function optionText(options: readonly CaptureOption[], code: number): string | null {
  const found = options.find((option) => option.code === code);
  return found === undefined ? null : new TextDecoder().decode(found.value);
}

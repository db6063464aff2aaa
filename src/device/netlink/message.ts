/**
 * Netlink messages as bytes (RFC 3549, section 2.2): numbers in the machine's order, everything aligned to 4.
 * Reading never goes outside of what was received: a length that lies ends the walk.
 */

const HEADER = 16;
const ATTRIBUTE_HEADER = 4;
/** Flags in the type of an attribute: nested, network byte order. */
const ATTRIBUTE_TYPE = 0x3fff;
const NESTED = 0x8000;

const align = (length: number): number => (length + 3) & ~3;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the header; a view of the buffer that was received into. */
  readonly payload: Uint8Array;
}

/** Attributes by type; of a type that comes twice the last one counts. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** The messages in a datagram. */
export function parseMessages(datagram: Uint8Array): Message[] {
  const view = viewOf(datagram);
  const messages: Message[] = [];
  let at = 0;
  while (at + HEADER <= datagram.length) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > datagram.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: datagram.subarray(at + HEADER, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** The attributes from `start` to the end of `bytes`. */
export function parseAttributes(bytes: Uint8Array, start = 0): Attributes {
  const view = viewOf(bytes);
  const attributes = new Map<number, Uint8Array>();
  let at = start;
  while (at + ATTRIBUTE_HEADER <= bytes.length) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER || at + length > bytes.length) break;
    const type = view.getUint16(at + 2, true) & ATTRIBUTE_TYPE;
    attributes.set(type, bytes.subarray(at + ATTRIBUTE_HEADER, at + length));
    at += align(length);
  }
  return attributes;
}

/** An attribute's value as an unsigned number; null when it is not there or too short. */
export function readUint32(attributes: Attributes, type: number): number | null {
  const value = attributes.get(type);
  return value === undefined || value.length < 4 ? null : viewOf(value).getUint32(0, true);
}

/** An attribute's value as text, up to its first zero byte; null when it is not there. */
export function readText(attributes: Attributes, type: number): string | null {
  const value = attributes.get(type);
  if (value === undefined) return null;
  const end = value.indexOf(0);
  return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString();
}

/** A copy of an attribute's bytes; null when it is not there or has none of these lengths. */
export function readBytes(attributes: Attributes, type: number, ...lengths: number[]): Uint8Array | null {
  const value = attributes.get(type);
  return value === undefined || !lengths.includes(value.length) ? null : Uint8Array.from(value);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes one message after the other into a buffer of its own. */
export class MessageWriter {
  /** Large enough for any request: the longest holds two names and four addresses. */
  readonly bytes = new Uint8Array(1024);
  /** Length of the message in bytes, once ended. */
  length = 0;
  private readonly view = viewOf(this.bytes);

  begin(type: number, flags: number, sequence: number): this {
    this.bytes.fill(0);
    this.view.setUint16(4, type, true);
    this.view.setUint16(6, flags, true);
    this.view.setUint32(8, sequence, true);
    this.length = HEADER;
    return this;
  }

  uint8(...values: number[]): this {
    for (const value of values) this.bytes[this.length++] = value;
    return this;
  }

  uint16(value: number): this {
    this.view.setUint16(this.length, value, true);
    this.length += 2;
    return this;
  }

  uint32(...values: number[]): this {
    for (const value of values) {
      this.view.setUint32(this.length, value, true);
      this.length += 4;
    }
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    this.uint16(ATTRIBUTE_HEADER + value.length).uint16(type);
    this.bytes.set(value, this.length);
    this.length = align(this.length + value.length);
    return this;
  }

  attribute32(type: number, value: number): this {
    return this.uint16(ATTRIBUTE_HEADER + 4)
      .uint16(type)
      .uint32(value);
  }

  text(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`));
  }

  /** An attribute that holds those that `write` writes. */
  nested(type: number, write: (writer: this) => void): this {
    const start = this.length;
    this.uint16(0).uint16(type | NESTED);
    write(this);
    this.view.setUint16(start, this.length - start, true);
    return this;
  }

  /** The finished message: a view of the buffer, good until the next `begin`. */
  end(): Uint8Array {
    this.view.setUint32(0, this.length, true);
    return this.bytes.subarray(0, this.length);
  }
}

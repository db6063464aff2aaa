/** Captures built byte by byte for the tests, independently of the writers in src/device. */
import { Cursor, type PacketCursor } from '../../src/device/capture/packet-cursor.js';
import type { CaptureOption } from '../../src/device/capture/pcapng-options.js';

/** A growing byte string in one byte order. */
export class ByteBuilder {
  private readonly parts: Uint8Array[] = [];
  length = 0;

  constructor(private readonly littleEndian: boolean) {}

  u16(value: number): this {
    return this.put(2, (view) => {
      view.setUint16(0, value, this.littleEndian);
    });
  }
  u32(value: number): this {
    return this.put(4, (view) => {
      view.setUint32(0, value, this.littleEndian);
    });
  }
  bytes(value: Uint8Array): this {
    this.parts.push(value);
    this.length += value.length;
    return this;
  }
  pad(): this {
    return this.bytes(new Uint8Array(-this.length & 3));
  }
  done(): Uint8Array {
    return concat(this.parts);
  }

  private put(size: number, set: (view: DataView) => void): this {
    const bytes = new Uint8Array(size);
    set(new DataView(bytes.buffer));
    return this.bytes(bytes);
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export interface PcapRecord {
  seconds: number;
  /** In units of the file. */
  fraction: number;
  bytes: Uint8Array;
  originalLength: number;
}

export interface PcapForm {
  littleEndian: boolean;
  variant: 'micro' | 'nano' | 'kuznetzov';
  linkType: number;
}

const magics = { micro: 0xa1b2c3d4, nano: 0xa1b23c4d, kuznetzov: 0xa1b2cd34 };

export function pcapHeader({ littleEndian, variant, linkType }: PcapForm, minor = 4): Uint8Array {
  return new ByteBuilder(littleEndian)
    .u32(magics[variant])
    .u16(2)
    .u16(minor)
    .u32(0)
    .u32(0)
    .u32(262_144)
    .u32(linkType)
    .done();
}

export function pcapFile(form: PcapForm, records: readonly PcapRecord[]): Uint8Array {
  const parts = [pcapHeader(form)];
  for (const record of records) {
    const builder = new ByteBuilder(form.littleEndian)
      .u32(record.seconds)
      .u32(record.fraction)
      .u32(record.bytes.length)
      .u32(record.originalLength);
    if (form.variant === 'kuznetzov') builder.u32(7).u16(0x0800).u16(4);
    parts.push(builder.bytes(record.bytes).done());
  }
  return concat(parts);
}

export function block(littleEndian: boolean, type: number, body: Uint8Array): Uint8Array {
  const total = 12 + body.length;
  return new ByteBuilder(littleEndian).u32(type).u32(total).bytes(body).u32(total).done();
}

export function optionList(littleEndian: boolean, options: readonly CaptureOption[], end = true): Uint8Array {
  const builder = new ByteBuilder(littleEndian);
  for (const { code, value } of options) builder.u16(code).u16(value.length).bytes(value).pad();
  if (end && options.length > 0) builder.u32(0);
  return builder.done();
}

export function sectionHeader(littleEndian: boolean, options: readonly CaptureOption[] = []): Uint8Array {
  const body = new ByteBuilder(littleEndian)
    .u32(0x1a2b3c4d)
    .u16(1)
    .u16(0)
    .u32(0xffffffff)
    .u32(0xffffffff)
    .bytes(optionList(littleEndian, options));
  return block(littleEndian, 0x0a0d0d0a, body.done());
}

export function interfaceBlock(
  littleEndian: boolean,
  linkType: number,
  snaplen: number,
  options: readonly CaptureOption[] = [],
): Uint8Array {
  const body = new ByteBuilder(littleEndian).u16(linkType).u16(0).u32(snaplen);
  return block(littleEndian, 1, body.bytes(optionList(littleEndian, options)).done());
}

export function enhancedPacket(
  littleEndian: boolean,
  interfaceId: number,
  time: bigint,
  bytes: Uint8Array,
  originalLength: number,
  options: readonly CaptureOption[] = [],
): Uint8Array {
  const body = new ByteBuilder(littleEndian)
    .u32(interfaceId)
    .u32(Number(time >> 32n))
    .u32(Number(time & 0xffffffffn))
    .u32(bytes.length)
    .u32(originalLength)
    .bytes(bytes)
    .pad()
    .bytes(optionList(littleEndian, options));
  return block(littleEndian, 6, body.done());
}

export function obsoletePacket(
  littleEndian: boolean,
  interfaceId: number,
  time: bigint,
  bytes: Uint8Array,
  originalLength: number,
  options: readonly CaptureOption[] = [],
): Uint8Array {
  const body = new ByteBuilder(littleEndian)
    .u16(interfaceId)
    .u16(0xffff)
    .u32(Number(time >> 32n))
    .u32(Number(time & 0xffffffffn))
    .u32(bytes.length)
    .u32(originalLength)
    .bytes(bytes)
    .pad()
    .bytes(optionList(littleEndian, options));
  return block(littleEndian, 2, body.done());
}

export function simplePacket(littleEndian: boolean, bytes: Uint8Array, originalLength: number): Uint8Array {
  return block(littleEndian, 3, new ByteBuilder(littleEndian).u32(originalLength).bytes(bytes).pad().done());
}

/** What a cursor tells of one packet. */
export interface ReadPacket {
  number: number;
  seconds: number;
  nanoseconds: number;
  linkType: number;
  interfaceId: number;
  bytes: number[];
  originalLength: number;
  options: { code: number; value: number[] }[];
}

export function currentPacket(cursor: PacketCursor): ReadPacket {
  return {
    number: cursor.packetNumber,
    seconds: cursor.seconds,
    nanoseconds: cursor.nanoseconds,
    linkType: cursor.linkType,
    interfaceId: cursor.interfaceId,
    bytes: [...cursor.data.subarray(cursor.position, cursor.position + cursor.length)],
    originalLength: cursor.originalLength,
    options: cursor.options().map(({ code, value }) => ({ code, value: [...value] })),
  };
}

/** Reads to the end; `packets` also holds what came before an error. */
export async function readAll(cursor: PacketCursor, packets: ReadPacket[] = []): Promise<ReadPacket[]> {
  for (;;) {
    const state = cursor.next();
    if (state === Cursor.END) return packets;
    if (state === Cursor.FILL) await cursor.fill();
    else packets.push(currentPacket(cursor));
  }
}

import type { CaptureReader } from './base-reader.js';
import type { ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';
import { openByteSource } from './file-source.js';
import { PCAP_HEADER_BYTES } from './pcap-format.js';
import { PcapReader, pcapVariant } from './pcap-reader.js';
import { isPcapng, PcapngReader } from './pcapng-reader.js';
import { ReadBuffer, type ReadBufferOptions } from './read-buffer.js';

const EXPECTED = 'expected a pcap or pcapng capture, which may be gzip-compressed';

/** First bytes (hexadecimal) of other things that people give to a reader of captures. */
const otherFormats: readonly (readonly [string, string])[] = [
  ['28b52ffd', 'a zstd-compressed file'],
  ['fd377a58', 'an xz-compressed file'],
  ['425a68', 'a bzip2-compressed file'],
  ['04224d18', 'an lz4-compressed file'],
  ['504b0304', 'a zip archive'],
  ['736e6f6f', 'a snoop capture'],
];

/**
 * Opens a capture: pcap (both byte orders, micro and nanoseconds) or pcapng, by its content, plain or
 * gzip-compressed. `input` is a file name, `-` for standard input, or any source of bytes.
 * With a staging area, file bytes are read into that shared memory and `reader.data` is a view of the
 * whole of it. Throws CaptureError.
 */
export async function openCapture(
  input: string | ByteSource,
  options: ReadBufferOptions = {},
): Promise<CaptureReader> {
  const source = typeof input === 'string' ? await openByteSource(input) : input;
  try {
    const buffer = new ReadBuffer(source, options);
    const reader = await createReader(source, buffer);
    await reader.prime();
    return reader;
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function createReader(source: ByteSource, buffer: ReadBuffer): Promise<CaptureReader> {
  const size = await fillTo(buffer, 4);
  if (size === 0) throw new CaptureError(source.path, `found an empty file, ${EXPECTED}`);
  if (size < 4) throw new CaptureError(source.path, `found a file of ${size} bytes, ${EXPECTED}`);
  if (isPcapng(buffer.view, buffer.start)) return new PcapngReader(source, buffer);
  const variant = pcapVariant(buffer.view, buffer.start);
  if (variant === null) {
    throw new CaptureError(source.path, `found ${describeStart(buffer)}, ${EXPECTED}`, { offset: 0 });
  }
  const header = await fillTo(buffer, PCAP_HEADER_BYTES);
  if (header < PCAP_HEADER_BYTES) {
    throw new CaptureError(
      source.path,
      `the capture is cut off in its file header: found ${header} bytes, expected ${PCAP_HEADER_BYTES}`,
      { offset: 0 },
    );
  }
  return new PcapReader(source, buffer, variant);
}

/** Reads until `count` bytes are there or the source ends; returns how many are there. */
async function fillTo(buffer: ReadBuffer, count: number): Promise<number> {
  while (buffer.end - buffer.start < count && !buffer.ended) await buffer.fill(buffer.start, count);
  return buffer.end - buffer.start;
}

function describeStart(buffer: ReadBuffer): string {
  const hex = buffer.view.getUint32(buffer.start).toString(16).padStart(8, '0');
  const other = otherFormats.find(([start]) => hex.startsWith(start));
  return other === undefined ? `a file that starts with the bytes ${hex}` : other[1];
}

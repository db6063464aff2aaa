import type { CaptureWriter, WriteBufferOptions } from './base-writer.js';
import { CaptureError } from './capture-error.js';
import { OutputFile, type SignalPolicy } from './output-file.js';
import { PcapWriter } from './pcap-writer.js';
import { OptionCode } from './pcapng-format.js';
import { textOption, type CaptureOption } from './pcapng-options.js';
import { PcapngWriter } from './pcapng-writer.js';

export type CaptureFormat = 'pcap' | 'pcapng';

export interface CaptureWriterOptions extends WriteBufferOptions {
  /** Default: by the name, see captureFormatFor. */
  format?: CaptureFormat;
  /** Times of a pcap file; pcapng always has nanoseconds. Default `micro`. */
  resolution?: 'micro' | 'nano';
  /** What signals do while the file is unfinished. Default `end`. */
  signals?: SignalPolicy;
  /** Options of the pcapng section header, such as CaptureReader.sectionOptions. Default: `grebe` as the writer. */
  sectionOptions?: readonly CaptureOption[];
}

/** The format that a file name asks for: pcapng when it has the extension `.pcapng`, else pcap. */
export function captureFormatFor(name: string): CaptureFormat {
  return /\.pcapng(\.|$)/i.test(name) ? 'pcapng' : 'pcap';
}

/**
 * Starts a capture file. Nothing appears under its name before commit(). `-` is standard output; FIFOs
 * and devices are written straight to. Throws CaptureError.
 */
export async function createCapture(
  path: string,
  options: CaptureWriterOptions = {},
): Promise<CaptureWriter> {
  if (/\.gz$/i.test(path)) {
    throw new CaptureError(
      path,
      'found a name for a compressed file, expected one without .gz: captures are written plain',
    );
  }
  const file = await OutputFile.open(path, options.signals);
  try {
    if ((options.format ?? captureFormatFor(path)) === 'pcap') {
      return new PcapWriter(file, options.resolution ?? 'micro', options);
    }
    const section = options.sectionOptions ?? [textOption(OptionCode.SHB_USERAPPL, 'grebe')];
    return new PcapngWriter(file, section, options);
  } catch (error) {
    file.abort();
    throw error;
  }
}

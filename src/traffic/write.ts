/** Traffic and configurations as files. */
import { setImmediate } from 'node:timers/promises';
import { createCapture, type CaptureFormat } from '../device/capture/capture-writer.js';
import { OutputFile } from '../device/capture/output-file.js';
import type { TrafficGenerator } from './generator.js';
import type { SyntheticNetwork } from './synthetic-network.js';

export interface WriteTrafficOptions {
  /** Name of the capture; `-` is standard output. */
  readonly path: string;
  readonly packets: number;
  /** Default: by the name. */
  readonly format?: CaptureFormat | undefined;
  /** Resolution of a pcap file's times. */
  readonly resolution: 'micro' | 'nano';
  /** Ends the work; nothing of the file stays. */
  readonly signal: AbortSignal;
  readonly onProgress: (packets: number) => void;
}

export interface TrafficSummary {
  readonly packets: number;
  /** Bytes of the frames. */
  readonly bytes: number;
  readonly faults: number;
}

/** Packets between two looks at the signal. */
const BURST = 20_000;

/**
 * Writes the next packets of a generator to a capture, which appears whole or not at all.
 * @throws CaptureError when the file cannot be written; the signal's reason when it aborts
 */
export async function writeTraffic(
  generator: TrafficGenerator,
  { path, packets, format, resolution, signal, onProgress }: WriteTrafficOptions,
): Promise<TrafficSummary> {
  const writer = await createCapture(path, { resolution, ...(format === undefined ? {} : { format }) });
  let bytes = 0;
  let faults = 0;
  try {
    // The interface of an empty capture: without it a pcap file would have no link type.
    writer.interfaceFor(generator.linkType);
    for (let written = 0; written < packets;) {
      const end = Math.min(packets, written + BURST);
      for (; written < end; written++) {
        generator.next();
        const { length } = generator;
        const id = writer.interfaceFor(generator.linkType);
        writer.write(generator.seconds, generator.nanoseconds, id, generator.bytes, 0, length, length);
        bytes += length;
        if (generator.fault !== null) faults++;
      }
      onProgress(written);
      await setImmediate();
      signal.throwIfAborted();
    }
    writer.commit();
  } catch (error) {
    writer.abort();
    throw error;
  }
  return { packets, bytes, faults };
}

/** Characters of configuration that are gathered before they are written. */
const CHUNK = 262_144;

/**
 * Writes the configuration of a made-up network (YAML), which appears whole or not at all.
 * @throws CaptureError when the file cannot be written; the signal's reason when it aborts
 */
export async function writeNetworkConfig(
  network: SyntheticNetwork,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const file = await OutputFile.open(path);
  const encoder = new TextEncoder();
  const write = (text: string): void => {
    const data = encoder.encode(text);
    file.write(data, 0, data.length);
  };
  try {
    let chunk = '';
    for (const line of network.configLines()) {
      chunk += `${line}\n`;
      if (chunk.length < CHUNK) continue;
      write(chunk);
      chunk = '';
      await setImmediate();
      signal.throwIfAborted();
    }
    write(chunk);
    file.commit();
  } catch (error) {
    file.abort();
    throw error;
  }
}

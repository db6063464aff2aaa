/** A capture as a sequence of packets, from a running daemon. */
import { createInterface } from 'node:readline';
import { requestStream } from '../daemon/control-client.js';
import type { CapturedPacket } from '../observability/capture-session.js';

export interface CaptureQuery {
  readonly tunnel?: string;
  readonly verdict?: string;
  readonly direction?: string;
  readonly snaplen?: number;
  readonly count?: number;
}

/** Path of the request. */
export function captureQuery(query: CaptureQuery, format: 'pcapng' | 'json'): string {
  const { tunnel, verdict, direction, snaplen, count } = query;
  const parts = new URLSearchParams({ format });
  for (const [name, value] of Object.entries({ tunnel, verdict, direction, snaplen, count })) {
    if (value !== undefined) parts.set(name, String(value));
  }
  return `/v1/capture?${parts.toString()}`;
}

/** Packets as they come, until there were `count`, or for ever. @throws ControlError */
export async function* capturedPackets(socket: string, query: CaptureQuery): AsyncGenerator<CapturedPacket> {
  const stream = await requestStream(socket, 'GET', captureQuery(query, 'json'));
  try {
    for await (const line of createInterface({ input: stream })) {
      const packet = JSON.parse(line) as Omit<CapturedPacket, 'bytes'> & { bytes: string };
      yield { ...packet, bytes: Uint8Array.from(Buffer.from(packet.bytes, 'base64')) };
    }
  } finally {
    stream.destroy();
  }
}

/** `grebe trace --live`: the way of packets that a running daemon has just handled. */
import { parseConfig } from '../config/load.js';
import { controlSocketPath, request } from '../daemon/control-client.js';
import { Side } from '../dataplane/packet-vector.js';
import { compile } from '../network/compile.js';
import type { CapturedPacket } from '../observability/capture-session.js';
import { Tracer } from '../observability/trace.js';
import { traceText } from '../observability/trace-text.js';
import { capturedPackets, type CaptureQuery } from './captured-packets.js';

export interface LiveOptions extends CaptureQuery {
  readonly socket?: string;
  readonly json?: true;
}

/**
 * Traces packets as they arrive, with the configuration that the daemon has in effect at the start.
 *
 * @throws ControlError
 */
export async function traceLive({ socket, json, ...query }: LiveOptions): Promise<void> {
  const path = controlSocketPath(socket);
  const { file, text } = (await request(path, 'GET', '/v1/config')) as { file: string; text: string };
  const tracer = new Tracer(compile(parseConfig(text, file)));
  for await (const packet of capturedPackets(path, { count: 1, ...query, direction: 'in' })) {
    const { bytes, linkType, side, timeMs, verdict } = packet;
    const trace = tracer.trace(bytes, linkType, side === 'underlay' ? Side.UNDERLAY : Side.OVERLAY);
    const time = new Date(timeMs).toISOString();
    if (json === true)
      process.stdout.write(`${JSON.stringify({ time, side, daemon_verdict: verdict, ...trace })}\n`);
    else
      process.stdout.write(
        `packet of ${time}, ${cut(packet)}\n\n${traceText(trace)}\n${difference(trace.verdict.name, verdict)}\n`,
      );
  }
}

function cut({ side, bytes, originalLength }: CapturedPacket): string {
  const missing =
    bytes.length < originalLength ? `, ${bytes.length} of ${originalLength} bytes captured` : '';
  return `from the ${side}${missing}`;
}

/** The daemon knows more than the configuration: path MTUs that it has learned, and a reload since. */
function difference(traced: string, live: string): string {
  return traced === live
    ? ''
    : `The daemon's own verdict was ${live}: a path MTU that it has learned, or a reload.\n`;
}

/** `grebe trace --interface`: the way that packets would take which arrive on an interface of this machine. */
import { once } from 'node:events';
import { loadConfig } from '../config/load.js';
import { Side } from '../dataplane/packet-vector.js';
import { LiveCapture } from '../device/capture/live-capture.js';
import { Cursor, type PacketCursor } from '../device/capture/packet-cursor.js';
import { compile } from '../network/compile.js';
import { verdictWord } from '../observability/capture-session.js';
import { Tracer, type Trace } from '../observability/trace.js';
import { traceText } from '../observability/trace-text.js';
import { UsageError } from './errors.js';
import { plural } from './format.js';
import { timeText } from './trace-time.js';

export interface InterfaceOptions {
  /** Configuration file. */
  readonly config: string;
  readonly interface: string;
  readonly filter?: string | undefined;
  readonly overlay?: true | undefined;
  readonly tunnel?: string | undefined;
  readonly verdict?: string | undefined;
  readonly count?: number | undefined;
  readonly json?: true | undefined;
}

/**
 * Traces packets as they arrive, until there were so many, or SIGINT or SIGTERM.
 *
 * @throws ConfigError, UsageError, CaptureError
 */
export async function traceInterface(options: InterfaceOptions): Promise<void> {
  const { config, interface: name, filter, count = 1 } = options;
  const spec = compile(loadConfig(config));
  const { tunnel, verdict } = options;
  if (tunnel !== undefined && !spec.tunnels.some((one) => one.name === tunnel))
    throw new UsageError(`there is no tunnel ${tunnel}`);
  if (verdictWord(verdict ?? null) === undefined) throw new UsageError(`${verdict} is no verdict`);
  const tracer = new Tracer(spec);
  const side = options.overlay === true ? Side.OVERLAY : Side.UNDERLAY;
  const live = await LiveCapture.open({
    ...{ interface: name, direction: 'in' },
    ...(filter === undefined ? {} : { filter }),
  });
  const end = (): void => live.stop();
  process.once('SIGINT', end).once('SIGTERM', end);
  const { cursor } = live;
  let shown = 0;
  try {
    process.stderr.write(`${live.description}\n`);
    while (shown < count && (await isAtPacket(cursor))) {
      const { data, position, length, linkType } = cursor;
      const trace = tracer.trace(data.slice(position, position + length), linkType, side);
      if (!isWanted(trace, tunnel, verdict)) continue;
      const text = options.json === true ? jsonOf(cursor, trace) : textOf(cursor, trace);
      if (!process.stdout.write(text)) await once(process.stdout, 'drain');
      shown++;
    }
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
    await live.close();
  }
  const seen = plural(cursor.packetNumber, 'packet');
  process.stderr.write(`${seen} seen, ${shown} shown, ${live.dropped} lost for want of room\n`);
}

/** Goes to the next packet; false when the capture has ended. */
async function isAtPacket(cursor: PacketCursor): Promise<boolean> {
  for (;;) {
    const state = cursor.next();
    if (state !== Cursor.FILL) return state === Cursor.PACKET;
    await cursor.fill();
  }
}

function isWanted(trace: Trace, tunnel: string | undefined, verdict: string | undefined): boolean {
  if (tunnel !== undefined && trace.tunnel_in !== tunnel && trace.tunnel_out !== tunnel) return false;
  if (verdict === undefined || verdict === trace.verdict.name) return true;
  return verdict === (trace.dropped ? 'dropped' : 'delivered');
}

function jsonOf(cursor: PacketCursor, trace: Trace): string {
  const { path, packetNumber, originalLength } = cursor;
  const head = {
    interface: path,
    packet: packetNumber,
    time: timeText(cursor),
    original_length: originalLength,
  };
  return `${JSON.stringify({ ...head, ...trace })}\n`;
}

function textOf(cursor: PacketCursor, trace: Trace): string {
  const { path, packetNumber, length, originalLength } = cursor;
  const cut = length < originalLength ? `, ${length} of ${originalLength} bytes captured` : '';
  return `packet ${packetNumber} on ${path}, ${timeText(cursor)}${cut}\n\n${traceText(trace)}\n\n`;
}

/** `grebe trace`: one packet's way, node by node; from a capture, or (trace-live.ts) from a running daemon. */
import { Command } from 'commander';
import { loadConfig } from '../config/load.js';
import { Side } from '../dataplane/packet-vector.js';
import type { CaptureReader } from '../device/capture/base-reader.js';
import { openCapture } from '../device/capture/capture-reader.js';
import { Cursor } from '../device/capture/packet-cursor.js';
import { compile } from '../network/compile.js';
import { Tracer } from '../observability/trace.js';
import { traceText } from '../observability/trace-text.js';
import { integer, required } from './arguments.js';
import { plural } from './format.js';
import { UsageError } from './errors.js';
import { traceLive } from './trace-live.js';

interface Options {
  config?: string;
  in?: string;
  packet?: number;
  overlay?: true;
  json?: true;
  live?: true;
  tunnel?: string;
  verdict?: string;
  count?: number;
  socket?: string;
}

const CONFIG = '--config <file>';
const IN = '--in <file>';
const PACKET = '--packet <n>';

const EXAMPLES = `
Examples:
  Why did packet 17 not get through?
    $ grebe trace --config edge.yaml --in underlay.pcap --packet 17

  The same of a packet on its way to the tunnel:
    $ grebe trace --config edge.yaml --in lan.pcap --packet 1 --overlay

  Why are packets dropped that arrive just now?
    # grebe trace --live --verdict dropped

  Find the packet first (its number is what tshark and Wireshark show):
    $ tshark -r underlay.pcap -Y 'ip.proto == 47'

Exit codes: 0 fine, 1 the work failed (no such packet), 2 wrong usage or configuration.
See docs/trace.md.`;

export function traceCommand(): Command {
  return new Command('trace')
    .description("Show one packet's way through the dataplane, node by node.")
    .option(CONFIG, 'configuration (YAML), required')
    .option(IN, 'capture that has the packet (pcap, pcapng, gzip; - is standard input), required')
    .option(PACKET, 'its number, from 1, required', integer(1, Number.MAX_SAFE_INTEGER))
    .option('--overlay', 'the capture arrives on the overlay, not on the underlay')
    .option('--live', 'trace packets of the running daemon, with its configuration')
    .option('--tunnel <name>', 'with --live: only packets of this tunnel')
    .option('--verdict <name>', 'with --live: only packets with this verdict; also: dropped, delivered')
    .option(
      '-c, --count <n>',
      'with --live: so many packets (default: 1)',
      integer(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--socket <path>', "with --live: the daemon's control socket")
    .option('--json', 'print one JSON object instead of text')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(options: Options): Promise<void> {
  if (options.live === true) {
    if ((options.config ?? options.in ?? options.packet ?? options.overlay) !== undefined) {
      throw new UsageError(
        '--live takes packets and configuration from the daemon: without --config, --in, --packet, --overlay',
      );
    }
    await traceLive(options);
    return;
  }
  const { tunnel, verdict, count, socket } = options;
  if ((tunnel ?? verdict ?? count ?? socket) !== undefined) {
    throw new UsageError('--tunnel, --verdict, --count and --socket go with --live only');
  }
  const path = required(options.config, CONFIG);
  const capture = required(options.in, IN);
  const packet = required(options.packet, PACKET);
  const tracer = new Tracer(compile(loadConfig(path)));
  const reader = await openCapture(capture);
  try {
    await goTo(reader, packet);
    const { data, position, length, linkType, originalLength } = reader;
    const bytes = data.slice(position, position + length);
    const side = options.overlay === true ? Side.OVERLAY : Side.UNDERLAY;
    const trace = tracer.trace(bytes, linkType, side);
    const time = timeText(reader);
    if (options.json === true) {
      const head = { file: reader.path, packet, time, original_length: originalLength };
      process.stdout.write(`${JSON.stringify({ ...head, ...trace })}\n`);
    } else {
      const cut = length < originalLength ? `, ${length} of ${originalLength} bytes captured` : '';
      process.stdout.write(`packet ${packet} of ${reader.path}, ${time}${cut}\n\n${traceText(trace)}\n`);
    }
  } finally {
    await reader.close();
  }
}

/** Goes to the packet of this number. */
async function goTo(reader: CaptureReader, number: number): Promise<void> {
  for (;;) {
    const state = reader.next();
    if (state === Cursor.END) {
      throw new Error(
        `${reader.path}: there is no packet ${number}, the capture has ${plural(reader.packetNumber, 'packet')}`,
      );
    }
    if (state === Cursor.FILL) await reader.fill();
    else if (reader.packetNumber === number) return;
  }
}

/** As in ISO 8601, in UTC, with nanoseconds. */
function timeText({ seconds, nanoseconds }: CaptureReader): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds}.${String(nanoseconds).padStart(9, '0')} s since 1970`;
  return date.toISOString().replace(/\.\d+Z$/, `.${String(nanoseconds).padStart(9, '0')}Z`);
}

/**
 * `grebe trace`: one packet's way, node by node; from a capture, from an interface (trace-interface.ts), or from a
 * running daemon (trace-live.ts).
 */
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
import { traceInterface } from './trace-interface.js';
import { traceLive } from './trace-live.js';
import { timeText } from './trace-time.js';

interface Options {
  config?: string;
  in?: string;
  interface?: string;
  filter?: string;
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
const INTERFACE = '-i, --interface <name>';
const PACKET = '--packet <n>';

const EXAMPLES = `
Examples:
  Why did packet 17 not get through?
    $ grebe trace --config edge.yaml --in underlay.pcap --packet 17

  The same of a packet on its way to the tunnel:
    $ grebe trace --config edge.yaml --in lan.pcap --packet 1 --overlay

  What would become of the packets that arrive on an interface, before any daemon runs?
    # grebe trace --config edge.yaml -i eth0 --tunnel acme_fra_1 --count 3

  Why are packets dropped that a daemon gets just now?
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
    .option(INTERFACE, 'trace packets that arrive on an interface, instead of --in and --packet')
    .option('--filter <expression>', 'with -i: only packets that pass this pcap-filter (takes libpcap)')
    .option('--overlay', 'the capture arrives on the overlay, not on the underlay')
    .option('--live', 'trace packets of the running daemon, with its configuration')
    .option('--tunnel <name>', 'with --live or -i: only packets of this tunnel')
    .option('--verdict <name>', 'with --live or -i: only this verdict; also: dropped, delivered')
    .option(
      '-c, --count <n>',
      'with --live or -i: so many packets (default: 1)',
      integer(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--socket <path>', "with --live: the daemon's control socket")
    .option('--json', 'print one JSON object instead of text')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(options: Options): Promise<void> {
  checkUsage(options);
  if (options.live === true) {
    await traceLive(options);
    return;
  }
  const path = required(options.config, CONFIG);
  if (options.interface !== undefined) {
    await traceInterface({ ...options, config: path, interface: options.interface });
    return;
  }
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

function checkUsage(options: Options): void {
  const { live, interface: name, config, in: file, packet, overlay, filter } = options;
  const { tunnel, verdict, count, socket } = options;
  if (live === true && (config ?? file ?? name ?? packet ?? overlay) !== undefined) {
    throw new UsageError(
      '--live takes packets and configuration from the daemon: without --config, --in, -i, --packet, --overlay',
    );
  }
  if (name !== undefined && (file ?? packet) !== undefined)
    throw new UsageError('-i takes packets from an interface: without --in and --packet');
  if (name === undefined && filter !== undefined) throw new UsageError('--filter goes with -i only');
  if (live !== true && socket !== undefined) throw new UsageError('--socket goes with --live only');
  if (live !== true && name === undefined && (tunnel ?? verdict ?? count) !== undefined)
    throw new UsageError('--tunnel, --verdict and --count go with --live or -i only');
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

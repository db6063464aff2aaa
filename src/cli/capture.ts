/** `grebe capture`: packets of a running daemon, as they pass. */
import { once } from 'node:events';
import { Command, Option } from 'commander';
import type { CapturedPacket } from '../observability/capture-session.js';
import { DIRECTIONS } from '../observability/capture-session.js';
import { controlSocketPath, requestStream } from '../daemon/control-client.js';
import { OutputFile } from '../device/capture/output-file.js';
import { summarize } from '../observability/trace-summary.js';
import { integer } from './arguments.js';
import { capturedPackets, captureQuery, type CaptureQuery } from './captured-packets.js';
import { plural } from './format.js';

interface Options extends CaptureQuery {
  write?: string;
  socket?: string;
}

const EXAMPLES = `
Examples:
  Watch in Wireshark what passes:
    $ grebe capture -w - | wireshark -k -i -

  What is dropped, and why, one line a packet:
    # grebe capture --verdict dropped

  100 packets of one tunnel, as they arrive, into a file:
    # grebe capture --tunnel acme_fra_1 --direction in --count 100 -w acme.pcapng

  The same on another machine:
    $ ssh edge-1 sudo grebe capture -w - | wireshark -k -i -

In pcapng each packet has its verdict and tunnels as comment, and its direction. See docs/capture.md.`;

export function captureCommand(): Command {
  return new Command('capture')
    .description('Show or write the packets of a running daemon, with their verdicts.')
    .option('--tunnel <name>', 'only packets of this tunnel')
    .option('--verdict <name>', 'only packets with this verdict; also: dropped, delivered')
    .addOption(
      new Option('--direction <direction>', 'as received, as sent, or both')
        .choices(DIRECTIONS)
        .default('both'),
    )
    .option('-s, --snaplen <bytes>', 'most bytes of each packet', integer(1, 262_144))
    .option('-c, --count <n>', 'end after so many packets', integer(1, Number.MAX_SAFE_INTEGER))
    .option('-w, --write <file>', 'write pcapng; - is standard output')
    .option('--socket <path>', "the daemon's control socket (default: $GREBE_SOCKET, or the user's own)")
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run({ write, socket, ...query }: Options): Promise<void> {
  const path = controlSocketPath(socket);
  if (write === undefined) await print(path, query);
  else await writeTo(write, path, query);
}

async function print(socket: string, query: CaptureQuery): Promise<void> {
  for await (const packet of capturedPackets(socket, query)) {
    if (process.stdout.write(`${lineOf(packet)}\n`)) continue;
    await once(process.stdout, 'drain');
  }
}

/** Such as "12:00:01.123456 underlay in  IPv4 …  delivered_overlay acme". */
export function lineOf(packet: CapturedPacket): string {
  const { timeMs, side, direction, bytes, linkType, verdict, tunnelIn, tunnelOut } = packet;
  const micros = String(Math.floor((timeMs % 1) * 1000)).padStart(3, '0');
  const time = `${new Date(timeMs).toISOString().slice(11, 23)}${micros}`;
  const tunnels = [tunnelIn, tunnelOut].filter((name) => name !== null);
  const way = tunnels.length === 0 ? '' : ` (${tunnels.join(' to ')})`;
  const place = `${side} ${direction}`.padEnd(12);
  return `${time} ${place} ${summarize(bytes, linkType).text}, length ${packet.originalLength}: ${verdict}${way}`;
}

/** A file appears when the capture ends, by --count or by a signal; standard output has each packet at once. */
async function writeTo(target: string, socket: string, query: CaptureQuery): Promise<void> {
  const stream = await requestStream(socket, 'GET', captureQuery(query, 'pcapng'));
  const end = (): void => void stream.destroy();
  process.once('SIGINT', end).once('SIGTERM', end);
  const file = await OutputFile.open(target, 'leave');
  let size = 0;
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const bytes = Buffer.concat([rest, chunk]);
      const whole = wholeBlocks(bytes);
      file.write(bytes, 0, whole);
      size += whole;
      rest = bytes.subarray(whole);
    }
  } catch (error) {
    if (hasCode(error, 'EPIPE')) return;
    // Ended by a signal: the blocks that have come whole are a capture all the same.
    if (!stream.destroyed || !hasCode(error, 'ERR_STREAM_PREMATURE_CLOSE')) {
      file.abort();
      throw error;
    }
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
  file.commit();
  if (target !== '-') process.stderr.write(`${plural(size, 'byte')} written to ${target}\n`);
}

/** Bytes of the pcapng blocks (type, total length, …, little-endian) that are whole. */
function wholeBlocks(bytes: Buffer): number {
  let at = 0;
  while (at + 8 <= bytes.length && at + bytes.readUInt32LE(at + 4) <= bytes.length)
    at += bytes.readUInt32LE(at + 4);
  return at;
}

/** Whether an error, or what led to it, has this code. EPIPE: who read standard output has seen enough. */
function hasCode(error: unknown, code: string): boolean {
  if (!(error instanceof Error)) return false;
  return (error as NodeJS.ErrnoException).code === code || hasCode(error.cause, code);
}

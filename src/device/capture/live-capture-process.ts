/**
 * The process that captures for CapSource (cap-source.ts). It is one of its own because the package
 * `cap` takes its whole process down when an interface goes down, and keeps the event loop to itself
 * while packets come faster than they are handled.
 *
 * Argument: LiveCaptureSettings as JSON. Packets leave as a pcap file on PACKET_DESCRIPTOR, the rest as
 * LiveCaptureMessage. The message STOP ends the capture; so does the end of the parent.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { canonicalLinkType, LinkType } from '../../dataplane/link-type.js';
import { loadCap } from './cap-module.js';
import { CaptureError } from './capture-error.js';
import {
  LIVE_SNAPLEN,
  PACKET_DESCRIPTOR,
  type LiveCaptureMessage,
  type LiveCaptureSettings,
} from './live-capture-protocol.js';
import { PacketQueue } from './packet-queue.js';
import { pcapFileHeader } from './pcap-format.js';

/** Bytes that wait before they are written in the middle of a burst. */
const BURST_BYTES = 65_536;
/** How long to wait before a full pipe is tried again, and between two reports of dropped packets. */
const RETRY_MS = 1;
const REPORT_MS = 100;

/** Link types by the names that `cap` gives them; the others are "Unknown linktype <number>". */
const linkTypesByName = new Map<string, number>([
  ['NULL', LinkType.NULL],
  ['ETHERNET', LinkType.ETHERNET],
  ['IEEE802_11_RADIO', 127],
  ['LINKTYPE_LINUX_SLL', LinkType.LINUX_SLL],
  ['RAW', LinkType.RAW],
]);

const settings = JSON.parse(process.argv[2] ?? '') as LiveCaptureSettings;
const queue = new PacketQueue(settings.queueBytes);
const frame = Buffer.alloc(LIVE_SNAPLEN);
let dropped = 0;
let reported = 0;
let isScheduled = false;

// A terminal's Ctrl-C reaches this process too; its parent decides when the capture ends.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
await run();

async function run(): Promise<void> {
  try {
    const stopCapture = await start();
    await tell({ kind: 'started' });
    process.on('message', () => {
      stopCapture();
      finish();
    });
    setInterval(reportDropped, REPORT_MS);
  } catch (error) {
    await tell({ kind: 'failed', problem: error instanceof CaptureError ? error.problem : String(error) });
    process.exit();
  }
}

/** Starts to capture; returns what ends it. */
async function start(): Promise<() => void> {
  const cap = await loadCap(settings.interface);
  const handle = new cap.Cap();
  let linkName: string;
  try {
    linkName = handle.open(settings.interface, settings.filter, settings.kernelBufferBytes, frame);
  } catch (error) {
    throw new CaptureError(settings.interface, `cannot capture: ${explain(error)}`);
  }
  // Makes the descriptor non-blocking; it is written to directly.
  new Socket({ fd: PACKET_DESCRIPTOR, readable: false, writable: true }).unref();
  writeSync(PACKET_DESCRIPTOR, pcapFileHeader('nano', LIVE_SNAPLEN, linkTypeByName(linkName)));
  handle.on('packet', receive);
  return () => handle.close();
}

function receive(length: number): void {
  const milliseconds = performance.timeOrigin + performance.now();
  const seconds = Math.floor(milliseconds / 1000);
  const nanoseconds = Math.floor((milliseconds - seconds * 1000) * 1000) * 1000;
  if (!queue.push(seconds, nanoseconds, frame, length)) dropped++;
  // In a burst the event loop may not get its turn for long.
  if (queue.size >= BURST_BYTES) writePackets();
  else schedule();
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    writePackets();
    if (queue.size > 0) setTimeout(schedule, RETRY_MS);
  });
}

/** Writes what waits, as far as the pipe takes it. */
function writePackets(): void {
  queue.drain((data, position, length) => {
    try {
      return writeSync(PACKET_DESCRIPTOR, data, position, length);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0;
      // The reader is gone.
      process.exit();
    }
  });
}

function finish(): void {
  writePackets();
  if (queue.size > 0) {
    setTimeout(finish, RETRY_MS);
    return;
  }
  reportDropped();
  void tell({ kind: 'ended' }).then(() => process.exit());
}

function reportDropped(): void {
  if (dropped === reported) return;
  reported = dropped;
  void tell({ kind: 'dropped', count: dropped });
}

function tell(message: LiveCaptureMessage): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, () => {
      resolve();
    });
  });
}

function linkTypeByName(name: string): number {
  const number = /^Unknown linktype (\d+)$/.exec(name)?.[1];
  const linkType = linkTypesByName.get(name) ?? (number === undefined ? undefined : Number(number));
  if (linkType === undefined) throw new CaptureError(settings.interface, `found a link type named ${name}`);
  return canonicalLinkType(linkType);
}

function explain(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/not permitted|permission/i.test(text)) return `${text} (it takes root, or CAP_NET_RAW)`;
  return /filter|syntax/i.test(text) ? `${text} (filter: ${settings.filter})` : text;
}

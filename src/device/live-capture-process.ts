/**
 * The process that captures for LiveCapture (live-capture.ts). It is one of its own because the package
 * `cap` takes its whole process down when an interface goes down, and keeps the event loop to itself
 * while packets come faster than they are handled.
 *
 * Argument: LiveCaptureSettings as JSON. Messages to the parent: LiveCaptureMessage. Packets leave as a
 * pcap file on descriptor 3. The message 'stop' ends the capture; so does the end of the parent.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { canonicalLinkType, LinkType } from '../dataplane/link-type.js';
import { loadCap } from './cap-module.js';
import { CaptureError } from './capture-error.js';
import { LIVE_SNAPLEN, PACKET_DESCRIPTOR, type LiveCaptureMessage, type LiveCaptureSettings } from './live-capture.js';
import { PacketQueue } from './packet-queue.js';
import { PCAP_MAGIC_NANOSECONDS } from './pcap-reader.js';

/** Link types by the names that `cap` gives them; the others are "Unknown linktype <number>". */
const linkTypesByName = new Map<string, number>([
  ['NULL', LinkType.NULL],
  ['ETHERNET', LinkType.ETHERNET],
  ['IEEE802_11_RADIO', 127],
  ['LINKTYPE_LINUX_SLL', LinkType.LINUX_SLL],
  ['RAW', LinkType.RAW],
]);

/** Bytes that wait before they are written in the middle of a burst. */
const BURST_BYTES = 65_536;
const RETRY_MS = 1;
const REPORT_MS = 100;

const settings = JSON.parse(process.argv[2] ?? '') as LiveCaptureSettings;
const queue = new PacketQueue(settings.queueBytes);
let dropped = 0;
let reported = 0;
let isBlocked = false;

function tell(message: LiveCaptureMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else
      process.send(message, () => {
        resolve();
      });
  });
}

async function start(): Promise<() => void> {
  const { interface: name, filter } = settings;
  const cap = await loadCap(name);
  const handle = new cap.Cap();
  const frame = Buffer.alloc(LIVE_SNAPLEN);
  let linkName: string;
  try {
    linkName = handle.open(name, filter, settings.kernelBufferBytes, frame);
  } catch (error) {
    throw new CaptureError(name, `cannot capture: ${explain(error, filter)}`);
  }
  // Makes the descriptor non-blocking; it is written to directly.
  new Socket({ fd: PACKET_DESCRIPTOR, readable: false, writable: true }).unref();
  const linkType = linkTypeByName(linkName);
  queueHeader(linkType);
  handle.on('packet', (length) => {
    const milliseconds = performance.timeOrigin + performance.now();
    const seconds = Math.floor(milliseconds / 1000);
    const nanoseconds = Math.floor((milliseconds - seconds * 1000) * 1000) * 1000;
    if (!queue.push(seconds, nanoseconds, frame, length)) dropped++;
    // The event loop may not get its turn in a burst.
    if (queue.size >= BURST_BYTES) writePackets();
    else schedule();
  });
  await tell({ kind: 'started', linkType });
  return () => {
    handle.close();
  };
}

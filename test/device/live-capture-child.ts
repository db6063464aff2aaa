/**
 * Captures for live-capture.test.ts, in a network namespace of its own in which there is a veth pair
 * v0 (10.9.0.1) – v1. Prints one JSON object.
 */
import { createSocket } from 'node:dgram';
import { CaptureError } from '../../src/device/capture-error.js';
import { listLiveInterfaces, LiveCapture, type LiveCaptureOptions } from '../../src/device/live-capture.js';
import { Cursor } from '../../src/device/packet-cursor.js';

const PACKETS = 50;

/** Sends datagrams of 1 to PACKETS bytes. */
async function send(address: string, port: number): Promise<void> {
  const socket = createSocket('udp4');
  for (let i = 1; i <= PACKETS; i++) {
    await new Promise((resolve) => {
      socket.send(new Uint8Array(i).fill(i), port, address, resolve);
    });
  }
  socket.close();
}

interface Summary {
  linkType: number;
  packets: number;
  dropped: number;
  lengths: number[];
  /** Ports of the datagrams, read `portAt` bytes into the frame. */
  ports: number[];
  isTimely: boolean;
}

/** Captures while datagrams are sent to two ports, until all that pass the filter are there. */
async function capture(
  options: LiveCaptureOptions,
  address: string,
  portAt: number,
  expected: number,
): Promise<Summary> {
  const live = await LiveCapture.open(options);
  const before = Date.now();
  const sent = send(address, 4444).then(() => send(address, 5555));
  const lengths: number[] = [];
  const ports = new Set<number>();
  let isTimely = true;
  const stop = async (): Promise<void> => {
    await sent;
    // What was sent is in the kernel's buffer; the event loop brings it.
    await new Promise((resolve) => setTimeout(resolve, 200));
    await live.close();
  };
  const stopped = stop();
  for (;;) {
    const state = live.next();
    if (state === Cursor.END) break;
    if (state === Cursor.FILL) {
      await live.fill();
      continue;
    }
    lengths.push(live.length);
    ports.add(new DataView(live.data.buffer).getUint16(live.position + portAt));
    const time = live.seconds * 1000 + live.nanoseconds / 1e6;
    isTimely &&= time >= before - 1 && time <= Date.now() + 1;
    if (live.packetNumber === expected) await live.close();
  }
  await stopped;
  const { linkType, packetNumber: packets, dropped } = live;
  return { linkType, packets, dropped, lengths, ports: [...ports], isTimely };
}

async function failure(options: LiveCaptureOptions): Promise<string> {
  try {
    await (await LiveCapture.open(options)).close();
    return 'no error';
  } catch (error) {
    return error instanceof CaptureError ? error.message : String(error);
  }
}

const ETHERNET_UDP_PORT = 14 + 20 + 2;
const COOKED_UDP_PORT = 16 + 20 + 2;
const result = {
  interfaces: (await listLiveInterfaces()).map(({ name, isLoopback }) => ({ name, isLoopback })),
  missing: await failure({ interface: 'nosuch0' }),
  badFilter: await failure({ interface: 'v1', filter: 'this is no filter' }),
  veth: await capture({ interface: 'v1', filter: 'udp port 5555' }, '10.9.0.2', ETHERNET_UDP_PORT, PACKETS),
  any: await capture({ interface: 'any', filter: 'udp and dst 10.9.0.2' }, '10.9.0.2', COOKED_UDP_PORT, 0),
  full: await capture({ interface: 'v1', filter: 'udp', queueBytes: 200 }, '10.9.0.2', ETHERNET_UDP_PORT, 0),
};
// A collection is when the package's handles crash a process that lets go of them.
globalThis.gc?.();
await new Promise((resolve) => setTimeout(resolve, 50));
globalThis.gc?.();
console.log(JSON.stringify(result));

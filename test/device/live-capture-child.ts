/**
 * Captures through `cap` for live-capture.test.ts, in a network namespace of its own in which there is a veth pair
 * v0 (10.9.0.1) – v1. Prints one JSON object.
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { loadCap } from '../../src/device/capture/cap-module.js';
import { CaptureError } from '../../src/device/capture/capture-error.js';
import { LiveCapture, type LiveCaptureOptions } from '../../src/device/capture/live-capture.js';
import { capInterfaces } from '../../src/device/capture/live-interfaces.js';
import { Cursor } from '../../src/device/capture/packet-cursor.js';

const PACKETS = 50;
/** Time enough for what was sent to come through the kernel. */
const SETTLE_MS = 1000;

/** Sends datagrams of 1 to PACKETS bytes. */
async function send(port: number): Promise<void> {
  const socket = createSocket('udp4');
  for (let i = 1; i <= PACKETS; i++) {
    await new Promise((resolve) => {
      socket.send(new Uint8Array(i).fill(i), port, '10.9.0.2', resolve);
    });
  }
  socket.close();
}

/** Captures while datagrams are sent to two ports; these are read `portAt` bytes into a frame. */
async function capture(options: LiveCaptureOptions, portAt: number): Promise<object> {
  const live = await LiveCapture.open(options);
  const { cursor } = live;
  const before = Date.now();
  const lengths: number[] = [];
  const ports = new Set<number>();
  let isTimely = true;
  const stopped = (async (): Promise<void> => {
    await send(4444);
    await send(5555);
    await settle();
    live.stop();
  })();
  for (let state = cursor.next(); state !== Cursor.END; state = cursor.next()) {
    if (state === Cursor.FILL) {
      await cursor.fill();
      continue;
    }
    lengths.push(cursor.length);
    ports.add(new DataView(cursor.data.buffer).getUint16(cursor.position + portAt));
    const time = cursor.seconds * 1000 + cursor.nanoseconds / 1e6;
    isTimely &&= time >= before - 1 && time <= Date.now() + 1;
  }
  await stopped;
  await live.close();
  const { linkType, packetNumber: packets } = cursor;
  const { description, dropped } = live;
  return { description, linkType, packets, dropped, lengths, ports: [...ports], isTimely };
}

/** What goes wrong with a capture, during which `act` is called. */
async function failure(options: LiveCaptureOptions, act?: () => void): Promise<string> {
  try {
    const live = await LiveCapture.open(options);
    act?.();
    while (live.cursor.next() !== Cursor.END) await live.cursor.fill();
    return 'no error';
  } catch (error) {
    return error instanceof CaptureError ? error.message : String(error);
  }
}

async function closeAtOnce(): Promise<string> {
  const live = await LiveCapture.open({ interface: 'v0', backend: 'cap' });
  await live.close();
  await live.close();
  return 'closed';
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

const ETHERNET_UDP_PORT = 14 + 20 + 2;
const COOKED_UDP_PORT = 16 + 20 + 2;
const result = {
  interfaces: capInterfaces(await loadCap('test')).map(({ name, isLoopback }) => ({ name, isLoopback })),
  missing: await failure({ interface: 'nosuch0', backend: 'cap' }),
  badFilter: await failure({ interface: 'v1', filter: 'this is no filter' }),
  closed: await closeAtOnce(),
  veth: await capture({ interface: 'v1', filter: 'udp port 5555' }, ETHERNET_UDP_PORT),
  any: await capture({ interface: 'any', filter: 'udp and dst 10.9.0.2' }, COOKED_UDP_PORT),
  sent: await capture({ interface: 'v0', filter: 'udp', direction: 'in' }, ETHERNET_UDP_PORT),
  arrived: await capture(
    { interface: 'v1', filter: 'udp', backend: 'cap', direction: 'in' },
    ETHERNET_UDP_PORT,
  ),
  full: await capture({ interface: 'v1', filter: 'udp', queueBytes: 100 }, ETHERNET_UDP_PORT),
  down: await failure({ interface: 'v1', backend: 'cap' }, () =>
    execFileSync('ip', ['link', 'set', 'v1', 'down']),
  ),
};
console.log(JSON.stringify(result));

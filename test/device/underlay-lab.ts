/**
 * A test network for underlay devices, in one namespace: `c0` is ours, with addresses, and what is sent on `c1`
 * comes in there as from a wire; what leaves through c0 is seen on c1.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Verdict } from '../../src/dataplane/verdicts.js';
import { DEVICE_COUNTERS, type DeviceCounter } from '../../src/device/device-counters.js';
import { loadAddon } from '../../src/device/native/addon.js';
import type { BasePortSpec, Port, PortMemory } from '../../src/device/port.js';
import {
  bindToInterface,
  Domain,
  setReceiveBuffer,
  SOCK_RAW,
} from '../../src/device/underlay/socket-options.js';
import type { UnderlayDevice, UnderlayInterface } from '../../src/device/underlay/underlay-options.js';
import { addressBytes, buildPacket, macBytes, type FrameSpec, type IpSpec } from '../../src/wire/build.js';
import { payloadKernels } from '../../src/wire/payload.js';
import { createSplitter } from '../../src/wire/split.js';
import { Netns } from '../support/netns.js';

export const OUR_MAC = '02:00:00:00:77:01';
export const PEER_MAC = '02:00:00:00:77:02';
export const OURS = { 4: '10.77.0.1', 6: 'fd77::1' } as const;
export const PEER = { 4: '10.77.0.2', 6: 'fd77::2' } as const;
export const LOCALS = [addressBytes(OURS[4]), addressBytes(OURS[6])];

const NEIGHBOUR = ['neigh', 'replace', 'dev', 'c0', 'lladdr', PEER_MAC, 'nud', 'permanent', 'to'];

/** Fills a namespace for runInside. */
export function prepareLab(namespace: Netns): void {
  // Nothing but the tests speaks.
  namespace.sysctl('net/ipv6/conf/default/router_solicitations', 0);
  Netns.connect(namespace, 'c0', namespace, 'c1', {
    addresses: [[`${OURS[4]}/24`, `${OURS[6]}/64`], []],
    macs: [OUR_MAC, PEER_MAC],
  });
  namespace.sysctl('net/ipv6/conf/c1/disable_ipv6', 1);
  namespace.sysctl('net/ipv6/conf/c0/keep_addr_on_down', 1);
  namespace.exec('ip', ...NEIGHBOUR, PEER[4]);
  namespace.exec('ip', ...NEIGHBOUR, PEER[6]);
  // Its own rate limit would hide answers.
  namespace.sysctl('net/ipv4/icmp_ratelimit', 0);
  namespace.sysctl('net/ipv6/icmp/ratelimit', 0);
}

/** For tests inside: our interface goes down, and comes back as it was. */
export function linkDown(): void {
  execFileSync('ip', ['link', 'set', 'c0', 'down']);
}
export function linkUp(): void {
  execFileSync('ip', ['link', 'set', 'c0', 'up']);
  for (const address of Object.values(PEER)) execFileSync('ip', [...NEIGHBOUR, address]);
}

export function interfaceOf(name: string): UnderlayInterface {
  const read = (file: string): string => readFileSync(`/sys/class/net/${name}/${file}`, 'utf8').trim();
  return { name, index: Number(read('ifindex')), mtu: Number(read('mtu')), mac: macBytes(read('address')) };
}

/** A frame whose IP header has the lab's addresses where none are given. */
export type LabFrame = Omit<FrameSpec, 'ip'> & { ip?: Partial<IpSpec> };

/** A GRE packet from the peer to us, in an Ethernet frame, unless `spec` says otherwise. */
export function frameToUs(family: 4 | 6, spec: LabFrame = {}): Uint8Array {
  const ip = { source: PEER[family], destination: OURS[family], ...spec.ip };
  return buildPacket({
    link: 'ethernet',
    sourceMac: PEER_MAC,
    destinationMac: OUR_MAC,
    gre: {},
    inner: innerPacket(0),
    ...spec,
    ip,
  });
}

/** A GRE packet from us to the peer. */
export function packetToPeer(family: 4 | 6, spec: LabFrame = {}): Uint8Array {
  const ip = { source: OURS[family], destination: PEER[family], id: 1, ...spec.ip };
  return buildPacket({ gre: {}, inner: innerPacket(0), ...spec, ip });
}

/** A small packet with this number in it. */
export function innerPacket(number: number): FrameSpec {
  const payload = Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
  return {
    ip: { source: '192.0.2.1', destination: '198.51.100.1' },
    udp: { sourcePort: 1, destinationPort: 2 },
    payload,
  };
}

/** Bytes as text, to compare and to count. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** A busy kernel takes a moment from one end of the cable to the other. */
const GRACE_MS = 10;

/** The other end of the cable. */
export class Peer {
  private readonly calls = loadAddon();
  private fd: number;
  private readonly memory = new Uint8Array(64 * 4096);

  constructor(name = 'c1') {
    this.fd = this.calls.openSocket(Domain.PACKET, SOCK_RAW, 0);
    setReceiveBuffer(this.calls, this.fd, 1 << 25);
    bindToInterface(this.calls, this.fd, interfaceOf(name).index);
  }

  /** Sends frames, link header included. */
  send(...frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      this.memory.set(frame);
      const sent = this.calls.sendBatch(
        this.fd,
        this.memory,
        Int32Array.of(0, frame.length, 0, 0),
        0,
        1,
        0,
        0,
      );
      if (sent !== 1) throw new Error(`the peer cannot send: ${sent}`);
    }
  }

  /** The frames that arrived since the last call, link header included. */
  take(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    const spans = new Int32Array(128);
    while (this.calls.poll(Int32Array.of(this.fd), GRACE_MS) > 0) {
      for (let i = 0; i < 64; i++) spans.set([i * 4096, 4096], i * 2);
      const count = this.calls.receiveBatch(this.fd, this.memory, spans, 0, 64);
      for (let i = 0; i < count; i++) frames.push(this.memory.slice(i * 4096, i * 4096 + spans[2 * i + 1]!));
    }
    return frames;
  }

  /** As take(), without link headers. */
  takePackets(): Uint8Array[] {
    return this.take().map((frame) => frame.subarray(14));
  }

  /** May be called again. */
  close(): void {
    if (this.fd >= 0) this.calls.closeDescriptor(this.fd);
    this.fd = -1;
  }
}

/** A peer until the test ends. */
export function openPeer(t: Pick<Test, 'teardown'>, name?: string): Peer {
  const peer = new Peer(name);
  t.teardown(() => {
    peer.close();
  });
  return peer;
}

/** An open device with a port for each worker. */
export interface Underlay {
  /** The first of the users. */
  readonly user: PortUser;
  readonly users: readonly PortUser[];
  readonly peer: Peer;
  readonly setLocals: (locals: readonly Uint8Array[]) => void;
  /** Before the test ends; may be called again. */
  readonly close: () => Promise<void>;
}

/** Makes the ports of a device, until the test ends. */
export function useDevice<Spec extends BasePortSpec>(
  t: Pick<Test, 'teardown'>,
  device: UnderlayDevice<Spec>,
  makePort: (spec: Spec, memory: PortMemory) => Port,
  stagingBytesOf: (spec: Spec) => number = () => 0,
): Underlay {
  const users = device.ports.map((spec) => {
    const memory = portMemory({ stagingBytes: stagingBytesOf(spec) });
    return new PortUser(makePort(spec, memory), memory);
  });
  const peer = new Peer();
  const close = async (): Promise<void> => {
    for (const { port } of users) port.close();
    peer.close();
    await device.close();
  };
  t.teardown(close);
  return {
    user: users[0]!,
    users,
    peer,
    setLocals: (locals) => {
      device.setLocals(locals);
    },
    close,
  };
}

/** Memory for a port. */
export function portMemory(options: { slotBytes?: number; stagingBytes?: number } = {}): PortMemory {
  const { slots, vectors, regions } = vectorRegions(1);
  const pool = PacketPool.create({ slots, vectors, ...options });
  const vector = PacketVector.create(pool, regions[0]!);
  const kernels = payloadKernels(pool.memory);
  return {
    pool,
    vector,
    stagingOffset: pool.stagingOffset,
    stagingBytes: pool.stagingBytes,
    kernels,
    gathers: false,
    splitter: createSplitter(pool.bytes, kernels, false, vector),
  };
}

/** A port with its memory, as a worker has it. */
export class PortUser {
  constructor(
    readonly port: Port,
    readonly memory: PortMemory,
  ) {}

  /** Receives until nothing comes any more; copies of the packets. Checks what every port promises. */
  receiveAll(graceMs = GRACE_MS): Uint8Array[] {
    const { port } = this;
    const { vector, pool } = this.memory;
    const packets: Uint8Array[] = [];
    const fds = Int32Array.from(port.pollFds);
    while (loadAddon().poll(fds, graceMs) > 0) {
      const count = port.receive(vector, Side.UNDERLAY);
      if (count !== vector.count) throw new Error(`receive said ${count} of ${vector.count}`);
      for (let i = 0; i < count; i++) {
        const offset = vector.offset[i]!;
        if (offset % 4 !== 0 || vector.link[i] !== LinkType.RAW || vector.side[i] !== Side.UNDERLAY)
          throw new Error('a packet is not as promised');
        packets.push(pool.bytes.slice(offset, offset + vector.length[i]!));
      }
    }
    return packets;
  }

  /**
   * Sends packets (at most 256) as if the pipeline had delivered them, every third one with its second half elsewhere;
   * returns what transmit says.
   */
  transmit(packets: readonly Uint8Array[], linkType: number = LinkType.RAW, shift = 0): number {
    const { vector, pool } = this.memory;
    vector.count = packets.length;
    vector.extraCount = 0;
    vector.bodies = packets.length;
    for (const [i, packet] of packets.entries()) {
      const offset = pool.frameOffset(vector.region.firstSlot + i, shift);
      const body = i % 3 === 1 && packet.length >= 80 && packet.length < 2048 ? packet.length >> 1 : 0;
      const head = packet.length - body;
      pool.bytes.set(packet.subarray(0, head), offset);
      pool.bytes.fill(0xee, offset + head, offset + packet.length);
      vector.bodyOffset[i] = pool.frameOffset(vector.region.firstExtraSlot + i, 1);
      vector.bodyLength[i] = body;
      pool.bytes.set(packet.subarray(head), vector.bodyOffset[i]);
      vector.offset[i] = offset;
      vector.length[i] = packet.length;
      vector.verdict[i] = Verdict.delivered_underlay;
      vector.outOffset[i] = offset;
      vector.outLength[i] = packet.length;
      vector.outLink[i] = linkType;
    }
    return this.port.transmit(vector, Side.UNDERLAY);
  }

  /** The counters that are not zero. */
  counts(): Partial<Record<DeviceCounter, number>> {
    const entries = DEVICE_COUNTERS.map((name, i) => [name, this.port.counters[i]!] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== 0));
  }

  /** Packets that were handed to transmit, as the counters tell. */
  handled(): number {
    return DEVICE_COUNTERS.reduce(
      (sum, name, i) => (/^tx_(packets|dropped)/.test(name) ? sum + this.port.counters[i]! : sum),
      0,
    );
  }
}

/** What each of the workers receives. */
export function receiveEach(users: readonly PortUser[]): Uint8Array[][] {
  return users.map((user, i) => user.receiveAll(i === 0 ? GRACE_MS : 0));
}

/** Makes the queue of our interface slow and short; returns why this kernel cannot, or what undoes it. */
export function narrowQueue(): string | (() => void) {
  const qdisc = (...words: string[]): void => {
    execFileSync('tc', ['qdisc', ...words], { stdio: 'pipe' });
  };
  try {
    qdisc('add', 'dev', 'c0', 'root', 'tbf', 'rate', '1mbit', 'burst', '2000', 'limit', '3000');
  } catch (error) {
    return `needs tc with the queueing discipline tbf: ${(error as Error).message.trim()}`;
  }
  return () => {
    qdisc('delete', 'dev', 'c0', 'root');
  };
}

/** For what the kernel does a little later. */
export async function settle(): Promise<void> {
  await sleep(200);
}

/** A capture file whose IP packets enter at a host, with the times between them that they had. */
import { openCapture } from '../../device/capture/capture-reader.js';
import { Cursor } from '../../device/capture/packet-cursor.js';
import { isSupportedLinkType, LinkType } from '../../dataplane/link-type.js';
import { be16 } from '../../wire/bytes.js';
import { ETHERNET_HEADER, EtherType, LONGEST_IP, VLAN_TAG } from '../../wire/protocol.js';
import type { Handler } from '../core/scheduler.js';
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { Host } from '../node/host.js';
import { IpPacket } from '../node/ip-packet.js';
import type { TrafficSpec } from '../scenario/scenario.js';
import type { Traffic } from './traffic.js';

export type CaptureSpec = Extract<TrafficSpec, { type: 'capture' }>;

/** IP packets of a capture. */
export interface CapturedPackets {
  /** Nanoseconds after the first packet of the file; never less than the one before. */
  readonly times: readonly Nanoseconds[];
  readonly packets: readonly Uint8Array[];
  /** Frames without an IP packet, or with one that is cut off or wrong. */
  readonly skipped: number;
}

/** Reads a capture. @throws CaptureError */
export async function readCapturedPackets(path: string): Promise<CapturedPackets> {
  const reader = await openCapture(path);
  const times: Nanoseconds[] = [];
  const packets: Uint8Array[] = [];
  const ip = new IpPacket();
  let skipped = 0;
  let first: { seconds: number; nanoseconds: number } | null = null;
  try {
    for (;;) {
      const state = reader.next();
      if (state === Cursor.END) break;
      if (state === Cursor.FILL) {
        await reader.fill();
        continue;
      }
      const { data, position, length, seconds, nanoseconds, linkType } = reader;
      first ??= { seconds, nanoseconds };
      const header = ipOffset(data, position, length, linkType);
      if (header < 0 || !ip.read(data, position + header, length - header) || ip.length > LONGEST_IP) {
        skipped++;
        continue;
      }
      const time = (seconds - first.seconds) * SECOND + (nanoseconds - first.nanoseconds);
      times.push(Math.max(time, times.at(-1) ?? 0));
      packets.push(data.slice(ip.at, ip.end));
    }
  } finally {
    await reader.close();
  }
  return { times, packets, skipped };
}

/** Bytes in front of the IP packet in a frame of a link type; -1 where there is none. */
function ipOffset(data: Uint8Array, at: number, length: number, linkType: number): number {
  if (!isSupportedLinkType(linkType)) return -1;
  switch (linkType) {
    case LinkType.ETHERNET: {
      if (length < ETHERNET_HEADER + VLAN_TAG) return -1;
      const tag = be16(data, at + 12) === EtherType.VLAN ? VLAN_TAG : 0;
      const type = be16(data, at + 12 + tag);
      return type === EtherType.IPV4 || type === EtherType.IPV6 ? ETHERNET_HEADER + tag : -1;
    }
    case LinkType.LINUX_SLL:
      return 16;
    case LinkType.LINUX_SLL2:
      return 20;
    case LinkType.NULL:
    case LinkType.LOOP:
      return 4;
    default:
      return 0;
  }
}

export class CaptureReplay implements Traffic, Handler {
  readonly name: string;
  sent = 0;
  private readonly world: World;
  private readonly handler: number;
  private flow = -1;

  constructor(
    private readonly spec: CaptureSpec,
    private readonly from: Host,
    private readonly captured: CapturedPackets,
  ) {
    this.name = spec.name;
    this.world = from.world;
    this.handler = this.world.scheduler.register(this);
  }

  start(): void {
    this.flow = this.world.recorder.flow(this.spec.name, 0);
    const { packets, skipped } = this.captured;
    if (skipped > 0) {
      const all = packets.length + skipped;
      const text = `${this.name}: ${skipped} of ${all} frames of ${this.spec.file} hold no whole IP packet, and are left out`;
      this.world.recorder.event('capture', text);
    }
    if (this.captured.packets.length > 0) this.world.scheduler.at(this.spec.at, this.handler);
  }

  fire(): void {
    const { spec, world, captured, flow } = this;
    const { packets, scheduler, recorder } = world;
    if (spec.until !== null && scheduler.now >= spec.until) return;
    const bytes = captured.packets[this.sent]!;
    const packet = packets.put(bytes, 0, bytes.length);
    packets.flow[packet] = flow;
    packets.born[packet] = scheduler.now;
    recorder.sent(flow, packet);
    this.from.sendRaw(packet);
    this.sent++;
    const next = captured.times[this.sent];
    if (next !== undefined) scheduler.at(spec.at + next, this.handler);
  }
}

/** Runs frames through a pipeline of its own and tells in plain objects what became of them. */
import { createCounters, isConserved } from '../../src/dataplane/counters.js';
import { frameAlignment, LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, VECTOR_SIZE, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Pipeline, type PipelineOptions } from '../../src/dataplane/pipeline.js';
import {
  Tables,
  type LocalAddress,
  type RouteSpec,
  type TablesSpec,
  type TunnelSpec,
} from '../../src/dataplane/tables.js';
import { verdictEntry } from '../../src/dataplane/verdicts.js';
import { addressBytes, buildPacket, type FrameSpec } from '../../src/wire/build.js';

export interface Input {
  bytes: Uint8Array;
  link?: number;
  side?: number;
}

export interface Output {
  side: number;
  link: number;
  hex: string;
  /** Tunnel or plain next hop that it leaves through, or −1. */
  through: number;
}

export interface Outcome {
  verdict: string;
  tunnelIn: number;
  tunnelOut: number;
  outputs: Output[];
}

export interface Run {
  outcomes: Outcome[];
  counters: Float64Array;
}

/** A tunnel with the defaults of the configuration; endpoints as text. */
export function tunnel(
  name: string,
  local: string,
  remote: string,
  more: Partial<TunnelSpec> = {},
): TunnelSpec {
  return {
    name,
    mode: 'gre',
    local: addressBytes(local),
    remote: addressBytes(remote),
    key: null,
    checksum: false,
    sequence: false,
    ttl: 64,
    mtu: 1476,
    dscp: null,
    clampFrom: { v4: 1436, v6: 1416 },
    clampTo: { v4: 1436, v6: 1416 },
    clearDontFragment: false,
    allowedSources: null,
    icmpSource4: addressBytes('10.100.0.8'),
    icmpSource6: addressBytes('fd00::8'),
    icmpSourceToOverlay4: addressBytes('10.100.0.9'),
    ...more,
  };
}

/** A circuit without encapsulation. */
export function plainHop(name: string, more: Partial<TunnelSpec> = {}): TunnelSpec {
  return {
    ...tunnel(name, '192.0.2.0', '192.0.2.1', { mode: 'plain', mtu: 1500 }),
    clampFrom: { v4: 1460, v6: 1440 },
    clampTo: { v4: 1460, v6: 1440 },
    ...more,
  };
}

/** `192.0.2.0/24` to tunnels by index, equal weights. */
export function route(prefix: string, ...tunnels: number[]): RouteSpec {
  const [address, length] = prefix.split('/') as [string, string];
  return {
    address: addressBytes(address),
    length: Number(length),
    nexthops: tunnels.map((t) => ({ tunnel: t, weight: 1 })),
  };
}

export function tables(
  tunnels: TunnelSpec[],
  routes: RouteSpec[],
  maxNestingDepth = 1,
  locals: LocalAddress[] = [],
): TablesSpec {
  return { tunnels, routes, locals, maxNestingDepth };
}

const { slots, vectors, regions } = vectorRegions(1);
/** Where bodies lie: room for a vector of full packets. */
const stagingBytes = VECTOR_SIZE * 2048;
const pool = PacketPool.create({ slots, vectors, stagingBytes });
const region = regions[0]!;
const vector = PacketVector.create(pool, region);

/**
 * Runs all inputs in vectors of `size`; raw IP from the underlay where an input says nothing else. `body` says how many
 * bytes at an input's end are to be elsewhere, as those of cut segments are.
 */
export function run(
  spec: TablesSpec,
  inputs: readonly (Input | FrameSpec)[],
  options: PipelineOptions & { size?: number; nowMs?: number; body?: (input: Input) => number } = {},
): Run {
  const built = Tables.build(spec);
  const counters = createCounters(built.tunnelCount);
  const pipeline = new Pipeline(pool, built, counters, options);
  const outcomes: Outcome[] = [];
  const size = options.size ?? 64;
  for (let from = 0; from < inputs.length; from += size) {
    const batch = inputs.slice(from, from + size).map(toInput);
    let slot = region.firstSlot;
    vector.count = Math.min(batch.length, VECTOR_SIZE);
    vector.bodies = 0;
    let staging = pool.stagingOffset;
    batch.forEach((input, i) => {
      const link = input.link ?? LinkType.RAW;
      vector.offset[i] = pool.frameOffset(slot, frameAlignment(link));
      slot += pool.slotsFor(input.bytes.length);
      if (slot > region.firstSlot + region.slots) throw new RangeError('too many slots for one vector');
      pool.bytes.set(input.bytes, vector.offset[i]);
      vector.length[i] = input.bytes.length;
      vector.link[i] = link;
      vector.side[i] = input.side ?? Side.UNDERLAY;
      const body = options.body?.(input) ?? 0;
      vector.bodyLength[i] = body;
      vector.bodyOffset[i] = staging;
      if (body === 0) return;
      vector.bodies++;
      const end = vector.offset[i] + input.bytes.length;
      pool.bytes.copyWithin(staging, end - body, end);
      pool.bytes.fill(0xee, end - body, end);
      staging += body;
    });
    pipeline.run(vector, options.nowMs ?? 0);
    outcomes.push(...collect(vector));
  }
  if (!isConserved(counters)) throw new Error('received is not delivered plus answered plus dropped');
  return { outcomes, counters };
}

function toInput(input: Input | FrameSpec): Input {
  if ('bytes' in input) return input;
  const links = { ethernet: 1, raw: 101, sll: 113, sll2: 276, null: 0, loop: 108 } as const;
  return { bytes: buildPacket(input), link: links[input.link ?? 'raw'] };
}

function collect(vector: PacketVector): Outcome[] {
  const hex = (offset: number, length: number): string =>
    Buffer.from(pool.bytes.slice(offset, offset + length)).toString('hex');
  return Array.from({ length: vector.count }, (_, i) => {
    const outputs: Output[] = [];
    if (vector.outLength[i]! > 0) {
      const body = vector.bodies === 0 ? 0 : vector.bodyLength[i]!;
      outputs.push({
        side: vector.outSide(i),
        link: vector.outLink[i]!,
        hex: hex(vector.outOffset[i]!, vector.outLength[i]! - body) + hex(vector.bodyOffset[i]!, body),
        through: vector.tunnelOut[i]!,
      });
    }
    for (let k = 0; k < vector.extraCount; k++) {
      if (vector.extraParent[k] !== i) continue;
      outputs.push({
        side: vector.extraSide[k]!,
        link: vector.extraLink[k]!,
        hex: hex(vector.extraOffset[k]!, vector.extraLength[k]!),
        through: vector.extraTunnel[k]!,
      });
    }
    return {
      verdict: verdictEntry(vector.verdict[i]!)?.name ?? `verdict ${vector.verdict[i]!}`,
      tunnelIn: vector.tunnelIn[i]!,
      tunnelOut: vector.tunnelOut[i]!,
      outputs,
    };
  });
}

/** Results for people and for programs. */
import Table from 'cli-table3';
import type { Case, CaseName } from './cases.js';
import type { HeapGrowth } from './heap.js';
import type { Machine } from './machine.js';
import type { PacketSize } from './traffic.js';

/** One line of `results`, in the words of the issue. */
export interface TimingResult {
  readonly name: CaseName;
  /** Bytes of the inner packet. */
  readonly size: PacketSize;
  readonly batch: number;
  readonly tunnels: number;
  readonly prefixes: number;
  readonly workers: number;
  readonly ns_per_packet: number;
  readonly c_ns_per_packet: number | null;
  /** The twin with prefetches. */
  readonly c_prefetch_ns_per_packet: number | null;
  /** TypeScript to C without prefetches: median of paired ratios. */
  readonly ratio: number | null;
  /** Of all workers together. */
  readonly mpps: number;
}

export interface HeapResult {
  readonly name: 'heap';
  readonly packets: number;
  readonly heap_growth_bytes: number;
  readonly collections: number;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What several workers measured at the same time, each for its own packets. */
export function timingResult(
  { name, size, batch, network, workers }: Case,
  lanes: readonly { ns: number; twinNs: readonly number[]; ratio: number | null }[],
): TimingResult {
  const ratios = lanes.map((lane) => lane.ratio).filter((ratio) => ratio !== null);
  const twin = (k: number): number | null => {
    const times = lanes.map((lane) => lane.twinNs[k]).filter((ns) => ns !== undefined);
    return times.length === 0 ? null : round(mean(times), 2);
  };
  return {
    name,
    size,
    batch,
    tunnels: network.tunnels,
    prefixes: network.prefixes,
    workers,
    ns_per_packet: round(mean(lanes.map((lane) => lane.ns)), 2),
    c_ns_per_packet: twin(0),
    c_prefetch_ns_per_packet: twin(1),
    ratio: ratios.length === 0 ? null : round(mean(ratios), 3),
    mpps: round(
      lanes.reduce((sum, lane) => sum + 1000 / lane.ns, 0),
      2,
    ),
  };
}

export function heapResult(growth: HeapGrowth): HeapResult {
  const { packets, growthBytes, collections } = growth;
  return { name: 'heap', packets, heap_growth_bytes: growthBytes, collections };
}

export function machineText(machine: Machine): string {
  const { cpu, cores, memoryGb, node, v8, platform, cc } = machine;
  const compiler =
    cc === null
      ? 'no C twin (no compiler, or it failed): the C columns stay empty'
      : `${cc}, -O3 -march=native`;
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}`,
    `Node ${node} (V8 ${v8}); ${compiler}`,
    'ns per packet and worker, medians; ratio: median of paired TypeScript / C; Mpps: all workers together',
  ].join('\n');
}

function count(value: number): string {
  return value >= 1_000_000 ? `${value / 1_000_000} M` : value >= 1000 ? `${value / 1000} k` : `${value}`;
}

function fixed(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits);
}

export function timingTable(results: readonly TimingResult[]): string {
  const table = new Table({
    head: [
      'case',
      'bytes',
      'batch',
      'tunnels',
      'prefixes',
      'workers',
      'ns',
      'C ns',
      'C + prefetch',
      'ratio',
      'Mpps',
    ],
    colAligns: [
      'left',
      'right',
      'right',
      'right',
      'right',
      'right',
      'right',
      'right',
      'right',
      'right',
      'right',
    ],
    style: { head: [], border: [], compact: true },
  });
  for (const r of results) {
    table.push([
      r.name,
      r.size,
      r.batch,
      count(r.tunnels),
      count(r.prefixes),
      r.workers,
      fixed(r.ns_per_packet, 1),
      fixed(r.c_ns_per_packet, 1),
      fixed(r.c_prefetch_ns_per_packet, 1),
      fixed(r.ratio, 2),
      fixed(r.mpps, 1),
    ]);
  }
  return table.toString();
}

export function heapText({ packets, heap_growth_bytes, collections }: HeapResult): string {
  return `${count(packets)} packets: heap grew by ${heap_growth_bytes} bytes, ${collections} garbage collections`;
}

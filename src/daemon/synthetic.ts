/**
 * A device that makes its own traffic, for the tunnels and routes of the configuration: a daemon to look at
 * without any right. What is sent to it is counted and thrown away.
 */
import type { TablesSpec } from '../dataplane/tables.js';
import { createDeviceCounters } from '../device/device-counters.js';
import type { OpenedDevice } from '../device/port.js';
import type { GenerateKind } from '../traffic/generator.js';
import { makeFrames } from './synthetic-frames.js';
import type { SyntheticPortSpec } from './synthetic-port.js';

export interface SyntheticOptions {
  readonly name: string;
  readonly mtu: number;
  readonly workers: number;
  /** `tunnel` or `mixed` on the underlay, `overlay` on the overlay. */
  readonly traffic: GenerateKind;
  /** Of all workers together. */
  readonly packetsPerSecond: number;
  readonly faultShare: number;
  readonly seed: number;
}

export interface SyntheticDevice extends OpenedDevice<SyntheticPortSpec> {
  /** Makes the traffic anew, for other tunnels and routes; the ports are new ones with the same counters. */
  update(spec: TablesSpec): void;
}

/** Different packets; then they come again. */
const FRAMES = 2048;
const FLOWS = 1000;

export function openSynthetic(options: SyntheticOptions, spec: TablesSpec): SyntheticDevice {
  const { name, mtu, workers, traffic, packetsPerSecond, faultShare, seed } = options;
  const counters = Array.from({ length: workers }, createDeviceCounters);
  const portsFor = (tables: TablesSpec): SyntheticPortSpec[] => {
    const frames = makeFrames(tables, { kind: traffic, count: FRAMES, flows: FLOWS, faultShare, seed });
    return counters.map((block, i) => ({
      kind: 'synthetic',
      name,
      mtu,
      counters: block,
      packetsPerSecond: packetsPerSecond / workers,
      frames,
      first: Math.floor((i * frames.count) / workers),
    }));
  };
  let ports = portsFor(spec);
  return {
    name,
    kind: 'synthetic',
    description: `synthetic: ${packetsPerSecond} made-up packets per second, ${faultShare * 100} % of them faulty`,
    mtu,
    get ports() {
      return ports;
    },
    update(tables) {
      ports = portsFor(tables);
    },
    close: () => Promise.resolve(),
  };
}

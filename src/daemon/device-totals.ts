/** What devices that were replaced have counted. A device goes by its side and name. */
import { DEVICE_COUNTERS } from '../device/device-counters.js';
import type { OpenedDevice } from '../device/port.js';

export class DeviceTotals {
  private readonly blocks = new Map<string, Float64Array[]>();

  /** Adds the counters of a device that is to be closed. */
  add(side: string, device: OpenedDevice): void {
    const key = `${side} ${device.name}`;
    const sums = this.blocks.get(key) ?? [];
    device.ports.forEach(({ counters }, i) => {
      const sum = (sums[i] ??= new Float64Array(DEVICE_COUNTERS.length));
      for (let j = 0; j < sum.length; j++) sum[j]! += counters[j]!;
    });
    this.blocks.set(key, sums);
  }

  /** For each port that there ever was of this device. */
  of(side: string, name: string): readonly Float64Array[] {
    return this.blocks.get(`${side} ${name}`) ?? [];
  }
}

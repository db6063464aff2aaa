/** `grebe show devices`. */
import type { DeviceCounter } from '../device/device-counters.js';
import type { DeviceSnapshot } from '../observability/snapshot.js';
import { count } from './format.js';
import { DEVICE_DROP_COUNTERS } from './show-counters.js';
import type { Growing, Interval } from './show-interval.js';
import { rateText, RIGHT, tableOf, type Cell } from './show-table.js';
import { bitRate, byteCount, packetRate } from './show-units.js';

type Device = Growing<DeviceSnapshot>;

export function deviceTable({ devices, isWatched }: Interval): string {
  const drawn = tableOf<Device>(
    [
      { head: 'device', of: ({ now }) => now.name },
      { head: 'side', of: ({ now }) => now.side },
      { head: 'kind', of: ({ now }) => now.kind },
      { head: 'MTU', ...RIGHT, of: ({ now }) => String(now.mtu) },
      ...traffic('received', 'rx_packets', 'rx_bytes', isWatched),
      { head: 'dropped', ...RIGHT, of: ({ now }) => count(dropped(now, 'rx_')) },
      ...traffic('sent', 'tx_packets', 'tx_bytes', isWatched),
      { head: 'dropped', ...RIGHT, of: ({ now }) => count(dropped(now, 'tx_')) },
    ],
    devices,
  );
  return [drawn, '', ...devices.map(({ now }) => `${now.name}: ${details(now)}`)].join('\n');
}

function traffic(
  head: string,
  packets: DeviceCounter,
  bytes: DeviceCounter,
  isWatched: boolean,
): readonly Cell<Device>[] {
  const rate = (counter: DeviceCounter, text: (perSecond: number) => string) => (device: Device) =>
    rateText(
      device.rate(({ counters }) => counters[counter]),
      text,
    );
  return [
    { head, ...RIGHT, of: ({ now }) => byteCount(now.counters[bytes]) },
    { head: 'packets', ...RIGHT, when: !isWatched, of: ({ now }) => count(now.counters[packets]) },
    { head: 'bit/s', ...RIGHT, when: isWatched, of: rate(bytes, bitRate) },
    { head: 'pps', ...RIGHT, when: isWatched, of: rate(packets, packetRate) },
  ];
}

function dropped({ counters }: DeviceSnapshot, direction: 'rx_' | 'tx_'): number {
  return DEVICE_DROP_COUNTERS.filter((name) => name.startsWith(direction)).reduce(
    (sum, name) => sum + counters[name],
    0,
  );
}

/** What the device is, and what it did beside the usual. */
function details({ description, counters, problems }: DeviceSnapshot): string {
  const batch = (packets: number, batches: number): string => (packets / batches).toFixed(1);
  const parts = [
    description,
    ...problems,
    ...(counters.rx_batches > 0
      ? [`${batch(counters.rx_packets, counters.rx_batches)} packets a receive`]
      : []),
    ...(counters.tx_batches > 0 ? [`${batch(counters.tx_packets, counters.tx_batches)} a send`] : []),
    ...(counters.rx_large > 0 ? [`${count(counters.rx_large)} large segments split`] : []),
    ...(counters.tx_large > 0 ? [`${count(counters.tx_large)} large segments made`] : []),
    ...(counters.tx_fallback > 0
      ? [`${count(counters.tx_fallback)} packets by the fallback (link address unknown)`]
      : []),
  ];
  return parts.filter((part) => part !== '').join('; ');
}

/** Metrics of the devices. */
import type { DeviceCounter } from '../device/device-counters.js';
import type { Families } from './metrics-families.js';
import { rawQueueBytes } from './receive-queues.js';

type Labels = 'device' | 'side';
const LABELS: readonly Labels[] = ['device', 'side'];

const COUNTERS = [
  ['rx_packets', 'grebe_device_received_packets_total', 'Packets that the device handed to the pipeline.'],
  ['rx_bytes', 'grebe_device_received_bytes_total', 'Bytes of these.'],
  ['rx_batches', 'grebe_device_receive_batches_total', 'Receive calls that brought packets.'],
  ['rx_large', 'grebe_device_received_segments_total', 'Large segments received and split into packets.'],
  ['tx_packets', 'grebe_device_sent_packets_total', 'Packets that the device sent.'],
  ['tx_bytes', 'grebe_device_sent_bytes_total', 'Bytes of these.'],
  ['tx_batches', 'grebe_device_send_batches_total', 'Send calls.'],
  ['tx_large', 'grebe_device_sent_segments_total', 'Large segments sent, made of several packets.'],
  [
    'tx_fallback',
    'grebe_device_fallback_packets_total',
    "Packets sent by the slow fallback because the next hop's link address was not known.",
  ],
] as const satisfies readonly (readonly [DeviceCounter, string, string])[];

const RECEIVE_DROPS = {
  rx_dropped_oversized: 'oversized',
  rx_dropped_invalid: 'invalid',
  rx_dropped_queue: 'queue',
} as const satisfies Partial<Record<DeviceCounter, string>>;

const SEND_DROPS = {
  tx_dropped_queue: 'queue',
  tx_dropped_size: 'size',
  tx_dropped_unreachable: 'unreachable',
  tx_dropped_error: 'error',
} as const satisfies Partial<Record<DeviceCounter, string>>;

export function deviceMetrics(families: Families): void {
  families.gauge({
    name: 'grebe_device_info',
    help: 'Always 1; what the device is.',
    labels: [...LABELS, 'kind'],
    read: ({ devices }, set) => {
      for (const { name, side, kind } of devices) set(1, { device: name, side, kind });
    },
  });
  families.gauge({
    name: 'grebe_device_mtu_bytes',
    help: 'Largest IP packet that the device carries.',
    labels: LABELS,
    read: ({ devices }, set) => {
      for (const { name, side, mtu } of devices) set(mtu, { device: name, side });
    },
  });
  families.gauge({
    name: 'grebe_device_up',
    help: '0 while an interface of the device is gone, down or without carrier.',
    labels: LABELS,
    read: ({ devices }, set) => {
      for (const { name, side, problems } of devices)
        set(problems.length === 0 ? 1 : 0, { device: name, side });
    },
  });
  for (const [counter, name, help] of COUNTERS) {
    families.counter({
      name,
      help,
      labels: LABELS,
      read: ({ devices }, set) => {
        for (const { name: device, side, counters } of devices) set(counters[counter], { device, side });
      },
    });
  }
  drops(
    families,
    'grebe_device_receive_dropped_packets_total',
    "Frames lost on the way in: the kernel's queue was full (queue), too long (oversized), senseless (invalid).",
    RECEIVE_DROPS,
  );
  drops(
    families,
    'grebe_device_send_dropped_packets_total',
    'Packets lost on the way out: no room also after waiting (queue), too large (size), no route or interface (unreachable), other (error).',
    SEND_DROPS,
  );
  families.gauge({
    name: 'grebe_receive_queue_bytes',
    help: "Memory of what waits in the underlay's sockets, by kind of socket; AF_XDP and TUN do not tell.",
    labels: ['socket'],
    read: ({ devices }, set) => {
      set(
        devices.reduce((sum, { ringBytes }) => sum + ringBytes, 0),
        { socket: 'packet' },
      );
      set(rawQueueBytes(), { socket: 'raw' });
    },
  });
}

function drops(
  families: Families,
  name: string,
  help: string,
  reasons: Partial<Readonly<Record<DeviceCounter, string>>>,
): void {
  const entries = Object.entries(reasons) as [DeviceCounter, string][];
  families.counter({
    name,
    help,
    labels: [...LABELS, 'reason'],
    read: ({ devices }, set) => {
      for (const { name: device, side, counters } of devices) {
        for (const [counter, reason] of entries) set(counters[counter], { device, side, reason });
      }
    },
  });
}

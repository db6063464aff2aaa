/** The IP packet in a received Ethernet frame. */
import type { PacketVector } from '../../dataplane/packet-vector.js';
import { EtherType, ETHERNET_HEADER, IPV4_HEADER, VLAN_TAG } from '../../wire/protocol.js';
import { DeviceCount } from '../device-counters.js';
import { put } from '../raw/raw-receiver.js';

/**
 * Adds the IP packet behind an Ethernet header with at most one tag to the vector; returns the number of packets in
 * it. The filter before has seen to it that it is IP.
 */
export function putFrame(
  bytes: Uint8Array,
  vector: PacketVector,
  count: number,
  frame: number,
  frameLength: number,
  side: number,
  counters: Float64Array,
): number {
  const isTagged = ((bytes[frame + 12]! << 8) | bytes[frame + 13]!) === EtherType.VLAN;
  const header = isTagged ? ETHERNET_HEADER + VLAN_TAG : ETHERNET_HEADER;
  const length = frameLength - header;
  if (length >= IPV4_HEADER) return put(vector, count, frame + header, length, side, counters);
  counters[DeviceCount.rx_dropped_invalid]! += 1;
  return count;
}

/**
 * The AF_PACKET device as a worker uses it: packets arrive in rings that lie in the pool, and leave from there when the
 * pipeline sends them on.
 */
import { ETHERNET_HEADER } from '../../wire/protocol.js';
import type { SharedAdjacencies } from '../underlay/adjacency.js';
import { BatchSender } from '../underlay/batch-sender.js';
import { dropsOf, DropWatch } from '../underlay/drop-watch.js';
import { loadAddon } from '../native/addon.js';
import type { BasePortSpec, Port, PortMemory } from '../port.js';
import { FallbackSender, type FallbackSockets } from '../raw/fallback-sender.js';
import { openDescriptors, type GreSockets } from '../raw/gre-socket.js';
import { rawReceivers } from '../raw/raw-receiver.js';
import { ReceiveTurns } from '../underlay/receive-turns.js';
import { UnderlayPort } from '../underlay/underlay-port.js';
import { frameRingBytes, frameRingOffset, type FrameRing } from './frame-ring.js';
import { LinkSender } from './link-sender.js';
import { PacketReceiver } from './packet-receiver.js';

export interface AfPacketPortSpec extends BasePortSpec {
  readonly kind: 'af_packet';
  readonly rings: readonly FrameRing[];
  /** Of the first worker: raw sockets for what AF_PACKET cannot have (rawRemainderFilter). */
  readonly remainder: GreSockets | null;
  readonly fallback: FallbackSockets;
  readonly adjacencies: SharedAdjacencies;
}

export function makeAfPacketPort(spec: AfPacketPortSpec, memory: PortMemory): Port {
  const calls = loadAddon();
  const { counters, remainder, rings } = spec;
  const { pool } = memory;
  let at = frameRingOffset(memory.stagingOffset);
  const receivers = rings.map((ring) => {
    const offset = at;
    at += frameRingBytes(ring.state);
    return new PacketReceiver({ calls, pool, vector: memory.vector, counters, ring, offset });
  });
  const rare = remainder === null ? [] : openDescriptors(remainder);
  const full = receivers.map((receiver) => () => receiver.dropped());
  const common = { calls, memory: pool.bytes, counters, linkBytes: ETHERNET_HEADER };
  const senders = rings.map(({ index, fd }) => ({ index, sender: new BatchSender({ ...common, fd }) }));
  const fallback = new FallbackSender(spec.fallback, pool.bytes, counters, calls);
  return new UnderlayPort(spec, memory, {
    pollFds: [...rings.map(({ fd }) => fd), ...rare],
    turns: new ReceiveTurns(receivers, remainder === null ? [] : rawReceivers(remainder, memory, counters)),
    drops: new DropWatch([...full, ...dropsOf(calls, rare)], counters),
    sender: new LinkSender(pool, spec.adjacencies, senders, fallback, counters),
    close: () => {
      for (const receiver of receivers) receiver.close();
    },
  });
}

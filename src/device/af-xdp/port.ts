/**
 * A worker's share of AF_XDP: packets arrive in chunks that lie in the pool, and leave from there without a
 * copy when the pipeline sends them on. A packet from elsewhere is copied into a chunk.
 */
import { ETHERNET_HEADER } from '../../wire/protocol.js';
import { LinkSender } from '../af-packet/link-sender.js';
import { BatchSender, type BatchSenderOptions } from '../underlay/batch-sender.js';
import { loadAddon } from '../native/addon.js';
import type { Port, PortMemory } from '../port.js';
import { FallbackSender } from '../raw/fallback-sender.js';
import { openDescriptors } from '../raw/gre-socket.js';
import { rawReceivers } from '../raw/raw-receiver.js';
import { ReceiveTurns } from '../underlay/receive-turns.js';
import { UnderlayPort } from '../underlay/underlay-port.js';
import { MappedRings } from './rings.js';
import type { AfXdpPortSpec } from './spec.js';
import { XdpDrops } from './xdp-drops.js';
import { XdpReceiver } from './xdp-receiver.js';

export function makeAfXdpPort(spec: AfXdpPortSpec, memory: PortMemory): Port {
  const addon = loadAddon();
  const { counters, remainder, sockets, mtu } = spec;
  const { pool, vector } = memory;
  const rings = new MappedRings(addon, pool, spec, memory.stagingOffset);
  const layouts = rings.layouts.map((layout) => addon.pin(layout));
  const receivers = layouts.map((layout) => new XdpReceiver(addon, pool, layout, vector, counters));
  const descriptors = sockets.map(({ fd }) => fd);
  const rare = remainder === null ? [] : openDescriptors(remainder);
  const senders = sockets.map(({ index, fd }, i) => {
    const layout = layouts[i]!;
    const calls: BatchSenderOptions['calls'] = {
      pin: (array) => addon.pin(array),
      sendBatch: (_fd, bytes, frames, first, count) => addon.xdpTransmit(bytes, layout, frames, first, count),
      waitWritable: (socket, ms) => addon.waitWritable(socket, ms),
      poll: (fds, ms) => addon.poll(fds, ms),
    };
    const common = { calls, fd, memory: pool.bytes, counters };
    return { index, sender: new BatchSender({ ...common, linkBytes: ETHERNET_HEADER }) };
  });
  const fallback = new FallbackSender(spec.fallback, pool.bytes, counters, addon);
  return new UnderlayPort(spec, memory, {
    pollFds: [...descriptors, ...rare],
    turns: new ReceiveTurns(receivers, remainder === null ? [] : rawReceivers(remainder, memory, counters)),
    drops: new XdpDrops(addon, descriptors, rare, counters),
    sender: new LinkSender(pool, spec.adjacencies, senders, fallback, counters),
    longest: mtu,
    close: () => {
      rings.close();
    },
  });
}

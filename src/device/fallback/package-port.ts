/** The devices of the packages `raw-socket` and `cap` as a worker uses them. */
import { ETHERNET_HEADER } from '../../wire/protocol.js';
import type { SharedAdjacencies } from '../underlay/adjacency.js';
import { LinkSender } from '../af-packet/link-sender.js';
import { BatchSender } from '../underlay/batch-sender.js';
import { loadAddon } from '../native/addon.js';
import type { BasePortSpec, Port, PortMemory } from '../port.js';
import { FallbackSender, type FallbackSockets } from '../raw/fallback-sender.js';
import { ReceiveTurns } from '../underlay/receive-turns.js';
import { UnderlayPort, type PacketSender } from '../underlay/underlay-port.js';
import { ChannelReceiver } from './channel-receiver.js';

/** A channel to a helper process. */
export interface PackageChannel {
  readonly fd: number;
  /** cap: the kernel's index of its interface; raw-socket: 0. */
  readonly index: number;
}

export interface PackagePortSpec extends BasePortSpec {
  readonly kind: 'raw-socket' | 'cap';
  readonly channels: readonly PackageChannel[];
  /** cap: what its frames need. */
  readonly link: { readonly adjacencies: SharedAdjacencies; readonly fallback: FallbackSockets } | null;
}

/** What the helper process cannot send is in `tx_dropped_error` besides. */
export function makePackagePort(spec: PackagePortSpec, memory: PortMemory): Port {
  const calls = loadAddon();
  const { counters, channels } = spec;
  const { pool, vector } = memory;
  return new UnderlayPort(spec, memory, {
    pollFds: channels.map(({ fd }) => fd),
    turns: new ReceiveTurns(
      channels.map(({ fd }) => new ChannelReceiver({ calls, pool, vector, counters, fd })),
    ),
    sender: makeSender(spec, memory),
  });
}

function makeSender(spec: PackagePortSpec, { pool }: PortMemory): PacketSender {
  const calls = loadAddon();
  const { counters, channels, link } = spec;
  const common = { calls, memory: pool.bytes, counters };
  if (link === null) return new BatchSender({ ...common, fd: channels[0]!.fd });
  const senders = channels.map(({ index, fd }) => ({
    index,
    sender: new BatchSender({ ...common, fd, linkBytes: ETHERNET_HEADER }),
  }));
  const fallback = new FallbackSender(link.fallback, pool.bytes, counters, calls);
  return new LinkSender(pool, link.adjacencies, senders, fallback, counters);
}

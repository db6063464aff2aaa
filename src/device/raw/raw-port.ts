/** The raw device as a worker uses it. */
import { loadAddon } from '../native/addon.js';
import type { BasePortSpec, Port, PortMemory } from '../port.js';
import { dropsOf, DropWatch } from '../underlay/drop-watch.js';
import { ReceiveTurns } from '../underlay/receive-turns.js';
import { UnderlayPort } from '../underlay/underlay-port.js';
import { FallbackSender, type FallbackSockets } from './fallback-sender.js';
import { openDescriptors, type GreSockets } from './gre-socket.js';
import { rawReceivers } from './raw-receiver.js';

export interface RawPortSpec extends BasePortSpec {
  readonly kind: 'raw';
  readonly receive: GreSockets;
  readonly send: FallbackSockets;
}

export function makeRawPort(spec: RawPortSpec, memory: PortMemory): Port {
  const calls = loadAddon();
  const { counters } = spec;
  const pollFds = openDescriptors(spec.receive);
  return new UnderlayPort(spec, memory, {
    pollFds,
    turns: new ReceiveTurns(rawReceivers(spec.receive, memory, counters)),
    drops: new DropWatch(dropsOf(calls, pollFds), counters),
    sender: new FallbackSender(spec.send, memory.pool.bytes, counters, calls),
  });
}

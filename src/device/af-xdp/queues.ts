/**
 * The sockets of AF_XDP. A socket belongs to one receive queue of one interface. With more queues than workers a
 * worker has several; with more workers than queues the sockets of several workers share a queue, that is its
 * fill and completion ring, and the program spreads flows over them. All share one UMEM.
 */
import type { XdpCalls } from '../native/xdp-calls.js';
import { XdpBind } from '../native/xdp-calls.js';
import type { UnderlayInterface } from '../underlay/underlay-options.js';
import { HELD_MAXIMUM, XDP_HEADROOM, type RingSizes, type SharedUmem } from './layout.js';
import type { XdpSocket } from './spec.js';

const TX_ENTRIES = 1024;
/** Chunks for each worker's packets that come from elsewhere, such as from a TUN. */
const COPY_CHUNKS = 512;
const LEAST_RING_BITS = 8;
const MOST_RING_BITS = 15;

/** A receive queue and the sockets on it. */
export interface Queue {
  readonly interface: UnderlayInterface;
  /** From 0, within the interface. */
  readonly number: number;
  readonly sockets: { readonly worker: number; readonly fd: number }[];
}

export interface BoundQueues {
  readonly umem: SharedUmem;
  readonly rings: RingSizes;
  readonly queues: readonly Queue[];
}

export interface QueueOptions {
  readonly interfaces: readonly UnderlayInterface[];
  readonly workers: number;
  readonly receiveBytes: number;
  /** log2 of a chunk's bytes. */
  readonly shift: number;
  /** Whether the kernel may put packets into the UMEM by itself, where the driver can. */
  readonly zeroCopy: boolean;
}

/** Opens and binds the sockets; every descriptor is handed to `keep`. @throws SystemError */
export function bindQueues(
  calls: XdpCalls,
  keep: (fd: number) => number,
  { interfaces, workers, receiveBytes, shift, zeroCopy }: QueueOptions,
): BoundQueues {
  const plan = interfaces.map((one) => {
    const queues = Array.from({ length: calls.xdpQueues(one.name) }, (_, number): Queue => ({
      interface: one,
      number,
      sockets: [],
    }));
    return { queues, sockets: Math.max(workers, queues.length) };
  });
  const queues = plan.flatMap((one) => one.queues);
  const rings = ringSizes(receiveBytes, shift, queues.length);
  const sockets = plan.reduce((sum, one) => sum + one.sockets, 0);
  const chunks = queues.length * rings.fill + sockets * rings.tx + workers * (HELD_MAXIMUM + COPY_CHUNKS);
  const memory = keep(calls.xdpMemory(shift, chunks, workers));

  let first: number | null = null;
  const bind = (queue: Queue, worker: number): void => {
    const fd = keep(calls.xdpSocket());
    const companion = queue.sockets[0]?.fd;
    if (first === null) calls.xdpRegister(fd, memory, shift, chunks, XDP_HEADROOM);
    const [fill, completion] = companion === undefined ? [rings.fill, rings.completion] : [0, 0];
    calls.xdpRings(fd, rings.rx, rings.tx, fill, completion);
    const flags = first === null ? XdpBind.NEED_WAKEUP | (zeroCopy ? 0 : XdpBind.COPY) : 0;
    calls.xdpBind(fd, queue.interface.index, queue.number, flags, companion ?? first ?? -1);
    first ??= fd;
    queue.sockets.push({ worker, fd });
  };
  for (const one of plan) {
    for (let i = 0; i < one.sockets; i++) bind(one.queues[i % one.queues.length]!, i % workers);
  }
  return { umem: { memory, shift, chunks, ports: workers }, rings, queues };
}

/** Every queue gets its part of the buffer: as many chunks wait to be filled as packets may wait to be read. */
function ringSizes(bytes: number, shift: number, queues: number): RingSizes {
  const bits = Math.floor(Math.log2(bytes / (1 << shift) / queues));
  const entries = 2 ** Math.min(Math.max(bits, LEAST_RING_BITS), MOST_RING_BITS);
  return { rx: entries, tx: TX_ENTRIES, fill: entries, completion: 2 * TX_ENTRIES };
}

/** The sockets of one worker. */
export function socketsOf(queues: readonly Queue[], worker: number): XdpSocket[] {
  return queues.flatMap((queue) =>
    queue.sockets
      .filter((socket) => socket.worker === worker)
      .map(({ fd }) => ({ fd, index: queue.interface.index })),
  );
}

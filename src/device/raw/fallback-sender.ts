/**
 * Sends IP packets through the kernel's routing, by raw sockets that take the IP header from us. The way of
 * the raw device, and the way out of other underlay devices for packets whose next hop's link address they do
 * not know.
 */
import { IPV4_HEADER, IPV6_HEADER } from '../../wire/protocol.js';
import { BatchSender } from '../underlay/batch-sender.js';
import { DeviceCount } from '../device-counters.js';
import { loadAddon } from '../native/addon.js';
import type { PinCalls } from '../native/pin-calls.js';
import type { SocketCalls } from '../native/socket-calls.js';
import {
  DEFAULT_SEND_BUFFER,
  Domain,
  sendWithHeader,
  setSendBuffer,
  SOCK_RAW,
} from '../underlay/socket-options.js';

/** Descriptors of one worker. −1: this machine has no IPv6. */
export interface FallbackSockets {
  readonly fd4: number;
  readonly fd6: number;
}

/** A protocol that no packet has: the sockets receive nothing. */
const IPPROTO_RAW = 255;
const DESTINATION4 = 16;
const DESTINATION6 = 24;

/** For the main thread; takes CAP_NET_RAW. @throws SystemError */
export function openFallbackSockets(calls: SocketCalls = loadAddon()): FallbackSockets {
  const fd4 = openSender(calls, 4);
  try {
    return { fd4, fd6: openSender(calls, 6) };
  } catch (error) {
    if ((error as { code?: string }).code === 'EAFNOSUPPORT') return { fd4, fd6: -1 };
    calls.closeDescriptor(fd4);
    throw error;
  }
}

export function closeFallbackSockets(sockets: FallbackSockets, calls: SocketCalls = loadAddon()): void {
  for (const fd of [sockets.fd4, sockets.fd6]) if (fd >= 0) calls.closeDescriptor(fd);
}

function openSender(calls: SocketCalls, family: 4 | 6): number {
  const fd = calls.openSocket(family === 4 ? Domain.INET : Domain.INET6, SOCK_RAW, IPPROTO_RAW);
  try {
    sendWithHeader(calls, fd, family);
    setSendBuffer(calls, fd, DEFAULT_SEND_BUFFER);
    return fd;
  } catch (error) {
    calls.closeDescriptor(fd);
    throw error;
  }
}

/** In a worker: `add` packets, then `flush`. Each is afterwards counted as sent or as dropped, with its reason. */
export class FallbackSender {
  private readonly four: BatchSender;
  private readonly six: BatchSender;
  private readonly hasSix: boolean;

  /** `memory`: the pool's bytes. */
  constructor(
    sockets: FallbackSockets,
    private readonly memory: Uint8Array,
    private readonly counters: Float64Array,
    calls: PinCalls & Pick<SocketCalls, 'sendBatch' | 'waitWritable' | 'poll'> = loadAddon(),
  ) {
    const common = { calls, memory, counters };
    this.hasSix = sockets.fd6 >= 0;
    this.four = new BatchSender({ ...common, fd: sockets.fd4, addressAt: DESTINATION4, addressBytes: 4 });
    this.six = new BatchSender({ ...common, fd: sockets.fd6, addressAt: DESTINATION6, addressBytes: 16 });
  }

  /**
   * Adds the IP packet at this offset: `length` bytes, and `bodyLength` more at `body`. What is no IP packet is counted
   * as `tx_dropped_error`.
   */
  add(offset: number, length: number, body = 0, bodyLength = 0): void {
    const version = this.memory[offset]! >>> 4;
    if (version === 4 && length >= IPV4_HEADER) this.four.add(offset, length, body, bodyLength);
    else if (version === 6 && length >= IPV6_HEADER && this.hasSix)
      this.six.add(offset, length, body, bodyLength);
    else this.counters[DeviceCount.tx_dropped_error]! += 1;
  }

  /** Packets added and not yet sent. */
  get count(): number {
    return this.four.count + this.six.count;
  }

  /** Sends what was added, in order within each family; returns how many packets were sent. */
  flush(): number {
    const four = this.four.count > 0 ? this.four.flush() : 0;
    return this.six.count > 0 ? four + this.six.flush() : four;
  }
}

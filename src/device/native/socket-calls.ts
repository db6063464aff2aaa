import type { Pinned } from './pin-calls.js';

/**
 * Functions of native/src/sockets.c, batches.c and wait.c.
 *
 * A batch is described by `spans`: pairs [byte offset in `memory`, length in bytes], of which `count` are used
 * from pair number `first` on, at most BATCH_PACKETS of them. A pair outside of the memory is a RangeError.
 * Descriptors never block.
 */
export interface SocketCalls {
  /** A new socket's descriptor (SOCK_NONBLOCK, SOCK_CLOEXEC). */
  openSocket(domain: number, type: number, protocol: number): number;
  /** Two descriptors, connected: a packet sent to one is received whole from the other (SOCK_SEQPACKET). */
  openSocketPair(): [number, number];
  closeDescriptor(fd: number): void;
  /** `address` holds a struct sockaddr of the socket's kind. */
  bindSocket(fd: number, address: Uint8Array): void;
  setSocketOption(fd: number, level: number, name: number, value: Int32Array | Uint8Array): void;
  /** Writes the option's value into `value`; returns the bytes written. */
  getSocketOption(fd: number, level: number, name: number, value: Int32Array | Uint8Array): number;
  /** Sets an option that takes a classic BPF program: [code, jt, jf, k] for each instruction (bpf.ts). */
  setSocketProgram(fd: number, level: number, name: number, program: Int32Array): void;
  /**
   * Receives without waiting. Returns the number of packets, 0 when there is none, or −errno. The length in
   * each packet's span, on entry the room for it, is then its length on the wire: greater than the room when
   * it was cut.
   */
  receiveBatch(
    fd: number,
    memory: Pinned<Uint8Array>,
    spans: Pinned<Int32Array>,
    first: number,
    count: number,
  ): number;
  /**
   * As receiveBatch, from a raw IPv6 socket, which delivers packets without their IPv6 header: what the kernel
   * tells of it goes to `headers`, HEADER6_WORDS for each packet from 0 on.
   */
  receiveBatch6(
    fd: number,
    memory: Pinned<Uint8Array>,
    spans: Pinned<Int32Array>,
    first: number,
    count: number,
    headers: Pinned<Int32Array>,
  ): number;
  /**
   * Sends without waiting. Each packet is described by SPAN_WORDS words: byte offset and length, and of what follows
   * from elsewhere in the memory (nothing: length 0). Returns how many packets were sent, or −errno when the first could
   * not be. The
   * destination is copied from byte `addressAt` of each packet, 4 or 16 bytes (IPv4, IPv6); 0 bytes for a
   * socket that is bound to an interface.
   */
  sendBatch(
    fd: number,
    memory: Pinned<Uint8Array>,
    spans: Pinned<Int32Array>,
    first: number,
    count: number,
    addressAt: number,
    addressBytes: number,
  ): number;
  /**
   * Waits until one of the descriptors (at most 64; negative ones are passed over) is readable or in error, or
   * the time is over: milliseconds with fractions, negative for no limit. Returns how many are; 0 after a
   * signal too.
   */
  poll(fds: Pinned<Int32Array>, timeoutMs: number): number;
  /**
   * The same; `ready`, as long as `fds`, then has a 1 for each descriptor that is one of them, and 0 for the others.
   * Gives the processor to whoever waits for it before it returns, so that a sender gets on with its batch.
   */
  pollReady(fds: Pinned<Int32Array>, ready: Pinned<Int32Array>, timeoutMs: number): number;
  /** Waits until the descriptor takes more; returns 1, or 0 when the time is over. */
  waitWritable(fd: number, timeoutMs: number): number;
}

/** Words that describe a packet to be sent. */
export const SPAN_WORDS = 4;

/** Packets that one call receives or sends at most. */
export const BATCH_PACKETS = 64;

/**
 * Words of a packet's header from receiveBatch6: 0–3 source, 4–7 destination, 8 the header's first word without
 * the version (all in network order), 9 hop limit.
 */
export const HEADER6_WORDS = 10;

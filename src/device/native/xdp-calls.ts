import type { Pinned } from './pin-calls.js';

/** Functions of native/src/pool.c, ring.c and frame-ring.c. */
export interface RingCalls {
  /** Empty memory in place of whatever was mapped over these whole pages of the pool. */
  poolUnmap(pool: Uint8Array, offset: number, length: number): void;
  /** Puts the receive ring of an AF_PACKET socket over pages of the pool; `length` is the ring's own. */
  ringMap(pool: Uint8Array, offset: number, length: number, fd: number): void;
  /**
   * Takes up to `limit` frames of one block without waiting: byte offset, bytes that are there, bytes on the
   * wire, and two words of time (seconds, nanoseconds since 1970). `state` has the words of RingState. Frames
   * of a block stay until the call after the one that took its last.
   */
  ringReceive(
    pool: Uint8Array,
    state: Int32Array,
    offsets: Int32Array,
    lengths: Int32Array,
    originals: Int32Array,
    times: Int32Array,
    limit: number,
  ): number;
  /**
   * Takes up to `limit` frames of a TPACKET_V2 ring without waiting: byte offset, and length on the wire, of which
   * the ring has room for only so much. `state` has the words of FrameRingState. The frames stay until the next
   * call.
   */
  frameRingReceive(
    pool: Pinned<Uint8Array>,
    state: Pinned<Int32Array>,
    offsets: Pinned<Int32Array>,
    lengths: Pinned<Int32Array>,
    limit: number,
  ): number;
  /** Frames that wait in such a ring. */
  frameRingFilled(pool: Pinned<Uint8Array>, state: Pinned<Int32Array>): number;
}

/**
 * Functions of native/src/xdp.c, xdp-batch.c and bpf.c. Descriptors are closed by whoever opened them
 * (`closeDescriptor`). `pool` is PacketPool.bytes; offsets are bytes in it.
 */
export interface XdpCalls extends RingCalls {
  /** A new AF_XDP socket's descriptor. */
  xdpSocket(): number;
  /**
   * A memory file for `chunks` chunks of 1 << `shift` bytes (shift 11 or 12) and the control area of `ports`
   * ports; all chunks are free. layout.ts says how long it is.
   */
  xdpMemory(shift: number, chunks: number, ports: number): number;
  /** Puts the memory file over whole pages of the pool, which must be a WebAssembly memory. */
  xdpMapMemory(pool: Uint8Array, offset: number, length: number, memory: number): void;
  /** Makes the memory file's chunks the socket's UMEM; the kernel leaves `headroom` bytes before its own 256. */
  xdpRegister(fd: number, memory: number, shift: number, chunks: number, headroom: number): void;
  /** Sizes of the socket's rings, powers of two; 0: it has none of its own. Before xdpBind. */
  xdpRings(fd: number, rx: number, tx: number, fill: number, completion: number): void;
  /** `flags` of XdpBind; `shared`: the descriptor of the bound socket whose UMEM is used too, or −1. */
  xdpBind(fd: number, ifindex: number, queue: number, flags: number, shared: number): void;
  /**
   * Maps a ring (0 rx, 1 tx, 2 fill, 3 completion) over `length` bytes of the pool, whole pages; `result` gets
   * the words of the ring in a layout.
   */
  xdpMapRing(
    pool: Uint8Array,
    offset: number,
    length: number,
    fd: number,
    ring: number,
    entries: number,
    result: Int32Array,
  ): void;
  /** The six numbers of struct xdp_statistics (if_xdp.h), in its order. */
  xdpStatistics(fd: number, result: Float64Array): void;
  /**
   * Receives up to `limit` frames without waiting: byte offset and length to offsets[0…], lengths[0…]. The
   * frames of the port's last batch that were not sent are given up. `reserve`: chunks that are not given to
   * the kernel for receiving. Never fails for what a packet or the kernel does.
   */
  xdpReceive(
    pool: Pinned<Uint8Array>,
    layout: Pinned<Int32Array>,
    offsets: Pinned<Int32Array>,
    lengths: Pinned<Int32Array>,
    limit: number,
    reserve: number,
  ): number;
  /**
   * Sends frames[SPAN_WORDS · first…] as sendBatch has them: in place when they lie in one piece in a chunk that the
   * port holds, copied otherwise. Returns how many were taken, from the first on; −errno when none is: EAGAIN when there
   * is no room at the moment, else what the interface minds.
   */
  xdpTransmit(
    pool: Pinned<Uint8Array>,
    layout: Pinned<Int32Array>,
    frames: Pinned<Int32Array>,
    first: number,
    count: number,
  ): number;
  /** Receive queues of an interface; 1 when its driver does not say. */
  xdpQueues(name: string): number;

  /** A BPF map, `type` of BpfMap: its descriptor. */
  bpfMapCreate(type: number, keyBytes: number, valueBytes: number, entries: number): number;
  /** Key and value must be as long as those of the map. */
  bpfMapSet(map: number, key: Uint8Array, value: Uint8Array): void;
  /** Whether the map had this key. */
  bpfMapDelete(map: number, key: Uint8Array): boolean;
  /** Loads an XDP program, 8 bytes an instruction: its descriptor. The error's message has the verifier's reason. */
  bpfLoadXdp(instructions: Uint8Array): number;
  /** Attaches a program; it is gone when the descriptor is closed. `flags` of XdpMode. */
  bpfLinkXdp(program: number, ifindex: number, flags: number): number;
  /** As bpfLoadXdp, a program for packets that an interface hands up (TCX, Linux 6.6). */
  bpfLoadIngress(instructions: Uint8Array): number;
  /** Attaches such a program behind those that are there; it is gone when the descriptor is closed. */
  bpfLinkIngress(program: number, ifindex: number): number;
}

/** Flags of xdpBind (if_xdp.h). A socket with a shared UMEM takes none. */
export const XdpBind = { COPY: 2, ZEROCOPY: 4, NEED_WAKEUP: 8 } as const;

/** Flags of bpfLinkXdp (if_link.h): where the kernel runs the program. */
export const XdpMode = { SKB: 2, DRIVER: 4 } as const;

export const BpfMap = { HASH: 1, XSK: 17 } as const;

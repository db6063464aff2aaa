/**
 * Packets on their way from a worker to the main thread, for `grebe capture`: a ring in shared memory with one
 * writer (the worker's CaptureTap) and one reader (the main thread's CaptureSession). A packet for which there
 * is no room is counted and left out; the worker never waits.
 */

/** Words of the control block. */
export const CaptureWord = {
  /** 1 while somebody captures. Written by the main thread, as are the four that follow. */
  ACTIVE: 0,
  /** Most bytes taken of a frame. */
  SNAPLEN: 1,
  /** Index of the only tunnel whose packets are taken, or −1. */
  TUNNEL: 2,
  /** Number of the only verdict taken, or one of CaptureVerdicts. */
  VERDICT: 3,
  /** CaptureDirection bits. */
  DIRECTIONS: 4,
  /** Byte of the ring at which the next record is written (by the worker) and read (by the main thread). */
  HEAD: 5,
  TAIL: 6,
  /** Packets that found no room. Written by the worker. */
  LOST: 7,
} as const;

export const CaptureVerdicts = { ANY: 0, DROPPED: -1, DELIVERED: -2 } as const;

/** As received, before anything is changed; as sent. */
export const CaptureDirection = { IN: 1, OUT: 2 } as const;

const CONTROL_BYTES = 64;
const RING_BYTES = 2 << 20;

/** Words of a record, which the frame's bytes follow; records begin at multiples of 8 bytes. */
const Field = {
  /** Bytes of the record, header included; 0: the next record is at the ring's start. */
  SIZE: 0,
  CAPTURED: 1,
  ORIGINAL: 2,
  LINK: 3,
  SIDE: 4,
  DIRECTION: 5,
  VERDICT: 6,
  TUNNEL_IN: 7,
  TUNNEL_OUT: 8,
  GENERATION: 9,
  /** A double: milliseconds since 1970. */
  TIME: 10,
} as const;
const RECORD_BYTES = 48;

/** What both ends share: structured-cloneable. */
export interface SharedCapture {
  readonly memory: SharedArrayBuffer;
}

/** Memory for one worker; its pages cost nothing until packets are captured. */
export function createCapture(): SharedCapture {
  return { memory: new SharedArrayBuffer(CONTROL_BYTES + RING_BYTES) };
}

/** Everything about a captured frame but its bytes. */
export interface CaptureRecord {
  /** Bytes of the frame on its device. */
  originalLength: number;
  linkType: number;
  /** Side.UNDERLAY or OVERLAY. */
  side: number;
  direction: number;
  verdict: number;
  /** Tunnels by index in the tables of `generation`; −1: none. */
  tunnelIn: number;
  tunnelOut: number;
  /** The configuration under which the packet was handled, as the daemon counts them. */
  generation: number;
  /** Milliseconds since 1970. */
  timeMs: number;
}

export class CaptureRing {
  readonly control: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly words: Int32Array;
  private readonly times: Float64Array;

  constructor({ memory }: SharedCapture) {
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.bytes = new Uint8Array(memory, CONTROL_BYTES);
    this.words = new Int32Array(memory, CONTROL_BYTES);
    this.times = new Float64Array(memory, CONTROL_BYTES);
  }

  /** Writes a frame's record: source[start…] of `length` bytes. For the worker. */
  put(record: CaptureRecord, source: Uint8Array, start: number, length: number): void {
    const { control, words } = this;
    const size = RECORD_BYTES + Math.ceil(length / 8) * 8;
    const at = this.room(size);
    if (at < 0) {
      Atomics.add(control, CaptureWord.LOST, 1);
      return;
    }
    const w = at >> 2;
    words[w + Field.SIZE] = size;
    words[w + Field.CAPTURED] = length;
    words[w + Field.ORIGINAL] = record.originalLength;
    words[w + Field.LINK] = record.linkType;
    words[w + Field.SIDE] = record.side;
    words[w + Field.DIRECTION] = record.direction;
    words[w + Field.VERDICT] = record.verdict;
    words[w + Field.TUNNEL_IN] = record.tunnelIn;
    words[w + Field.TUNNEL_OUT] = record.tunnelOut;
    words[w + Field.GENERATION] = record.generation;
    this.times[(w + Field.TIME) >> 1] = record.timeMs;
    this.bytes.set(source.subarray(start, start + length), at + RECORD_BYTES);
    Atomics.store(control, CaptureWord.HEAD, (at + size) % RING_BYTES);
  }

  /** Takes the oldest record into `record` and answers a copy of its frame; null when there is none. */
  take(record: CaptureRecord): Uint8Array | null {
    const { control, words } = this;
    const head = Atomics.load(control, CaptureWord.HEAD);
    let at = Atomics.load(control, CaptureWord.TAIL);
    if (at === head) return null;
    if (words[at >> 2] === 0) at = 0;
    const w = at >> 2;
    record.originalLength = words[w + Field.ORIGINAL]!;
    record.linkType = words[w + Field.LINK]!;
    record.side = words[w + Field.SIDE]!;
    record.direction = words[w + Field.DIRECTION]!;
    record.verdict = words[w + Field.VERDICT]!;
    record.tunnelIn = words[w + Field.TUNNEL_IN]!;
    record.tunnelOut = words[w + Field.TUNNEL_OUT]!;
    record.generation = words[w + Field.GENERATION]!;
    record.timeMs = this.times[(w + Field.TIME) >> 1]!;
    const start = at + RECORD_BYTES;
    const bytes = Uint8Array.from(this.bytes.subarray(start, start + words[w + Field.CAPTURED]!));
    Atomics.store(control, CaptureWord.TAIL, (at + words[w + Field.SIZE]!) % RING_BYTES);
    return bytes;
  }

  /** Forgets what was not read. For the reader, when nobody captures. */
  clear(): void {
    const { control } = this;
    Atomics.store(control, CaptureWord.TAIL, Atomics.load(control, CaptureWord.HEAD));
    Atomics.store(control, CaptureWord.LOST, 0);
  }

  /** Where a record of this size may be written, all of it in one piece; −1: nowhere. */
  private room(size: number): number {
    const head = Atomics.load(this.control, CaptureWord.HEAD);
    const tail = Atomics.load(this.control, CaptureWord.TAIL);
    // Head never catches up with tail: equal means empty.
    if (head < tail) return head + size < tail ? head : -1;
    if (head + size < RING_BYTES || (head + size === RING_BYTES && tail > 0)) return head;
    if (size >= tail) return -1;
    this.words[head >> 2] = 0;
    return 0;
  }
}

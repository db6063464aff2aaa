/** Arguments for the addon's functions: right ones, nearly right ones, and nonsense, from a seed. */
import { openSync } from 'node:fs';
import { LAYOUT_WORDS, LayoutField, RING_WORDS } from '../../src/device/af-xdp/layout.js';
import { loadAddon, type Addon } from '../../src/device/native/addon.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import type { Prng } from '../fuzz/prng.js';
import type { Kind } from './signatures.js';

/** Bytes that lie on both sides of what a function is given, and must stay as they are. */
const MARGIN = 256;
const CANARY = 0xc5;

interface Guarded {
  readonly whole: Uint8Array;
  readonly from: number;
  readonly to: number;
}

const NONSENSE: readonly unknown[] = [
  undefined,
  null,
  true,
  NaN,
  Infinity,
  -Infinity,
  -1,
  0.5,
  2 ** 31,
  -(2 ** 31),
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  -(2 ** 63),
  10n,
  '',
  'x'.repeat(10_000),
  '\ud800',
  Symbol('x'),
  {},
  [],
  [1, 2, 3],
  () => undefined,
  new ArrayBuffer(16),
  new SharedArrayBuffer(16),
  new DataView(new ArrayBuffer(16)),
  new Float32Array(4),
  new BigInt64Array(4),
  new Uint8ClampedArray(4),
  new Int32Array(0),
  new Uint8Array(0),
];

const INTEGERS = [
  0,
  1,
  2,
  3,
  4,
  8,
  10,
  16,
  17,
  47,
  58,
  64,
  255,
  256,
  263,
  283,
  4096,
  65_535,
  65_536,
  1 << 30,
];
const EDGES = [-1, -2, -4096, 0x7fffffff, -0x80000000, 0xffffffff];
const TEXTS = [
  '',
  'lo',
  'fuzz0',
  'fuzz%d',
  'no-such-name',
  'äöü',
  'x'.repeat(15),
  'x'.repeat(16),
  '../../x',
  '%s%n',
];
const PATHS = ['/dev/net/tun', '/dev/null', '/no/such/path', '', '/', '/proc/self/mem'];

export class HostileValues {
  private readonly addon: Addon = loadAddon();
  private readonly guards: Guarded[] = [];
  private readonly pool = PacketPool.create({ slots: 64 });
  private victims: number[] = [];
  /** The length of the last bytes, for what refers to them. */
  private room = 0;

  constructor(private prng: Prng) {}

  /** Goes on with other random numbers. */
  continueWith(prng: Prng): void {
    this.prng = prng;
  }

  /** Arguments of these kinds, now and then one too few. */
  list(kinds: readonly Kind[]): unknown[] {
    this.guards.length = 0;
    this.room = 0;
    const values = kinds.map((kind) =>
      this.prng.chance(0.06) ? this.nonsense(kind) : this.pinned(this.value(kind)),
    );
    return this.prng.chance(0.03) ? values.slice(0, -1) : values;
  }

  /** Whether every byte beside the arrays of the last list is what it was. */
  isIntact(): boolean {
    return this.guards.every(({ whole, from, to }) =>
      whole.every((byte, i) => (i >= from && i < to) || byte === CANARY),
    );
  }

  /** Closes what was opened for the functions to work on. */
  close(): void {
    for (const fd of this.victims.splice(0)) {
      try {
        this.addon.closeDescriptor(fd);
      } catch {
        // One of the functions under test has closed it.
      }
    }
  }

  /** Arrays over shared memory pinned as often as not. */
  private pinned(value: unknown): unknown {
    const isArray = value instanceof Int32Array || value instanceof Uint8Array;
    if (!isArray || !(value.buffer instanceof SharedArrayBuffer) || this.prng.chance(0.5)) return value;
    return this.addon.pin(value);
  }

  /** Of a time only what is no number: some numbers are for ever. */
  private nonsense(kind: Kind): unknown {
    const value = this.prng.pick(NONSENSE);
    return kind === 'ms' && typeof value === 'number' ? 'x' : value;
  }

  private value(kind: Kind): unknown {
    const { prng } = this;
    switch (kind) {
      case 'fd':
        return prng.chance(0.1) ? prng.pick([-1, 1 << 20, 0x7fffffff]) : prng.pick(this.descriptors());
      case 'fds':
        return this.array(prng.between(0, 70), () => prng.pick([...this.descriptors(), -1, 1 << 20]));
      case 'int':
        return prng.chance(0.2) ? prng.pick(EDGES) : prng.pick(INTEGERS);
      case 'count':
        return prng.chance(0.1) ? prng.pick([...EDGES, ...INTEGERS]) : prng.between(0, 20);
      case 'ms':
        return prng.pick([0, 0, 0, 0.3, 1]);
      case 'bytes':
        return this.bytes(prng.pick([0, 1, 4, 8, 16, 20, 28, 64, 110, 1000, 5000]));
      case 'pool':
        this.room = this.pool.bytes.length;
        return prng.chance(0.05) ? this.bytes(65_536) : this.pool.bytes;
      case 'page':
        return prng.chance(0.2) ? this.value('int') : prng.between(0, 40) * 4096;
      case 'words':
        return this.array(prng.pick([0, 1, 5, 16, 64, 300]), () => this.word());
      case 'pieces':
        // Half of the packets are in one piece.
        return this.array(4 * prng.between(0, 40), (i) =>
          i % 4 === 3 && prng.chance(0.5) ? 0 : i % 2 === 0 ? this.offset() : this.length(),
        );
      case 'spans':
        return this.array(2 * prng.between(0, 40), (i) => (i % 2 === 0 ? this.offset() : this.length()));
      case 'gather':
        return this.array(prng.between(0, 60), (i) =>
          i % 3 === 0
            ? prng.chance(0.9)
              ? 1
              : prng.pick(EDGES)
            : i % 3 === 1
              ? this.offset()
              : this.length(),
        );
      case 'layout':
        return this.layout();
      case 'ring':
        return this.ring();
      case 'frame-ring':
        return this.frameRing();
      default:
        return this.other(kind);
    }
  }

  private other(kind: Kind): unknown {
    const { prng } = this;
    switch (kind) {
      case 'numbers':
        return new Float64Array(prng.between(0, 10));
      case 'text':
        return prng.pick(TEXTS);
      case 'path':
        return prng.pick(PATHS);
      case 'texts':
        return Array.from({ length: prng.between(0, 4) }, () => prng.pick<unknown>([...TEXTS, 5]));
      case 'callback':
        return () => undefined;
      case 'mask':
        return 0xffffffff;
      default:
        return prng.pick(NONSENSE);
    }
  }

  private word(): number {
    const { prng } = this;
    return prng.chance(0.5)
      ? prng.between(0, 100)
      : prng.chance(0.5)
        ? prng.pick(EDGES)
        : prng.between(-(2 ** 31), 2 ** 31 - 1);
  }

  private offset(): number {
    return this.prng.chance(0.05) ? this.word() : this.prng.between(0, this.room + 2);
  }

  private length(): number {
    return this.prng.chance(0.05) ? this.word() : this.prng.between(0, Math.min(this.room, 2000));
  }

  /** A layout that lies in the pool, most of the time with something wrong. */
  private layout(): Int32Array {
    const { prng } = this;
    const layout = new Int32Array(LAYOUT_WORDS);
    layout[LayoutField.FD] = prng.pick(this.descriptors());
    layout[LayoutField.PORT] = prng.between(0, 1);
    layout[LayoutField.PORTS] = 2;
    layout[LayoutField.SHIFT] = 11;
    layout[LayoutField.CHUNKS] = 16;
    for (let ring = 0; ring < 4; ring++) {
      const at = 65_536 + ring * 4096;
      layout.set([at, at + 64, at + 128, at + 192, 64], LayoutField.RINGS + ring * RING_WORDS);
    }
    // Rings and control area hold what was there before: anything.
    for (let i = 0; i < 20; i++) {
      const area = prng.chance(0.5) ? 65_536 : 32_768;
      this.pool.words[(area >> 2) + prng.between(0, 4095)] = this.word();
    }
    this.pool.words[32_768 >> 2] = 0;
    if (prng.chance(0.5)) layout[prng.between(0, LAYOUT_WORDS - 1)] = this.word();
    return this.array(prng.chance(0.05) ? prng.between(0, LAYOUT_WORDS) : LAYOUT_WORDS, (i) => layout[i]!);
  }

  /** The state of a ring whose blocks hold numbers that point anywhere. */
  private ring(): Int32Array {
    const { prng } = this;
    const block = prng.between(0, 3);
    const state = [65_536, 4096, 4, block, prng.between(-1, 3), prng.between(0, 4096)];
    const at = (65_536 + block * 4096) >> 2;
    for (let i = 0; i < 1024; i++)
      this.pool.words[at + i] = prng.chance(0.7) ? prng.between(0, 300) : this.word();
    this.pool.words[at + 2] = prng.between(0, 1);
    if (prng.chance(0.3)) state[prng.between(0, 5)] = this.word();
    return this.array(prng.chance(0.05) ? prng.between(0, 6) : 6, (i) => state[i]!);
  }

  /** The same of a ring of frames. */
  private frameRing(): Int32Array {
    const { prng } = this;
    const frameBytes = prng.pick([64, 192, 1728, 4096]);
    const frames = prng.between(7, Math.max(7, Math.floor(16_384 / frameBytes)));
    const state = [65_536, frameBytes, frames, prng.between(0, 8), prng.between(0, 8), 0, 0];
    for (let at = 65_536; at < 65_536 + 4 * 4096; at += 64) {
      // Status, length, length that is there, place of the link header.
      this.pool.words[at >> 2] = prng.between(0, 1);
      this.pool.words[(at >> 2) + 1] = prng.chance(0.7) ? prng.between(0, 2000) : this.word();
      this.pool.words[(at >> 2) + 2] = prng.chance(0.7) ? prng.between(0, 2000) : this.word();
      this.pool.words[(at >> 2) + 3] = prng.chance(0.7) ? prng.between(0, 300) : this.word();
    }
    if (prng.chance(0.3)) state[prng.between(0, 4)] = this.word();
    return this.array(prng.chance(0.05) ? prng.between(0, 6) : 7, (i) => state[i]!);
  }

  private bytes(length: number): Uint8Array {
    const size = length + 2 * MARGIN;
    const memory = this.prng.chance(0.5) ? new SharedArrayBuffer(size) : new ArrayBuffer(size);
    const whole = new Uint8Array(memory).fill(CANARY);
    this.guards.push({ whole, from: MARGIN, to: MARGIN + length });
    this.room = length;
    const bytes = whole.subarray(MARGIN, MARGIN + length);
    for (let i = 0; i < length; i++) bytes[i] = this.prng.between(0, 255);
    return bytes;
  }

  private array(length: number, fill: (i: number) => number): Int32Array {
    const room = this.room;
    const bytes = this.bytes(length * 4);
    this.room = room;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, length);
    for (let i = 0; i < length; i++) words[i] = fill(i);
    return words;
  }

  /** Descriptors of all kinds; some are closed by the functions under test, so that there are new ones now and then. */
  private descriptors(): number[] {
    if (this.victims.length > 0 && this.prng.chance(0.999)) return this.victims;
    this.close();
    const { addon } = this;
    const open = [
      () => openSync('/dev/null', 'r+'),
      () => openSync('/proc/self/status', 'r'),
      () => addon.openSocket(2, 2, 0),
      () => addon.openSocket(10, 3, 47),
      () => addon.openSocket(17, 3, 0),
      () => addon.netlinkOpen(65_536),
      () => addon.icmpOpen(4, 65_536),
      () => addon.echoReplyOpen(0x67726562, 65_536),
      () => addon.eventfd(),
      () => addon.xdpSocket(),
      () => addon.xdpMemory(11, 16, 2),
      () => addon.bpfMapCreate(1, 4, 4, 8),
      () => addon.bpfMapCreate(17, 4, 4, 8),
      () => addon.tunOpen('/dev/net/tun', 'victim%d', 0x1001).fd,
    ];
    this.victims = open.flatMap((make) => {
      try {
        return [make()];
      } catch {
        return []; // not for this user, or not in this kernel
      }
    });
    return this.victims;
  }
}

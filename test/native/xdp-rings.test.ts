/**
 * The bookkeeping of AF_XDP's chunks, with a test in the place of the kernel: whatever is received, sent, copied
 * and given up by however many ports, each chunk is always in exactly one place.
 */
import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'tap';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import {
  HELD_MAXIMUM,
  LAYOUT_WORDS,
  LayoutField,
  pageAligned,
  RING_WORDS,
  umemBytes,
} from '../../src/device/af-xdp/layout.js';
import { loadAddon } from '../../src/device/native/addon.js';

const addon = loadAddon();
const SHIFT = 11;
const CHUNKS = 96;
const PORTS = 2;
const ENTRIES = 32;
/** Words of the control area (native/src/xdp.h). */
const FREE_COUNT = 1;
const STACK = 16;
const HOLDERS = STACK + CHUNKS;
const HELD = HOLDERS + CHUNKS;
const HELD_WORDS = 272;

/** A ring in plain memory: indices in its first words, entries of one or two 64-bit words. */
class Ring {
  constructor(
    private readonly words: Int32Array,
    readonly at: number,
    private readonly entryWords: 2 | 4,
  ) {}

  get layout(): readonly number[] {
    return [this.at, this.at + 64, this.at + 128, this.at + 192, ENTRIES];
  }

  get filled(): number {
    return (this.words[this.at >> 2]! - this.words[(this.at + 64) >> 2]!) | 0;
  }

  /** Entries from the oldest on: address, and length when there is one. */
  list(): { address: number; length: number }[] {
    const first = this.words[(this.at + 64) >> 2]!;
    return Array.from({ length: this.filled }, (_, i) => {
      const entry = this.entry(first + i);
      return { address: this.words[entry]!, length: this.words[entry + 2]! };
    });
  }

  take(): { address: number; length: number } {
    const [entry] = this.list();
    this.words[(this.at + 64) >> 2]! += 1;
    return entry!;
  }

  put(address: number, length: number): void {
    const entry = this.entry(this.words[this.at >> 2]!);
    this.words[entry] = address;
    this.words[entry + 1] = 0;
    if (this.entryWords === 4) this.words[entry + 2] = length;
    this.words[this.at >> 2]! += 1;
  }

  private entry(index: number): number {
    return ((this.at + 192) >> 2) + (index & (ENTRIES - 1)) * this.entryWords;
  }
}

class Umem {
  readonly pool = PacketPool.create({ slots: 4, stagingBytes: 1 << 19 });
  readonly start = pageAligned(this.pool.stagingOffset);
  readonly fill = this.ring(0, 2);
  readonly completion = this.ring(1, 2);
  readonly rx = [this.ring(2, 4), this.ring(3, 4)];
  readonly tx = [this.ring(4, 4), this.ring(5, 4)];
  readonly layouts = [0, 1].map((port) => {
    const layout = new Int32Array(LAYOUT_WORDS);
    const { FD, PORT, PORTS: ports, UMEM, SHIFT: shift, CHUNKS: chunks, RINGS } = LayoutField;
    for (const [field, value] of [
      [FD, -1],
      [PORT, port],
      [ports, PORTS],
      [UMEM, this.start],
      [shift, SHIFT],
      [chunks, CHUNKS],
    ] as const)
      layout[field] = value;
    for (const [i, ring] of [this.rx[port]!, this.tx[port]!, this.fill, this.completion].entries())
      layout.set(ring.layout, RINGS + i * RING_WORDS);
    return layout;
  });
  readonly offsets = new Int32Array(64);
  readonly lengths = new Int32Array(64);
  private readonly control = (this.start + (CHUNKS << SHIFT)) >> 2;

  constructor() {
    const { words } = this.pool;
    words[this.control + FREE_COUNT] = CHUNKS;
    for (let i = 0; i < CHUNKS; i++) words[this.control + STACK + i] = i;
  }

  private ring(number: number, entryWords: 2 | 4): Ring {
    const end = this.start + umemBytes({ shift: SHIFT, chunks: CHUNKS, ports: PORTS });
    return new Ring(this.pool.words, end + number * 4096, entryWords);
  }

  /** All places in which a chunk can be, as lists of chunk numbers. */
  places(): number[][] {
    const { words } = this.pool;
    const { control } = this;
    const chunkOf = ({ address }: { address: number }): number => address >> SHIFT;
    const held = [0, 1].map((port) => {
      const at = control + HELD + port * HELD_WORDS;
      const list = [...words.subarray(at + 1, at + 1 + words[at]!)];
      return list.filter((chunk) => words[control + HOLDERS + chunk] === port + 1);
    });
    const free = words.subarray(control + STACK, control + STACK + words[control + FREE_COUNT]!);
    const rings = [this.fill, this.completion, ...this.rx, ...this.tx];
    return [[...free], ...held, ...rings.map((ring) => ring.list().map(chunkOf))];
  }

  receive(port: number, limit: number): number {
    const { pool, layouts, offsets, lengths } = this;
    return addon.xdpReceive(pool.bytes, layouts[port]!, offsets, lengths, limit, 8);
  }

  /** Sends frames, some of which lie in the chunks received last; returns how many were taken. */
  transmit(port: number, frames: readonly (readonly [number, number])[]): number {
    const spans = Int32Array.from(frames.flatMap(([offset, length]) => [offset, length, 0, 0]));
    return addon.xdpTransmit(this.pool.bytes, this.layouts[port]!, spans, 0, frames.length);
  }

  /** As the kernel: packets for a port, in chunks from the fill ring. */
  arrive(port: number, count: number): void {
    for (let i = 0; i < count && this.fill.filled > 0 && this.rx[port]!.filled < ENTRIES; i++)
      this.rx[port]!.put(this.fill.take().address + 258, 60 + i);
  }

  /** As the kernel: sends what a port has queued. */
  depart(port: number, count: number): void {
    for (let i = 0; i < count && this.tx[port]!.filled > 0 && this.completion.filled < ENTRIES; i++)
      this.completion.put(this.tx[port]!.take().address, 0);
  }
}

const operation = fc.record({
  kind: fc.constantFrom('arrive', 'receive', 'send back', 'send others', 'depart'),
  port: fc.integer({ min: 0, max: 1 }),
  count: fc.integer({ min: 0, max: 40 }),
});

test('each chunk is in one place, whatever happens', async (t) => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
      const umem = new Umem();
      const received = [0, 0];
      for (const { kind, port, count } of operations) {
        if (kind === 'arrive') umem.arrive(port, count);
        else if (kind === 'depart') umem.depart(port, count);
        else if (kind === 'receive') received[port] = umem.receive(port, count);
        else if (kind === 'send back') {
          // Twice each: the second of the two is no longer the port's, and copied.
          const frames = Array.from(
            { length: Math.min(count, received[port]!) },
            (_, i) => [umem.offsets[i]! - 4, umem.lengths[i]!] as const,
          );
          umem.transmit(port, [...frames, ...frames]);
        } else {
          umem.transmit(
            port,
            Array.from({ length: count }, (_, i) => [i * 16, i] as const),
          );
        }
        const chunks = umem.places().flat();
        if (chunks.length !== CHUNKS || new Set(chunks).size !== CHUNKS) return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass('300 histories');
});

test('what is sent is what was in the frame: in place when the port holds it, copied otherwise', async (t) => {
  const umem = new Umem();
  const { pool, tx } = umem;
  t.equal(umem.receive(0, 64), 0, 'fills the fill ring');
  t.equal(umem.fill.filled, ENTRIES);
  umem.arrive(0, 2);
  t.equal(umem.receive(0, 64), 2);
  const [held] = umem.offsets;
  t.equal(held! % 4, 2, 'an Ethernet header before an aligned IP header');
  pool.bytes.fill(7, held, held! + 60);
  pool.bytes.fill(9, 100, 160);
  t.equal(
    umem.transmit(0, [
      [held!, 60],
      [100, 60],
      [held!, 60],
    ]),
    3,
  );
  const [first, second, third] = tx[0]!.list().map(({ address }) => umem.start + address);
  t.equal(first, held);
  t.ok(second! > umem.start && third! > umem.start && second !== held && third !== held);
  t.ok(pool.bytes.subarray(second, second! + 60).every((byte) => byte === 9));
  t.ok(pool.bytes.subarray(third, third! + 60).every((byte) => byte === 7));
});

test('a full ring takes no more, and says so', async (t) => {
  const umem = new Umem();
  const frames = Array.from({ length: ENTRIES + 8 }, () => [0, 60] as const);
  t.equal(umem.transmit(0, frames), ENTRIES);
  t.ok(umem.transmit(0, frames) < 0);
  umem.depart(0, 5);
  t.equal(umem.transmit(0, frames), 5);
});

test('what lies outside of the pool is refused', async (t) => {
  const umem = new Umem();
  const { pool, layouts } = umem;
  for (const frame of [
    [-1, 60],
    [pool.bytes.length - 10, 60],
    [0, 2049],
    [0, -1],
    [0x7fffffff, 0x7fffffff],
  ] as const)
    t.throws(() => umem.transmit(0, [frame]), RangeError);
  for (let word = LayoutField.PORT; word < LAYOUT_WORDS; word++) {
    const layout = Int32Array.from(layouts[0]!);
    layout[word] = 0x7ffffffc;
    const { offsets, lengths } = umem;
    t.throws(() => addon.xdpReceive(pool.bytes, layout, offsets, lengths, 64, 0), RangeError, `word ${word}`);
  }
  t.throws(() => umem.receive(0, 65), RangeError);
  t.throws(() => umem.receive(0, HELD_MAXIMUM + 1), RangeError);
});

test('kernel memory goes over whole pages of a WebAssembly memory only', async (t) => {
  const { pool } = new Umem();
  const memory = addon.xdpMemory(SHIFT, CHUNKS, PORTS);
  t.teardown(() => closeSync(memory));
  const bytes = umemBytes({ shift: SHIFT, chunks: CHUNKS, ports: PORTS });
  t.equal(fstatSync(memory).size, bytes, 'TypeScript and C agree about its size');
  const plain = new Uint8Array(1 << 20);
  const page = 4096 - (plain.byteOffset % 4096);
  t.throws(() => addon.xdpMapMemory(plain, 0, bytes, memory), RangeError);
  t.throws(() => addon.xdpMapMemory(plain.subarray(page), 0, bytes, memory), RangeError);
  t.throws(
    () => addon.xdpMapMemory(new Uint8Array(new SharedArrayBuffer(1 << 20)), 0, bytes, memory),
    RangeError,
  );
  t.throws(() => addon.xdpMapMemory(pool.bytes, 100, bytes, memory), RangeError);
  t.throws(() => addon.xdpMapMemory(pool.bytes, 0, bytes + 1, memory), RangeError);
  t.throws(() => addon.xdpMapMemory(pool.bytes, 0, bytes + 65_536, memory), { code: 'EBADF' });
  t.throws(() => addon.xdpMapMemory(pool.bytes, 0, bytes, -1), { code: 'EBADF' });

  addon.xdpMapMemory(pool.bytes, 0, bytes, memory);
  const other = PacketPool.create({ slots: 256 });
  addon.xdpMapMemory(other.bytes, 65_536, bytes, memory);
  pool.bytes[5] = 55;
  t.equal(other.bytes[65_541], 55, 'two pools see the same memory');
  addon.poolUnmap(pool.bytes, 0, bytes);
  t.equal(pool.bytes[5], 0);
  t.equal(other.bytes[65_541], 55);
});

test('the words of a layout are those of C', async (t) => {
  const header = readFileSync(fileURLToPath(new URL('../../../native/src/xdp.h', import.meta.url)), 'utf8');
  const names = /enum \{\s+(LAYOUT_FD,[^}]+)\}/.exec(header)![1]!;
  const first = [...names.matchAll(/^ *LAYOUT_([A-Z]+),/gm)].map(([, name]) => name);
  t.strictSame(first, ['FD', 'PORT', 'PORTS', 'UMEM', 'SHIFT', 'CHUNKS', 'RX']);
  t.strictSame(
    [LayoutField.FD, LayoutField.PORT, LayoutField.PORTS, LayoutField.UMEM, LayoutField.SHIFT],
    [0, 1, 2, 3, 4],
  );
  t.strictSame([LayoutField.CHUNKS, LayoutField.RINGS], [5, 6]);
});

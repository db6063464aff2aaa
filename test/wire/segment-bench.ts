/** Splitter and joiner in a memory of their own, with packets as arrays outside: for tests. */
import { createJoiner, type Joiner } from '../../src/wire/join.js';
import { payloadKernels } from '../../src/wire/payload.js';
import { createSplitter, FrameKind, type Splitter } from '../../src/wire/split.js';
import { wasm } from '../../src/wire/webassembly.js';
import type { LargeFrame } from './segment-model.js';

const PAGES = 128;
/** Most packets of one run. */
const PACKETS = 2304;
/** Where frames lie, packets to join, and packets that were cut. */
const FRAME_AT = 1024;
const INPUT_AT = 131_072;
const OUTPUT_AT = 4_194_304;
const VIRTIO = 12;

const memory = new wasm.Memory({ initial: PAGES, maximum: PAGES, shared: true });
export const bytes = new Uint8Array(memory.buffer);
const kernels = payloadKernels(memory);
const view = new DataView(memory.buffer);

export type Link = 0 | 14;

/** Where the splitters below leave payload. */
const bodies = { bodyOffset: new Int32Array(300), bodyLength: new Int32Array(300) };
const leaving = {
  0: createSplitter(bytes, kernels, false, bodies),
  14: createSplitter(bytes, kernels, true, bodies),
};
const splitters = { 0: createSplitter(bytes, kernels, false), 14: createSplitter(bytes, kernels, true) };
const joiners = {
  0: createJoiner(bytes, kernels, { packets: PACKETS, ethernet: false, udp: true }),
  14: createJoiner(bytes, kernels, { packets: PACKETS, ethernet: true, udp: true }),
};

export function splitterOf(link: Link): Splitter {
  return splitters[link];
}

export function joinerWith(options: { ethernet: boolean; udp: boolean }): Joiner {
  return createJoiner(bytes, kernels, { packets: PACKETS, ...options });
}

/** The frames that these packets become. `gap`: bytes between packets in memory, which shifts alignment. */
export function joinAll(
  packets: readonly Uint8Array[],
  link: Link,
  gap = 64,
  joiner = joiners[link],
): LargeFrame[] {
  joiner.reset();
  let at = INPUT_AT;
  for (const packet of packets) {
    at += gap;
    bytes.set(packet, at);
    joiner.add(at, packet.length);
    at += packet.length;
  }
  const count = joiner.finish();
  const frames: LargeFrame[] = [];
  for (let i = 0, word = 0; i < count; i++) {
    const pieces: Uint8Array[] = [];
    const number = joiner.gather[word++]!;
    for (let piece = 0; piece < number; piece++, word += 2) {
      const offset = joiner.gather[word]!;
      pieces.push(bytes.slice(offset, offset + joiner.gather[word + 1]!));
    }
    frames.push(frameOf(new Uint8Array(Buffer.concat(pieces))));
  }
  return frames;
}

function frameOf(all: Uint8Array): LargeFrame {
  const header = new DataView(all.buffer, all.byteOffset);
  return {
    flags: all[0]!,
    type: all[1]!,
    headerLength: header.getUint16(2, true),
    size: header.getUint16(4, true),
    start: header.getUint16(6, true),
    field: header.getUint16(8, true),
    bytes: all.slice(VIRTIO),
  };
}

/** Places a frame with its virtio-net header; returns where the frame begins. */
export function placeFrame(frame: LargeFrame, at = FRAME_AT): number {
  const header = at - VIRTIO;
  bytes[header] = frame.flags;
  bytes[header + 1] = frame.type;
  view.setUint16(header + 2, frame.headerLength, true);
  view.setUint16(header + 4, frame.size, true);
  view.setUint16(header + 6, frame.start, true);
  view.setUint16(header + 8, frame.field, true);
  view.setUint16(header + 10, 0, true);
  bytes.set(frame.bytes, at);
  return at;
}

/**
 * The packets that a frame becomes, taken in portions of at most `portion` (300); null when it is refused.
 *
 * @param inPieces payload stays in the frame, from where it is taken here
 */
export function splitFrame(
  frame: LargeFrame,
  link: Link,
  portion = 256,
  inPieces = false,
): Uint8Array[] | null {
  const at = placeFrame(frame, FRAME_AT + (link & 2));
  const splitter = inPieces ? leaving[link] : splitters[link];
  const kind = splitter.begin(at - VIRTIO, at, frame.bytes.length);
  if (kind === FrameKind.INVALID) return null;
  if (kind === FrameKind.WHOLE) return [bytes.slice(at, at + frame.bytes.length)];
  const packets: Uint8Array[] = [];
  const offsets = new Int32Array(portion);
  const lengths = new Int32Array(portion);
  while (splitter.left() > 0) {
    const step = (splitter.left() + 64) & ~3;
    const fits = Math.min(portion, Math.floor((bytes.length - OUTPUT_AT) / step));
    const taken = splitter.take(offsets, lengths, 0, fits, OUTPUT_AT + (link & 2), step);
    for (let i = 0; i < taken; i++) {
      const packet = bytes.slice(offsets[i], offsets[i]! + lengths[i]!);
      if (inPieces) {
        const from = bodies.bodyOffset[i]!;
        const body = bytes.subarray(from, from + bodies.bodyLength[i]!);
        packet.set(body, packet.length - body.length);
      }
      packets.push(packet);
    }
  }
  return packets;
}

/**
 * One frame being mutated: its bytes in a buffer with room to grow, and where its layers lie. Repair makes
 * lengths and checksums right again, so that a mutation of one thing is seen by itself.
 */
import { LayerKind, type LayerKindNumber } from './layers.js';
import type { Template } from './shapes.js';

/** Largest frame: the largest IP packet, link header, and what mutation adds. */
const CAPACITY = 70_000;
/** No frame handed out is longer. */
export const LARGEST_FRAME = 66_000;
const MOST_LAYERS = 64;

export class Mutant {
  readonly bytes = new Uint8Array(CAPACITY);
  length = 0;
  link = 0;
  isOverlay = false;
  /** Layers, outermost first: kind, offset, header length. */
  layers = 0;
  readonly kind = new Int32Array(MOST_LAYERS);
  readonly at = new Int32Array(MOST_LAYERS);
  readonly size = new Int32Array(MOST_LAYERS);

  load(template: Template): void {
    this.bytes.set(template.bytes);
    this.length = template.bytes.length;
    this.link = template.link;
    this.isOverlay = template.side === 'overlay';
    this.layers = template.layers.length;
    for (let i = 0; i < this.layers; i++) {
      const layer = template.layers[i]!;
      this.kind[i] = layer.kind;
      this.at[i] = layer.at;
      this.size[i] = layer.length;
    }
  }

  isKind(layer: number, ...kinds: LayerKindNumber[]): boolean {
    for (const kind of kinds) if (this.kind[layer] === kind) return true;
    return false;
  }

  /** First byte of the innermost layer: all before it is headers. */
  get headersEnd(): number {
    const last = this.layers - 1;
    return Math.min(this.length, this.at[last]! + Math.min(this.size[last]!, 8));
  }

  set16(at: number, value: number): void {
    this.bytes[at] = value >> 8;
    this.bytes[at + 1] = value;
  }

  get16(at: number): number {
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  /** Repeats `count` layers from `first` on, behind themselves; false when there is no room. */
  duplicate(first: number, count: number): boolean {
    const last = first + count - 1;
    const from = this.at[first]!;
    const bytes = this.at[last]! + this.size[last]! - from;
    if (this.layers + count > MOST_LAYERS || this.length + bytes > LARGEST_FRAME) return false;
    if (from + bytes > this.length) return false;
    this.bytes.copyWithin(from + bytes, from, this.length);
    this.length += bytes;
    for (const list of [this.kind, this.at, this.size]) list.copyWithin(first + count, first, this.layers);
    this.layers += count;
    for (let i = first + count; i < this.layers; i++) this.at[i]! += bytes;
    return true;
  }

  /** Takes the layer's bytes out. */
  remove(layer: number): void {
    const from = this.at[layer]!;
    const bytes = Math.min(this.size[layer]!, this.length - from);
    if (bytes <= 0 || this.layers < 2) return;
    this.bytes.copyWithin(from, from + bytes, this.length);
    this.length -= bytes;
    for (const list of [this.kind, this.at, this.size]) list.copyWithin(layer, layer + 1, this.layers);
    this.layers--;
    for (let i = layer; i < this.layers; i++) this.at[i]! -= bytes;
  }

  /** Every IP packet ends where the frame ends. */
  repairLengths(): void {
    for (let i = 0; i < this.layers; i++) {
      const at = this.at[i]!;
      if (this.kind[i] === LayerKind.IPV4) {
        if (this.length - at >= 20) this.set16(at + 2, Math.min(65_535, this.length - at));
      } else if (this.kind[i] === LayerKind.IPV6) {
        if (this.length - at >= 40) this.set16(at + 4, Math.min(65_535, this.length - at - 40));
      }
    }
  }

  /** IPv4 header and GRE checksums, from the inside out. */
  repairChecksums(): void {
    for (let i = this.layers - 1; i >= 0; i--) {
      if (this.kind[i] === LayerKind.IPV4) this.repairIpv4(this.at[i]!);
      else if (this.kind[i] === LayerKind.GRE) this.repairGre(this.at[i]!, this.endOfPacketAround(i));
    }
  }

  private repairIpv4(at: number): void {
    const end = at + (this.bytes[at]! & 15) * 4;
    if (end < at + 20 || end > this.length) return;
    this.set16(at + 10, 0);
    const checksum = ~this.sum(at, end) & 0xffff;
    // Zero has two valid forms; the TTL decides here, so that both are met.
    this.set16(at + 10, checksum === 0 && (this.bytes[at + 8]! & 1) === 1 ? 0xffff : checksum);
  }

  /** Chooses the ID of an IPv4 header so that its checksum becomes `checksum`. */
  aimChecksum(at: number, checksum: number): void {
    const end = at + (this.bytes[at]! & 15) * 4;
    if (end < at + 20 || end > this.length) return;
    this.set16(at + 4, 0);
    this.set16(at + 10, checksum);
    this.set16(at + 4, ~this.sum(at, end));
  }

  private repairGre(at: number, end: number): void {
    if (end - at < 8 || (this.bytes[at]! & 0x80) === 0) return;
    this.set16(at + 4, 0);
    this.set16(at + 4, ~this.sum(at, end));
  }

  private endOfPacketAround(layer: number): number {
    for (let i = layer - 1; i >= 0; i--) {
      const at = this.at[i]!;
      if (this.kind[i] === LayerKind.IPV4) return Math.min(this.length, at + this.get16(at + 2));
      if (this.kind[i] === LayerKind.IPV6) return Math.min(this.length, at + 40 + this.get16(at + 4));
    }
    return this.length;
  }

  private sum(from: number, end: number): number {
    let sum = 0;
    for (let i = from; i + 1 < end; i += 2) sum += (this.bytes[i]! << 8) | this.bytes[i + 1]!;
    if ((end - from) % 2 === 1) sum += this.bytes[end - 1]! << 8;
    while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
    return sum;
  }
}

/**
 * The captures that a replay writes: what was delivered to the overlay, to the underlay, and what was
 * dropped. A window is walked in input order, so a file's packets stand in the order (and with the times)
 * of the packets that they stem from.
 */
import { LinkType } from '../dataplane/link-type.js';
import type { PacketPool } from '../dataplane/packet-pool.js';
import { Side } from '../dataplane/packet-vector.js';
import { FIRST_DROP, VERDICT_LIMIT, verdictEntry } from '../dataplane/verdicts.js';
import type { CaptureWriter } from '../device/capture/base-writer.js';
import { captureFormatFor, createCapture } from '../device/capture/capture-writer.js';
import { MAXIMUM_FRAME_BYTES } from '../device/frame-placer.js';
import { ipOffset, makeLinkHeader, MAX_MADE_HEADER } from './link-header.js';
import type { ReplayResult, Volume } from './result.js';
import type { Window } from './window.js';

/** Names of the files to write; undefined: none. `.pcapng` at the end chooses that format. */
export interface OutputFiles {
  readonly overlay?: string | undefined;
  readonly underlay?: string | undefined;
  /** Always pcapng: the reason stands in each packet's comment. */
  readonly dropped?: string | undefined;
}

/** LINKTYPE_ numbers of the files: of the whole file (pcap) or of its first interface (pcapng). */
export interface OutputLinks {
  readonly overlay: number;
  readonly underlay: number;
}

/** One file of delivered packets. */
class DeliveredFile {
  packets = 0;
  bytes = 0;
  private readonly scratch = new Uint8Array(MAX_MADE_HEADER + MAXIMUM_FRAME_BYTES);

  private constructor(
    readonly writer: CaptureWriter,
    private readonly linkType: number,
  ) {
    // A file without packets has its link type as well.
    writer.interfaceFor(linkType);
  }

  static async create(path: string, linkType: number, resolution: 'micro' | 'nano'): Promise<DeliveredFile> {
    return new DeliveredFile(await createCapture(path, { resolution }), linkType);
  }

  /** Writes a frame; one of another link type than a pcap file's gets a header of the file's type. */
  write(
    seconds: number,
    nanos: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    link: number,
  ): void {
    const { writer } = this;
    if (link === this.linkType || writer.format === 'pcapng') {
      writer.write(seconds, nanos, writer.interfaceFor(link), bytes, offset, length, length);
      this.bytes += length;
    } else {
      const made = this.convert(bytes, offset, length, link);
      writer.write(seconds, nanos, writer.interfaceFor(this.linkType), this.scratch, 0, made, made);
      this.bytes += made;
    }
    this.packets++;
  }

  /** Puts the frame's IP packet behind a made link header into `scratch`; answers its length. */
  private convert(bytes: Uint8Array, offset: number, length: number, link: number): number {
    const ip = offset + Math.max(0, ipOffset(bytes, offset, length, link));
    const header = makeLinkHeader(this.scratch, this.linkType, bytes[ip]! >>> 4 === 6 ? 6 : 4);
    const end = offset + length;
    this.scratch.set(bytes.subarray(ip, end), header);
    return header + (end - ip);
  }
}

/** The file of dropped packets: as they were received, each with its reason. */
class DroppedFile {
  packets = 0;
  bytes = 0;
  private readonly comments = Array.from({ length: VERDICT_LIMIT }, (_, number) => commentOf(number));

  private constructor(readonly writer: CaptureWriter) {}

  static async create(path: string): Promise<DroppedFile> {
    return new DroppedFile(await createCapture(path, { format: 'pcapng' }));
  }

  write(
    seconds: number,
    nanos: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number,
    link: number,
    verdict: number,
  ): void {
    const { writer } = this;
    const comment = this.comments[verdict];
    writer.write(seconds, nanos, writer.interfaceFor(link), bytes, offset, length, originalLength, comment);
    this.packets++;
    this.bytes += length;
  }
}

/** Name, explanation and source of a drop reason, as they stand in a packet comment. */
function commentOf(verdict: number): string {
  const entry = verdictEntry(verdict);
  if (entry === undefined) return `verdict ${verdict}`;
  const rfc = entry.rfc === '' ? '' : ` (${entry.rfc})`;
  return `${entry.name}: ${entry.explanation}${rfc}`;
}

export class Outputs {
  private overlay: DeliveredFile | null = null;
  private underlay: DeliveredFile | null = null;
  private dropped: DroppedFile | null = null;

  private constructor(private readonly bytes: Uint8Array) {}

  /**
   * Starts the files; nothing appears under their names before `commit`.
   * @param resolution of times in pcap files; pcapng always has nanoseconds
   * @throws CaptureError when one cannot be written
   */
  static async open(
    pool: PacketPool,
    files: OutputFiles,
    links: OutputLinks,
    resolution: 'micro' | 'nano',
  ): Promise<Outputs> {
    const outputs = new Outputs(pool.bytes);
    const { overlay, underlay, dropped } = files;
    try {
      if (overlay !== undefined)
        outputs.overlay = await DeliveredFile.create(overlay, links.overlay, resolution);
      if (underlay !== undefined)
        outputs.underlay = await DeliveredFile.create(underlay, links.underlay, resolution);
      if (dropped !== undefined) outputs.dropped = await DroppedFile.create(dropped);
    } catch (error) {
      outputs.abort();
      throw error;
    }
    return outputs;
  }

  /** Writes what came of a window's packets. */
  write(window: Window): void {
    const { order, seconds, nanoseconds, originalLength, vectors } = window;
    const { bytes, dropped } = this;
    const packets = new Int32Array(vectors.length);
    const extras = new Int32Array(vectors.length);
    for (let i = 0; i < window.count; i++) {
      const worker = order[i]!;
      const vector = vectors[worker]!;
      const at = packets[worker]!++;
      const verdict = vector.verdict[at]!;
      const s = seconds[i]!;
      const ns = nanoseconds[i]!;
      if (verdict >= FIRST_DROP) {
        dropped?.write(
          s,
          ns,
          bytes,
          vector.offset[at]!,
          vector.length[at]!,
          originalLength[i]!,
          vector.link[at]!,
          verdict,
        );
      } else if (vector.outLength[at] !== 0) {
        const file = vector.outSide(at) === Side.OVERLAY ? this.overlay : this.underlay;
        file?.write(s, ns, bytes, vector.outOffset[at]!, vector.outLength[at]!, vector.outLink[at]!);
      }
      let extra = extras[worker]!;
      const extraCount = vector.extraCount;
      for (; extra < extraCount && vector.extraParent[extra] === at; extra++) {
        const file = vector.extraSide[extra] === Side.OVERLAY ? this.overlay : this.underlay;
        file?.write(
          s,
          ns,
          bytes,
          vector.extraOffset[extra]!,
          vector.extraLength[extra]!,
          vector.extraLink[extra]!,
        );
      }
      extras[worker] = extra;
    }
  }

  /** Finishes the files and gives them their names: first all are written whole, then all are renamed. */
  commit(): void {
    try {
      for (const file of this.files) file.writer.flush();
      for (const file of this.files) file.writer.commit();
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** Gives up what is not committed; nothing of it stays. */
  abort(): void {
    for (const file of this.files) file.writer.abort();
  }

  get volumes(): ReplayResult['outputs'] {
    return {
      overlay: volumeOf(this.overlay),
      underlay: volumeOf(this.underlay),
      dropped: volumeOf(this.dropped),
    };
  }

  private get files(): (DeliveredFile | DroppedFile)[] {
    return [this.overlay, this.underlay, this.dropped].filter((file) => file !== null);
  }
}

function volumeOf(file: DeliveredFile | DroppedFile | null): Volume | null {
  return file === null ? null : { packets: file.packets, bytes: file.bytes };
}

/**
 * Link types of the delivered files. Overlay: raw IP, or Ethernet when the tunnels carry frames (for a
 * pcap file all packets then have an Ethernet header, made where there was none; pcapng has an interface of
 * each kind). Underlay: that of the first underlay input; raw IPv4 and raw IPv6 become raw IP where
 * packets of both families may leave.
 *
 * @param inputs link types of the underlay inputs, in order
 * @param tunnels mode and outer family (bytes of an endpoint address) of each tunnel
 */
export function outputLinks(
  files: OutputFiles,
  inputs: readonly number[],
  tunnels: readonly { mode: 'gre' | 'gretap' | 'plain'; local: Uint8Array }[],
): OutputLinks {
  const frames = tunnels.filter(({ mode }) => mode === 'gretap').length;
  const isPcap = files.overlay !== undefined && captureFormatFor(files.overlay) === 'pcap';
  const ethernet = frames > 0 && (isPcap || frames === tunnels.length);
  return { overlay: ethernet ? LinkType.ETHERNET : LinkType.RAW, underlay: underlayLink(inputs, tunnels) };
}

function underlayLink(inputs: readonly number[], tunnels: readonly { local: Uint8Array }[]): number {
  const first = inputs[0] ?? LinkType.RAW;
  if (first !== LinkType.IPV4 && first !== LinkType.IPV6) return first;
  const bytes = first === LinkType.IPV4 ? 4 : 16;
  const isOneFamily =
    inputs.every((link) => link === first) && tunnels.every(({ local }) => local.length === bytes);
  return isOneFamily ? first : LinkType.RAW;
}

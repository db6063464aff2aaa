/**
 * Links written down as pcapng, with virtual times: what goes into each of them is an interface of the file. The same
 * run writes the same bytes.
 */
import type { CaptureWriter } from '../../device/capture/base-writer.js';
import { createCapture } from '../../device/capture/capture-writer.js';
import { hashName } from '../../dataplane/ecmp.js';
import { LinkType } from '../../dataplane/link-type.js';
import { putBe16, putBe32 } from '../../wire/bytes.js';
import { ETHERNET_HEADER, EtherType, LONGEST_IP, VLAN_TAG } from '../../wire/protocol.js';
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { LinkCapture } from '../link/link-capture.js';

/** A circuit is shown as what it is, Ethernet. Both ends get addresses made of their names. */
export interface EthernetOptions {
  readonly source: string;
  readonly destination: string;
  /** 802.1Q tag, 1 to 4094; null: none. */
  readonly vlan: number | null;
}

const MILLISECONDS = 1000;
const NANOSECONDS_OF_ONE = 1_000_000;

export class NetworkCapture {
  /**
   * @param writer of a pcapng file
   * @param start wall-clock time of the virtual time 0: milliseconds since 1970
   */
  constructor(
    private readonly writer: CaptureWriter,
    private readonly start: number,
  ) {}

  /** Starts a pcapng file, which appears with `commit`; whoever hears signals has to `abort`. Throws CaptureError. */
  static async create(path: string, start: number): Promise<NetworkCapture> {
    return new NetworkCapture(await createCapture(path, { format: 'pcapng', signals: 'leave' }), start);
  }

  /** Packets written. */
  get packets(): number {
    return this.writer.packets;
  }

  /** An interface of this name for a link (Link.capture, Attachment.captureIn and captureOut): raw IP, or Ethernet. */
  tap(name: string, ethernet: EthernetOptions | null = null): LinkCapture {
    const linkType = ethernet === null ? LinkType.RAW : LinkType.ETHERNET;
    const id = this.writer.addInterface({ linkType, name });
    if (ethernet === null) {
      return { packet: (time, bytes, at, length) => this.write(id, time, bytes, at, length) };
    }
    const header = ethernetHeader(ethernet);
    const frame = new Uint8Array(header.length + LONGEST_IP);
    frame.set(header);
    return {
      packet: (time, bytes, at, length) => {
        putBe16(frame, header.length - 2, bytes[at]! >>> 4 === 6 ? EtherType.IPV6 : EtherType.IPV4);
        frame.set(bytes.subarray(at, at + length), header.length);
        this.write(id, time, frame, 0, header.length + length);
      },
    };
  }

  /** Writes the rest and gives the file its name. Throws CaptureError. */
  commit(): void {
    this.writer.commit();
  }

  /** Gives the file up. */
  abort(): void {
    this.writer.abort();
  }

  private write(id: number, time: Nanoseconds, bytes: Uint8Array, at: number, length: number): void {
    // Not in one number: nanoseconds since 1970 are beyond 2^53.
    const nanoseconds = (this.start % MILLISECONDS) * NANOSECONDS_OF_ONE + time;
    const seconds = Math.floor(this.start / MILLISECONDS) + Math.floor(nanoseconds / SECOND);
    this.writer.write(seconds, nanoseconds % SECOND, id, bytes, at, length, length);
  }
}

function ethernetHeader({ source, destination, vlan }: EthernetOptions): Uint8Array {
  const header = new Uint8Array(ETHERNET_HEADER + (vlan === null ? 0 : VLAN_TAG));
  putAddress(header, 0, destination);
  putAddress(header, 6, source);
  if (vlan !== null) {
    putBe16(header, 12, EtherType.VLAN);
    putBe16(header, 14, vlan);
  }
  return header;
}

/** A locally administered address for a name. */
function putAddress(header: Uint8Array, at: number, name: string): void {
  putBe16(header, at, 0x0200);
  putBe32(header, at + 2, hashName(name));
}

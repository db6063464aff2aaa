/** GRE as frames through the optional npm package `cap` (libpcap). Runs in the helper process only. */
import { be16 } from '../../wire/bytes.js';
import { ETHERNET_HEADER, EtherType, IpProtocol, IPV4_FRAGMENT_BITS } from '../../wire/protocol.js';
import { loadCap, type CapHandle } from '../capture/cap-module.js';
import { CaptureError } from '../capture/capture-error.js';
import { LIVE_SNAPLEN } from '../capture/live-capture-protocol.js';
import { messageOf, PackageError, type Backend, type Deliver } from './backend.js';

/** The kernel's ring, in bytes. */
const RING_BYTES = 33_554_432;
const FILTER = 'ip proto 47 or ip6 proto 47';

/** cap's handles send, too; live capture does not use that. */
interface SendingHandle extends CapHandle {
  send(frame: Buffer, length: number): void;
}

export class CapBackend implements Backend {
  readonly isReady = true;
  private locals = new Set<string>();
  private readonly buffer = Buffer.alloc(LIVE_SNAPLEN);
  private readonly mac: Buffer;

  private constructor(
    private readonly handle: SendingHandle,
    name: string,
    mac: string,
    private readonly deliver: Deliver,
  ) {
    this.mac = Buffer.from(mac, 'hex');
    const link = handle.open(name, FILTER, RING_BYTES, this.buffer);
    if (link !== 'ETHERNET')
      throw new PackageError(`underlay cap: ${name} is not an Ethernet interface but ${link}`);
    handle.on('packet', (length) => {
      this.receive(length);
    });
  }

  /** Throws PackageError: no package, no such interface, no permission. */
  static async open(name: string, mac: string, deliver: Deliver): Promise<CapBackend> {
    try {
      const cap = await loadCap(name);
      return new CapBackend(new cap.Cap() as SendingHandle, name, mac, deliver);
    } catch (error) {
      if (error instanceof PackageError) throw error;
      const text = error instanceof CaptureError ? error.problem : messageOf(error);
      throw new PackageError(`underlay cap on ${name}: ${text}`);
    }
  }

  send(frame: Buffer, failed: () => void): void {
    try {
      this.handle.send(frame, frame.length);
    } catch {
      failed();
    }
  }

  setLocals(locals: readonly string[]): void {
    this.locals = new Set(locals);
  }

  /** Captures are promiscuous, and show what we send ourselves. */
  private receive(length: number): void {
    const { buffer, mac } = this;
    if (length <= ETHERNET_HEADER || mac.compare(buffer, 0, 6) !== 0) return;
    const packet = buffer.subarray(ETHERNET_HEADER, length);
    const isFour = be16(buffer, 12) === EtherType.IPV4;
    const whole = isFour
      ? packet[9] === IpProtocol.GRE && (be16(packet, 6) & IPV4_FRAGMENT_BITS) === 0
      : packet[6] === IpProtocol.GRE;
    const destination = isFour ? packet.subarray(16, 20) : packet.subarray(24, 40);
    if (!whole || (this.locals.size > 0 && !this.locals.has(destination.toString('hex')))) return;
    this.deliver(packet);
  }
}

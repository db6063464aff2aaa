/** The far end of a cable, as a test uses it: frames in and out of an interface, as they are. */
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { BATCH_PACKETS, SPAN_WORDS } from '../../src/device/native/socket-calls.js';
import {
  bindToInterface,
  Domain,
  setReceiveBuffer,
  SOCK_RAW,
} from '../../src/device/underlay/socket-options.js';

const FRAME = 65_536;

export class EthernetWire {
  private readonly calls = loadAddon();
  private readonly memory = PacketPool.create({ slots: 1, stagingBytes: FRAME * BATCH_PACKETS }).bytes;
  private readonly fd: number;

  constructor(interfaceIndex: number) {
    this.fd = this.calls.openSocket(Domain.PACKET, SOCK_RAW, 0);
    bindToInterface(this.calls, this.fd, interfaceIndex);
    setReceiveBuffer(this.calls, this.fd, 1 << 26);
  }

  /** Sends frames in order, all of them. */
  send(frames: readonly Uint8Array[]): void {
    for (let at = 0; at < frames.length;) {
      const batch = frames.slice(at, at + BATCH_PACKETS);
      const spans = new Int32Array(batch.length * SPAN_WORDS);
      for (const [i, frame] of batch.entries()) {
        this.memory.set(frame, i * FRAME);
        spans.set([i * FRAME, frame.length], i * SPAN_WORDS);
      }
      const sent = this.calls.sendBatch(this.fd, this.memory, spans, 0, batch.length, 0, 0);
      if (sent > 0) at += sent;
      else if (!this.calls.waitWritable(this.fd, 100)) throw new Error(`cannot send: ${sent}`);
    }
  }

  /** What has come in: all that is there within `ms` of silence. */
  receive(ms = 50): Uint8Array[] {
    const frames: Uint8Array[] = [];
    const spans = new Int32Array(BATCH_PACKETS * 2);
    while (this.calls.poll(Int32Array.of(this.fd), ms) > 0) {
      for (let i = 0; i < BATCH_PACKETS; i++) spans.set([i * FRAME, FRAME], i * 2);
      const count = this.calls.receiveBatch(this.fd, this.memory, spans, 0, BATCH_PACKETS);
      for (let i = 0; i < count; i++)
        frames.push(this.memory.slice(i * FRAME, i * FRAME + spans[i * 2 + 1]!));
    }
    return frames;
  }

  close(): void {
    this.calls.closeDescriptor(this.fd);
  }
}

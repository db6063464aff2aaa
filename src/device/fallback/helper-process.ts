/**
 * The helper process of a package device (protocol.ts). Argument: HelperSettings as JSON. It ends with its
 * parent.
 */
import { loadAddon } from '../native/addon.js';
import { BATCH_PACKETS, SPAN_WORDS } from '../native/socket-calls.js';
import type { Backend, Deliver } from './backend.js';
import { CapBackend } from './cap-backend.js';
import { flowShare } from './flow-share.js';
import {
  FIRST_CHANNEL,
  Notice,
  NOTICE_BYTES,
  type HelperMessage,
  type HelperSettings,
  type LocalsMessage,
} from './protocol.js';
import { RawSocketBackend } from './raw-socket-backend.js';

/** How long a package that takes no more is left alone, and the time between notices. */
const RETRY_MS = 1;
const NOTICE_MS = 100;
/** The longest packet or frame, and more. */
const ROOM = 65_536 + 128;

const settings = JSON.parse(process.argv[2] ?? '') as HelperSettings;

/** One worker's end of the helper. */
class Channel {
  private readonly calls = loadAddon();
  private readonly incoming = new Uint8Array(BATCH_PACKETS * ROOM);
  private readonly spans = new Int32Array(BATCH_PACKETS * 2);
  private readonly outgoing = new Uint8Array(ROOM);
  private readonly outgoingSpan = new Int32Array(SPAN_WORDS);
  private dropped = 0;
  private failed = 0;

  constructor(
    private readonly fd: number,
    private readonly backend: () => Backend,
  ) {}

  /** Begins to take packets from the worker. */
  listen(): void {
    const watch = this.calls.watchReadable(this.fd, () => {
      this.forward();
      if (this.backend().isReady) return;
      this.calls.unwatch(watch);
      this.listenLater();
    });
  }

  /** Hands a packet to the worker. */
  deliver(packet: Uint8Array): void {
    this.outgoing.set(packet);
    if (!this.push(packet.length)) this.dropped++;
  }

  /** Tells the worker what was lost. */
  notify(): void {
    if (this.dropped > 0 && this.notice(Notice.RECEIVE_DROPPED, this.dropped)) this.dropped = 0;
    if (this.failed > 0 && this.notice(Notice.SEND_FAILED, this.failed)) this.failed = 0;
  }

  private listenLater(): void {
    setTimeout(() => {
      if (this.backend().isReady) this.listen();
      else this.listenLater();
    }, RETRY_MS);
  }

  private forward(): void {
    for (let i = 0; i < BATCH_PACKETS; i++) this.spans.set([i * ROOM, ROOM], i * 2);
    const count = this.calls.receiveBatch(this.fd, this.incoming, this.spans, 0, BATCH_PACKETS);
    for (let i = 0; i < count; i++) {
      const length = this.spans[i * 2 + 1]!;
      // No packet is empty: the other end is closed, and it would be empty for ever.
      if (length === 0) process.exit();
      // The package may keep it for a while.
      const packet = Buffer.from(this.incoming.slice(i * ROOM, i * ROOM + length).buffer);
      this.backend().send(packet, () => {
        this.failed++;
      });
    }
  }

  private notice(kind: number, count: number): boolean {
    this.outgoing.set([0, kind, 0, 0, count, count >>> 8, count >>> 16, count >>> 24]);
    return this.push(NOTICE_BYTES);
  }

  private push(length: number): boolean {
    this.outgoingSpan.set([0, length]);
    return this.calls.sendBatch(this.fd, this.outgoing, this.outgoingSpan, 0, 1, 0, 0) === 1;
  }
}

function openBackend(deliver: Deliver): Promise<Backend> {
  return settings.package === 'raw-socket'
    ? RawSocketBackend.open(deliver)
    : CapBackend.open(settings.interface ?? '', settings.mac ?? '', deliver);
}

function tell(message: HelperMessage, then: () => void): void {
  process.send?.(message, then);
}

async function run(): Promise<void> {
  const { workers, locals } = settings;
  let backend: Backend | null = null;
  const channels = Array.from(
    { length: workers },
    (_, worker) => new Channel(FIRST_CHANNEL + worker, () => backend!),
  );
  backend = await openBackend((packet) => channels[flowShare(packet, workers)]!.deliver(packet));
  const opened = backend;
  opened.setLocals(locals);
  process.on('message', (message: LocalsMessage) => {
    opened.setLocals(message.locals);
  });
  for (const channel of channels) channel.listen();
  setInterval(() => {
    for (const channel of channels) channel.notify();
  }, NOTICE_MS);
  tell({ kind: 'started' }, () => undefined);
}

// A terminal's Ctrl-C reaches this process too; its parent decides when it ends.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
// The parent may have ended before anybody listened.
if (!process.connected) process.exit();
run().catch((error: unknown) => {
  tell({ kind: 'failed', problem: error instanceof Error ? error.message : String(error) }, () =>
    process.exit(1),
  );
});

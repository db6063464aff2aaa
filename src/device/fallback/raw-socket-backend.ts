/** GRE through the optional npm package `raw-socket`. Runs in the helper process only. */
import { putBe16 } from '../../wire/bytes.js';
import { addressBytes } from '../../wire/build-address.js';
import { IPV6_HEADER, IpProtocol, LONGEST_IP } from '../../wire/protocol.js';
import { isMissing, messageOf, PackageError, type Backend, type Deliver } from './backend.js';

interface RawSocket {
  on(event: 'message', listener: (packet: Buffer, source: string) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  setOption(level: number, option: number, value: number): void;
  send(
    buffer: Buffer,
    offset: number,
    length: number,
    address: string,
    done: (error: Error | null) => void,
  ): void;
}

interface RawSocketModule {
  createSocket(options: { protocol: number; addressFamily: number; bufferSize: number }): RawSocket;
}

// A name that the compiler does not look up: the package may be missing.
const PACKAGE: string = 'raw-socket';
/** The package's numbers of the families. */
const FAMILY = { 4: 1, 6: 2 } as const;
/** Packets that may wait for the package to send them. */
const MOST_WAITING = 256;
/** [level, option, value]: packets come with their header; path MTU discovery is ours. */
const OPTIONS = {
  4: [
    [0, 3, 1],
    [0, 10, 3],
  ],
  6: [
    [41, 36, 1],
    [41, 23, 3],
  ],
} as const;

export async function loadRawSocket(): Promise<RawSocketModule> {
  try {
    const loaded = (await import(PACKAGE)) as { default: RawSocketModule };
    return loaded.default;
  } catch (error) {
    throw new PackageError(
      isMissing(error)
        ? 'underlay raw-socket needs the optional package raw-socket (npm install raw-socket; it is compiled when installed)'
        : `underlay raw-socket: the package raw-socket does not load: ${messageOf(error)}`,
    );
  }
}

export class RawSocketBackend implements Backend {
  private waiting = 0;
  private locals = new Set<string>();
  /** IPv6 packets come without their header: this address stands for the destination. */
  private local6: Uint8Array | null = null;
  private readonly four: RawSocket;
  private readonly six: RawSocket | null;
  private readonly packet6 = new Uint8Array(IPV6_HEADER + LONGEST_IP);

  private constructor(
    module: RawSocketModule,
    private readonly deliver: Deliver,
  ) {
    this.four = openSocket(module, 4, (packet) => {
      if (this.isLocal(packet.subarray(16, 20))) this.deliver(packet);
    });
    this.six = openSix(module, (packet, source) => {
      this.deliverSix(packet, source);
    });
  }

  /** Throws PackageError: no package, no permission. */
  static async open(deliver: Deliver): Promise<RawSocketBackend> {
    const module = await loadRawSocket();
    try {
      return new RawSocketBackend(module, deliver);
    } catch (error) {
      throw new PackageError(`underlay raw-socket: ${messageOf(error)} (it takes CAP_NET_RAW)`);
    }
  }

  get isReady(): boolean {
    return this.waiting < MOST_WAITING;
  }

  send(packet: Buffer, failed: () => void): void {
    const isFour = packet[0]! >>> 4 === 4;
    const socket = isFour ? this.four : this.six;
    if (socket === null) {
      failed();
      return;
    }
    const address = isFour ? packet.subarray(16, 20).join('.') : textOf6(packet.subarray(24, 40));
    this.waiting++;
    socket.send(packet, 0, packet.length, address, (error) => {
      this.waiting--;
      if (error !== null) failed();
    });
  }

  setLocals(locals: readonly string[]): void {
    this.locals = new Set(locals);
    const six = locals.find((address) => address.length === 32);
    this.local6 = six === undefined ? null : Buffer.from(six, 'hex');
  }

  private isLocal(address: Buffer): boolean {
    return this.locals.size === 0 || this.locals.has(address.toString('hex'));
  }

  private deliverSix(payload: Buffer, source: string): void {
    const { packet6, local6 } = this;
    if (local6 === null) return;
    packet6.fill(0, 0, 8);
    packet6[0] = 0x60;
    putBe16(packet6, 4, payload.length);
    packet6[6] = IpProtocol.GRE;
    // The package does not tell the hop limit.
    packet6[7] = 64;
    packet6.set(addressBytes(source.replace(/%.*$/, '')), 8);
    packet6.set(local6, 24);
    packet6.set(payload, IPV6_HEADER);
    this.deliver(packet6.subarray(0, IPV6_HEADER + payload.length));
  }
}

function openSocket(
  module: RawSocketModule,
  family: 4 | 6,
  listener: (packet: Buffer, source: string) => void,
): RawSocket {
  const socket = module.createSocket({
    protocol: IpProtocol.GRE,
    addressFamily: FAMILY[family],
    bufferSize: LONGEST_IP,
  });
  for (const [level, option, value] of OPTIONS[family]) socket.setOption(level, option, value);
  socket.on('message', listener);
  // Errors of receiving: the next packet may come all the same.
  socket.on('error', () => undefined);
  return socket;
}

/** Null on a machine without IPv6. */
function openSix(
  module: RawSocketModule,
  listener: (packet: Buffer, source: string) => void,
): RawSocket | null {
  try {
    return openSocket(module, 6, listener);
  } catch {
    return null;
  }
}

function textOf6(address: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16),
  );
  return groups.join(':');
}

/**
 * Numbered datagrams at a steady rate, for counting what is lost on the way. Run as a process:
 * `udp-stream.js receive PORT`, or `udp-stream.js send HOST PORT PACKETS_PER_SECOND FLOWS`. SIGTERM ends it;
 * then it prints its result as JSON.
 */
import { createSocket } from 'node:dgram';
import { argv, stdout } from 'node:process';

export interface Sent {
  readonly packets: number;
}

export interface Received {
  readonly packets: number;
  /** By flow: numbers that came, and those that came more than once. */
  readonly flows: readonly {
    readonly distinct: number;
    readonly repeated: number;
    /** The highest number. */
    readonly highest: number;
    readonly longestGapMs: number;
  }[];
}

const TURN_MS = 5;

function finish(result: Sent | Received): void {
  stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

function receive(port: number): void {
  // As much as the kernel grants: on a busy machine it takes a while until the next turn.
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 23 });
  const flows: {
    seen: Set<number>;
    repeated: number;
    highest: number;
    last: number;
    longestGapMs: number;
  }[] = [];
  socket.on('message', (message) => {
    const now = performance.now();
    const flow = (flows[message.readUInt32BE(0)] ??= {
      seen: new Set(),
      repeated: 0,
      highest: 0,
      last: now,
      longestGapMs: 0,
    });
    const number = message.readUInt32BE(4);
    if (flow.seen.has(number)) flow.repeated++;
    flow.seen.add(number);
    flow.highest = Math.max(flow.highest, number);
    flow.longestGapMs = Math.max(flow.longestGapMs, now - flow.last);
    flow.last = now;
  });
  socket.bind(port, () => stdout.write('ready\n'));
  process.once('SIGTERM', () =>
    finish({
      packets: flows.reduce((sum, { seen }) => sum + seen.size, 0),
      flows: flows.map(({ seen, ...rest }) => ({ distinct: seen.size, ...rest })),
    }),
  );
}

function send(host: string, port: number, packetsPerSecond: number, flowCount: number): void {
  const sockets = Array.from({ length: flowCount }, () => createSocket('udp4'));
  const start = performance.now();
  let packets = 0;
  const timer = setInterval(() => {
    // After a standstill not all at once: the receiver's buffer is small.
    const due = Math.min(((performance.now() - start) / 1000) * packetsPerSecond, packets + 20);
    for (; packets < due; packets++) {
      const message = Buffer.alloc(100);
      message.writeUInt32BE(packets % flowCount, 0);
      message.writeUInt32BE(packets, 4);
      sockets[packets % flowCount]!.send(message, port, host);
    }
  }, TURN_MS);
  stdout.write('ready\n');
  process.once('SIGTERM', () => {
    clearInterval(timer);
    finish({ packets });
  });
}

const [role, ...words] = argv.slice(2);
if (role === 'receive') receive(Number(words[0]));
else send(words[0]!, Number(words[1]), Number(words[2]), Number(words[3]));

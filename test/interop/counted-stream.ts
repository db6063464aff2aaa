/** A stream of numbered datagrams from one namespace to another, counted at either end. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { Netns } from '../support/netns.js';
import { ended, eventually, type Ended } from './command.js';
import type { Received, Sent } from './udp-stream.js';

const SCRIPT = new URL('udp-stream.js', import.meta.url).href;
const PORT = 7000;
const LONGEST_MS = 1_200_000;

interface Process {
  readonly child: ChildProcess;
  readonly end: Promise<Ended>;
}

async function startProcess(t: Test, side: Netns, ...words: string[]): Promise<Process> {
  const child = side.node(SCRIPT, words);
  t.teardown(() => child.kill('SIGKILL'));
  let isReady = false;
  child.stdout?.once('data', () => (isReady = true));
  const end = ended(child, LONGEST_MS);
  await eventually('the stream is ready', () => isReady);
  return { child, end };
}

async function resultOf<T>({ child, end }: Process): Promise<T> {
  child.kill('SIGTERM');
  const { stdout } = await end;
  return JSON.parse(stdout.replace('ready\n', '')) as T;
}

export class CountedStream {
  private constructor(
    private readonly sender: Process,
    private readonly receiver: Process,
  ) {}

  static async start(
    t: Test,
    from: Netns,
    to: Netns,
    host: string,
    packetsPerSecond: number,
    flows: number,
  ): Promise<CountedStream> {
    const receiver = await startProcess(t, to, 'receive', String(PORT));
    const rate = [String(packetsPerSecond), String(flows)];
    return new CountedStream(await startProcess(t, from, 'send', host, String(PORT), ...rate), receiver);
  }

  /** Ends the stream and waits until what is under way has arrived. */
  async stop(): Promise<{ sent: Sent; received: Received }> {
    const sent = await resultOf<Sent>(this.sender);
    await sleep(500);
    return { sent, received: await resultOf<Received>(this.receiver) };
  }
}

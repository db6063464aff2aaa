import fc from 'fast-check';
import { constants } from 'node:os';
import { test } from 'tap';
import { SPAN_WORDS } from '../../src/device/native/socket-calls.js';
import { BatchSender, dropCounter } from '../../src/device/underlay/batch-sender.js';
import { createDeviceCounters, DEVICE_COUNTERS, DeviceCount } from '../../src/device/device-counters.js';

const { EAGAIN, ENOBUFS, EMSGSIZE, ENETDOWN, EPERM } = constants.errno;

/** A kernel that answers as told: packets taken, or −errno; at the end everything is taken. */
class Kernel {
  readonly taken: number[] = [];
  waits = 0;
  /** Milliseconds; passes in waits only, so that it is no matter how busy the machine is. */
  time = 0;
  constructor(private readonly answers: number[]) {}

  pin<Kind>(array: Kind): Kind {
    return array;
  }

  sendBatch(_fd: number, _memory: Uint8Array, spans: Int32Array, first: number, count: number): number {
    const answer = Math.min(this.answers.shift() ?? 64, count, 64);
    for (let i = 0; i < answer; i++) this.taken.push(spans[(first + i) * SPAN_WORDS]!);
    return answer;
  }
  /** Room after a millisecond. */
  waitWritable(_fd: number, milliseconds: number): number {
    this.waits++;
    this.time += Math.min(1, milliseconds);
    return 1;
  }
  poll(_fds: Int32Array, milliseconds: number): number {
    this.waits++;
    this.time += milliseconds;
    return 0;
  }
}

function setUp(
  answers: number[],
  linkBytes = 0,
): { kernel: Kernel; sender: BatchSender; counters: Float64Array } {
  const kernel = new Kernel(answers);
  const counters = createDeviceCounters();
  const sender = new BatchSender({
    ...{ calls: kernel, fd: 0, memory: new Uint8Array(0), counters, linkBytes },
    now: () => kernel.time,
  });
  return { kernel, sender, counters };
}

function counted(counters: Float64Array): Record<string, number> {
  const all = DEVICE_COUNTERS.map((name, i) => [name, counters[i]!] as const);
  return Object.fromEntries(all.filter(([, value]) => value > 0));
}

test('each error has its counter', async (t) => {
  const name = (error: number): string => DEVICE_COUNTERS[dropCounter(error)]!;
  t.equal(name(EMSGSIZE), 'tx_dropped_size');
  for (const error of [EAGAIN, ENOBUFS, constants.errno.ENOMEM]) t.equal(name(error), 'tx_dropped_queue');
  for (const code of ['ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'ENXIO'] as const)
    t.equal(name(constants.errno[code]), 'tx_dropped_unreachable');
  t.equal(name(EPERM), 'tx_dropped_error');
});

test('a batch that is sent in parts', async (t) => {
  const { kernel, sender, counters } = setUp([3, 1], 14);
  for (let i = 0; i < 100; i++) sender.add(i, 114);
  t.equal(sender.count, 100);
  t.equal(sender.flush(), 100);
  t.strictSame(
    kernel.taken,
    Array.from({ length: 100 }, (_, i) => i),
  );
  t.strictSame(counted(counters), { tx_packets: 100, tx_bytes: 10_000, tx_batches: 4 });
  t.equal(sender.count, 0);
  t.equal(sender.flush(), 0);
});

test('room that comes after a while', async (t) => {
  const { kernel, sender, counters } = setUp([2, -EAGAIN, -ENOBUFS]);
  for (let i = 0; i < 5; i++) sender.add(i, 100);
  t.equal(sender.flush(), 5);
  t.equal(kernel.waits, 2);
  t.strictSame(counted(counters), { tx_packets: 5, tx_bytes: 500, tx_batches: 2 });
});

test('no room at all: dropped, after a few waits for all together', async (t) => {
  for (const error of [EAGAIN, ENOBUFS]) {
    const { kernel, sender, counters } = setUp(new Array<number>(100_000).fill(-error));
    for (let i = 0; i < 1000; i++) sender.add(i, 100);
    t.equal(sender.flush(), 0);
    t.strictSame({ waits: kernel.waits, time: kernel.time }, { waits: error === EAGAIN ? 4 : 16, time: 4 });
    t.strictSame(counted(counters), { tx_dropped_queue: 1000 });
  }
});

test('a clock that stands still does not make it wait forever', async (t) => {
  const { kernel, sender, counters } = setUp(new Array<number>(100_000).fill(-ENOBUFS));
  kernel.poll = () => {
    kernel.waits++;
    return 0;
  };
  sender.add(0, 100);
  t.equal(sender.flush(), 0);
  t.equal(kernel.waits, 128);
  t.strictSame(counted(counters), { tx_dropped_queue: 1 });
});

test('whatever the kernel answers, each packet is counted once, and none is sent twice', async (t) => {
  const answer = fc.oneof(
    fc.integer({ min: 1, max: 64 }),
    fc.constantFrom(-EAGAIN, -ENOBUFS, -EMSGSIZE, -ENETDOWN, -EPERM),
  );
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 60 }), fc.integer({ min: 0, max: 300 }), (answers, count) => {
      const { kernel, sender, counters } = setUp(answers);
      for (let i = 0; i < count; i++) sender.add(i, 1);
      const sent = sender.flush();
      t.equal(sent, counters[DeviceCount.tx_packets]);
      t.equal(kernel.taken.length, sent);
      t.ok(
        kernel.taken.every((packet, i) => i === 0 || packet > kernel.taken[i - 1]!),
        'in order',
      );
      const dropped = DEVICE_COUNTERS.filter((name) => name.startsWith('tx_dropped')).reduce(
        (sum, name) => sum + counters[DeviceCount[name]]!,
        0,
      );
      t.equal(sent + dropped, count);
    }),
  );
});

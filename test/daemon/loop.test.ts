/** The worker's loop with ports and a clock of the test's own: whom it asks, and when it sleeps. */
import fc from 'fast-check';
import { test } from 'tap';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { Loop } from '../../src/daemon/loop.js';
import { Command, createCommandWords, createStatistics, Word } from '../../src/daemon/worker-memory.js';
import type { Port } from '../../src/device/port.js';

const UNDERLAY_FD = 3;
const OVERLAY_FD = 4;
const WAKE_FD = 9;
const ROUND_MS = 0.002;
const BATCH = 64;
const BUSY_END_MS = 10_000;

interface Side {
  /** When packets arrive, in milliseconds, one after the other. */
  readonly arrivals: readonly number[];
  /** Received so far. */
  next: number;
  /** Calls of receive, and how many of them brought nothing. */
  calls: number;
  empty: number;
  /** The longest that a packet has waited. */
  longest: number;
  readonly batches: number[];
  /** Whether its interface, and so its descriptor, is gone after each other sleep. */
  readonly isFleeting: boolean;
}

function side(arrivals: readonly number[], isFleeting = false): Side {
  return { arrivals, isFleeting, next: 0, calls: 0, empty: 0, longest: 0, batches: [] };
}

/** Runs the loop until all packets have been received, and it is told to drain. */
function run(
  underlay: Side,
  overlay: Side,
  busyPoll = false,
): { sleeps: number; unread: number; pins: number } {
  const { slots, vectors, regions } = vectorRegions(2);
  const pool = PacketPool.create({ slots, vectors });
  const [underlayVector, overlayVector] = regions.map((region) => PacketVector.create(pool, region));
  const words = createCommandWords();
  words[Word.COMMAND] = Command.RUN;
  const sides = [underlay, overlay];
  let time = 0;
  let sleeps = 0;
  let isReading = false;
  // Vectors without word that they are read, and sleeps with it.
  let unread = 0;
  let pins = 0;
  const port = (one: Side, fd: number, fds = [fd], none: number[] = []): Port => ({
    ...{ name: 'test', mtu: 1500, linkType: LinkType.RAW, counters: new Float64Array(0) },
    ...{ waitMs: Infinity, transmit: () => 0, close: () => undefined },
    get pollFds() {
      return one.isFleeting && sleeps % 2 === 1 ? none : fds;
    },
    receive: () => {
      const first = one.next;
      while (one.next < one.arrivals.length && one.next < first + BATCH && one.arrivals[one.next]! <= time)
        one.next++;
      const count = one.next - first;
      one.calls++;
      if (count === 0) one.empty++;
      else one.batches.push(count);
      if (count > 0) one.longest = Math.max(one.longest, time - one.arrivals[first]!);
      return count;
    },
  });
  const addon = {
    pin<Kind>(array: Kind): Kind {
      pins++;
      return array;
    },
    pollReady(fds: Int32Array, ready: Int32Array): number {
      sleeps++;
      if (isReading) unread++;
      const waiting = sides.flatMap((one) => one.arrivals.slice(one.next, one.next + 1));
      if (waiting.length === 0) {
        words[Word.COMMAND] = Command.DRAIN;
        ready.fill(0);
        ready[fds.indexOf(WAKE_FD)] = 1;
        return 1;
      }
      time = Math.max(time, Math.min(...waiting));
      ready.fill(0);
      for (const [i, one] of sides.entries()) {
        const isReady = one.next < one.arrivals.length && one.arrivals[one.next]! <= time;
        if (isReady) ready[fds.indexOf([UNDERLAY_FD, OVERLAY_FD][i]!)] = 1;
      }
      return ready.reduce((sum, one) => sum + one);
    },
    eventfdClear: () => undefined,
  };
  new Loop({
    ...{ words, statistics: createStatistics(), addon, wakeFd: WAKE_FD, busyPoll },
    underlay: port(underlay, UNDERLAY_FD),
    overlay: port(overlay, OVERLAY_FD),
    ...{ underlayVector: underlayVector!, overlayVector: overlayVector! },
    pipeline: {
      run: () => {
        if (!isReading) unread++;
        time += ROUND_MS;
      },
      runLarge: () => {
        throw new Error('nobody receives large segments');
      },
    },
    reader: { begin: () => (isReading = true), end: () => (isReading = false) },
    tap: { active: false, before: () => undefined, after: () => undefined },
    now: () => {
      // A loop that never sleeps has the clock going by itself, and is told to end here.
      if (busyPoll) time += ROUND_MS;
      if (time > BUSY_END_MS) words[Word.COMMAND] = Command.DRAIN;
      return time;
    },
  }).run();
  if (isReading) unread++;
  return { sleeps, unread, pins };
}

/** So many packets, one each `stepMs`, from the first millisecond on. */
function every(stepMs: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => 1 + i * stepMs);
}

test('packets that come one by one do not have the other side asked each time', async (t) => {
  const underlay = side(every(1, 800));
  const overlay = side([]);
  const { sleeps } = run(underlay, overlay);
  t.equal(underlay.batches.length, 800);
  t.equal(sleeps, 801);
  t.ok(overlay.calls < 400, `asked ${overlay.calls} times`);
});

test('it says when it reads tables, and that it does not before it sleeps and when it has ended', async (t) => {
  for (const busyPoll of [false, true]) {
    const { unread } = run(side(every(1, 100)), side(every(3, 20)), busyPoll);
    t.equal(unread, 0);
  }
});

test('descriptors that come and go are not pinned each time', async (t) => {
  const underlay = side(every(1, 100), true);
  const { sleeps, pins } = run(underlay, side(every(3, 20)));
  t.equal(underlay.next, 100);
  t.ok(sleeps > 50);
  t.equal(pins, 2);
});

test('full batches on one side do not keep the other one waiting', async (t) => {
  // More packets than can be received, all the time.
  const underlay = side(every(ROUND_MS / BATCH / 2, 100_000));
  const overlay = side(every(0.1, 15));
  run(underlay, overlay);
  t.ok(overlay.longest < 4 * ROUND_MS, `${overlay.longest} ms`);
});

test('nor do few packets that come again and again', async (t) => {
  const underlay = side(every(ROUND_MS / 3, 10_000));
  const overlay = side(every(0.1, 60));
  const { sleeps } = run(underlay, overlay);
  t.ok(sleeps < 100);
  t.ok(overlay.longest < 20 * ROUND_MS, `${overlay.longest} ms`);
});

test('who never sleeps asks both sides all the time', async (t) => {
  const underlay = side(every(5000, 2));
  const overlay = side(every(1, 1001));
  const { sleeps } = run(underlay, overlay, true);
  t.equal(sleeps, 0);
  t.equal(overlay.next, 1001);
  t.equal(underlay.next, 2);
  t.ok(underlay.longest < 4 * ROUND_MS, `${underlay.longest} ms`);
});

test('whatever comes is received, in order, and nobody is asked in vain for ever', async (t) => {
  const arrivals = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 300 }).map((gaps) =>
    gaps.map(
      (
        (at) => (gap: number) =>
          (at += gap ** 8)
      )(0),
    ),
  );
  fc.assert(
    fc.property(arrivals, arrivals, (first, second) => {
      const [underlay, overlay] = [side(first), side(second)];
      run(underlay, overlay);
      t.equal(underlay.next, first.length);
      t.equal(overlay.next, second.length);
      const useful = underlay.batches.length + overlay.batches.length;
      t.ok(underlay.empty + overlay.empty <= 4 * useful + 8);
    }),
  );
});

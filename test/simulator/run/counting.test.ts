/** Bins, tallies, moves, largest packets: what a run counts, by itself. */
import fc from 'fast-check';
import t from 'tap';
import { Scheduler } from '../../../src/simulator/core/scheduler.js';
import { SECOND } from '../../../src/network/time.js';
import { axisOf } from '../../../src/simulator/run/axis.js';
import { BinnedCounters } from '../../../src/simulator/run/binned-counters.js';
import { LargestPackets } from '../../../src/simulator/run/largest-packets.js';
import { Moments } from '../../../src/simulator/run/moments.js';
import { Moves } from '../../../src/simulator/run/moves.js';
import { TrafficTally, unitOf } from '../../../src/simulator/run/traffic-tally.js';
import type { TrafficSpec } from '../../../src/simulator/scenario/scenario.js';

t.test('bins cover the run, and are at most 300', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 90 * 86_400 * 1000 }), (milliseconds) => {
      const duration = milliseconds * 1e6;
      const { width, count } = axisOf(duration);
      return count <= 300 && width * count >= duration && (count === 1 || width * (count - 1) < duration);
    }),
  );
  t.same(axisOf(30 * SECOND), { width: 0.1 * SECOND, count: 300 });
  t.same(axisOf(120 * SECOND), { width: 0.5 * SECOND, count: 240 });
  t.end();
});

t.test('the bins of a counter sum up to it', (t) => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.tuple(fc.nat(40), fc.nat(9)), { maxLength: 5 })), (bins) => {
      const counters = new BinnedCounters();
      for (const bin of bins) {
        for (const [number, amount] of bin) {
          counters.reserve(number + 1);
          counters.values[number]! += amount;
        }
        counters.closeBin();
      }
      return Array.from({ length: 41 }, (_, i) => i).every((i) => {
        const series = counters.series(i);
        const value = counters.values[i] ?? 0;
        return value === 0
          ? series.length === 0
          : series.length === bins.length && series.reduce((a, b) => a + b, 0) === value;
      });
    }),
  );
  t.end();
});

t.test('a tally follows what begins in its span beyond its end', (t) => {
  const tally = new TrafficTally(10, 20, 'packet');
  tally.sent(5, 100);
  tally.sent(10, 100);
  tally.sent(19, 100);
  tally.sent(20, 100);
  tally.delivered(12, 5, 100);
  tally.delivered(25, 10, 100);
  t.same(tally.reached(), { began: 2, arrived: 1 });
  t.equal(tally.deliveredBytes, 100, 'that of the packet that came in the span');
  t.equal(tally.delay.most, 15);

  const connections = new TrafficTally(0, 10, 'connection');
  connections.connection(3, 'opened');
  connections.connection(12, 'opened');
  connections.connection(3, 'closed');
  connections.connection(12, 'failed');
  t.same(connections.reached(), { began: 1, arrived: 1 });
  t.end();
});

t.test('a gap is a time in which something was sent and nothing came', (t) => {
  const tally = new TrafficTally(0, 1000, 'packet');
  tally.sent(0, 1);
  tally.delivered(10, 0, 1);
  // Silence is no gap.
  tally.sent(500, 1);
  tally.sent(520, 1);
  tally.sent(540, 1);
  tally.delivered(550, 540, 1);
  t.same(tally.longestGap, { from: 500, to: 550 });
  tally.sent(600, 1);
  tally.sent(800, 1);
  tally.finish();
  t.same(tally.longestGap, { from: 600, to: 800 }, 'what is never answered lasts until the last try');

  const pings = new TrafficTally(0, 1000, 'answer');
  pings.ask(0);
  pings.sent(0, 1);
  pings.delivered(5, 0, 1);
  pings.ask(100);
  pings.answer(110, 100);
  t.same(pings.longestGap, { from: 0, to: 110 }, 'of pings, answers count');
  t.equal(pings.rtt.mean, 10);
  t.end();
});

t.test('no more arrives than began', (t) => {
  const event = fc.record({ at: fc.nat(100), after: fc.nat(50), arrives: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event), fc.nat(100), fc.nat(100), (events, from, length) => {
      const tally = new TrafficTally(from, from + length, 'packet');
      for (const { at } of events) tally.sent(at, 60);
      for (const { at, after, arrives } of events) if (arrives) tally.delivered(at + after, at, 60);
      const { began, arrived } = tally.reached();
      const inside = events.filter(({ at }) => at >= from && at < from + length);
      return began === inside.length && arrived === inside.filter(({ arrives }) => arrives).length;
    }),
  );
  t.end();
});

t.test('what counts as arrived depends on the traffic', (t) => {
  const base = { name: 'x', at: 0, until: null, from: 'a', to: 'b' };
  const udp = { ...base, type: 'udp' as const, port: 9, flows: 1, rate: 1, size: 100 };
  const specs: [TrafficSpec, string][] = [
    [{ ...base, type: 'ping', interval: 1, size: 84, dont_fragment: false }, 'answer'],
    [{ ...base, type: 'traceroute' }, 'answer'],
    [{ ...udp, echo: true }, 'answer'],
    [{ ...udp, echo: false }, 'packet'],
    [{ ...base, type: 'tcp', port: 80, connections: 1, over: 0, download: 0, upload: 0 }, 'connection'],
  ];
  for (const [spec, unit] of specs) t.equal(unitOf(spec), unit, spec.type);
  t.end();
});

t.test('moves are told by flow and direction', (t) => {
  const moves = new Moves();
  moves.took(1, 7, 0, 0);
  moves.took(2, 7, 1, 1);
  moves.took(3, 7, 0, 0);
  moves.took(4, 7, 0, 1);
  moves.took(5, 8, 0, 1);
  moves.took(6, 7, 0, 0);
  t.same(moves.list, [
    { at: 4, flow: 7, from: 0, to: 1 },
    { at: 6, flow: 7, from: 1, to: 0 },
  ]);
  t.end();
});

t.test('the largest packet of a span is that of the span, whatever other spans there are', (t) => {
  const packet = fc.record({ at: fc.nat(99), bytes: fc.integer({ min: 1, max: 1500 }) });
  const span = fc
    .tuple(fc.nat(99), fc.nat(99))
    .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) + 1 }));
  fc.assert(
    fc.property(fc.array(packet), fc.array(span, { maxLength: 4 }), (packets, spans) => {
      const scheduler = new Scheduler();
      const moments = new Moments(scheduler);
      const largest = new LargestPackets();
      largest.reserve(3);
      const windows = spans.map(({ from, to }) => largest.watch(3, from, to, moments));
      for (const { at, bytes } of packets) {
        moments.at(at, () => {
          largest.values[3] = Math.max(largest.values[3]!, bytes);
        });
      }
      scheduler.run(100);
      largest.finish(100);
      const most = (inside: (at: number) => boolean): number =>
        packets.reduce((max, { at, bytes }) => (inside(at) ? Math.max(max, bytes) : max), 0);
      return (
        largest.of(3) === most(() => true) &&
        spans.every(({ from, to }, i) => windows[i]!.bytes === most((at) => at >= from && at < to))
      );
    }),
  );
  t.end();
});

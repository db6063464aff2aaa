import fc from 'fast-check';
import t from 'tap';
import { REASSEMBLY_REASONS } from '../../../src/network/reassembly/reassembly-reasons.js';
import { Offer, Reassembly, type ReassemblyOptions } from '../../../src/network/reassembly/reassembly.js';
import { buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import { plainHop, route, run, tables } from '../../dataplane/harness.js';
import { Prng } from '../../fuzz/prng.js';
import { NaiveReassembly, type Judged } from './oracle.js';
import { fragmentOf, pieces, shuffled, wholePacket, withChecksum, type Cut, type Fields } from './pieces.js';

const memory = new Uint8Array(200_000);

/** Offers bytes at an odd place of the memory, as the oracle would describe it. */
function offer(reassembly: Reassembly, bytes: Uint8Array, nowMs = 0): Judged {
  memory.set(bytes, 65_537);
  switch (reassembly.offer(memory, 65_537, bytes.length, nowMs)) {
    case Offer.PASS:
      return { what: 'pass' };
    case Offer.HELD:
      return { what: 'held' };
    case Offer.DROPPED:
      return { what: 'dropped', reason: reassembly.reason };
    case Offer.WHOLE:
      reassembly.take(memory, 1);
      return { what: 'whole', packet: memory.slice(1, 1 + reassembly.length) };
  }
}

function isConserved({ counters, held }: Reassembly): boolean {
  const lost = REASSEMBLY_REASONS.reduce((sum, reason) => sum + counters[reason], 0);
  return counters.received === counters.joined + held + lost;
}

const same = (a: Judged, b: Judged): boolean =>
  a.what === b.what &&
  (a.what !== 'dropped' || b.what !== 'dropped' || a.reason === b.reason) &&
  (a.what !== 'whole' || b.what !== 'whole' || Buffer.compare(a.packet, b.packet) === 0);

/** What the fuzzer offers: fragments of a few packets in disorder, some of them not as they should be. */
function traffic(prng: Prng): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let count = prng.between(1, 6); count > 0; count--) {
    const size = prng.pick([0, 1, 40, 300, 1500, 9000, prng.chance(0.2) ? 65_400 : 64]);
    const cut = wholePacket(prng, size);
    const id = prng.below(3);
    const typical = prng.pick([8, 24, 64, 552, 1400, 8000]);
    const list = pieces(cut, () => (prng.chance(0.7) ? typical : prng.between(8, 2000)));
    if (list.length > 60) list.splice(prng.below(30), list.length - prng.between(30, 60));
    const spoilt = list.flatMap((fields) => spoil(prng, fields));
    all.push(cut.packet, ...spoilt.map((fields) => spoilHeader(prng, cut, fragmentOf(cut, id, fields))));
  }
  return prng.chance(0.3) ? all : shuffled(prng, all);
}

/** A fragment twice, not at all, or another than it was. */
function spoil(prng: Prng, fields: Fields): Fields[] {
  if (prng.chance(0.9)) return [fields];
  const { offset, more, data } = fields;
  switch (prng.below(9)) {
    case 0:
      return [];
    case 1:
      return [fields, fields];
    case 2:
      return [fields, { ...fields, data: data.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) }];
    case 3:
      return [{ ...fields, more: !more }];
    case 4:
      return [fields, { ...fields, offset: Math.max(0, offset + prng.pick([-8, 8])) }];
    case 5:
      return [{ ...fields, data: data.slice(0, prng.below(data.length + 1)) }];
    case 6:
      return [fields, { ...fields, data: new Uint8Array([...data, ...prng.bytes(8)]) }];
    case 7:
      return [{ ...fields, offset: prng.pick([65_528, 65_000, 32_768]) }, fields];
    default:
      return [fields, { ...fields, more: !more }];
  }
}

/** Seldom another header: ECN, a bit that is wrong, the end cut off. */
function spoilHeader(prng: Prng, { header }: Cut, bytes: Uint8Array): Uint8Array {
  const version = bytes[0]! >> 4;
  if (prng.chance(0.05)) {
    if (version === 4)
      return withChecksum(
        bytes.map((byte, i) => (i === 1 ? byte | 3 : byte)),
        header,
      );
    bytes[1] = bytes[1]! | 0x30;
  }
  if (prng.chance(0.02)) bytes[prng.below(Math.min(bytes.length, 60))]! ^= 1 << prng.below(8);
  return prng.chance(0.02) ? bytes.slice(0, prng.below(bytes.length)) : bytes;
}

void t.test('as the oracle, whatever comes', (t) => {
  const met = new Map<string, number>();
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const prng = new Prng(seed);
      const bounds = {
        datagrams: prng.pick([1, 3, 100]),
        fragments: prng.pick([2, 10, 200]),
        timeoutMs: 1000,
        pass: prng.chance(0.1) ? [17] : [],
      };
      const real = new Reassembly(bounds);
      const naive = new NaiveReassembly(bounds);
      let now = 0;
      for (const bytes of [...traffic(prng), ...traffic(prng), ...traffic(prng)]) {
        now += prng.chance(0.05) ? prng.between(1, 900) : 0;
        const got = offer(real, bytes, now);
        const expected = naive.offer(bytes, now);
        const name = expected.what === 'dropped' ? expected.reason : expected.what;
        met.set(name, (met.get(name) ?? 0) + 1);
        if (!same(got, expected)) {
          const show = (judged: Judged): string =>
            JSON.stringify(judged, (_, v: unknown) =>
              v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v,
            );
          throw new Error(`${show(expected)} expected, got ${show(got)}`);
        }
        if (real.held !== naive.held || !isConserved(real))
          throw new Error('fragments are not accounted for');
      }
      real.expire(now + 1000);
      return real.held === 0 && isConserved(real) && real.next === Infinity;
    }),
    { numRuns: 1000 },
  );
  const wanted = ['pass', 'held', 'whole', ...REASSEMBLY_REASONS];
  const seldom = wanted.filter((name) => name !== 'timed_out' && name !== 'evicted' && !met.has(name));
  t.same(seldom, [], 'all of it was met');
  t.end();
});

void t.test('fragments in any order are the packet that was cut', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 65_000 }), (seed, size) => {
      const prng = new Prng(seed);
      const cut = wholePacket(prng, size);
      const reassembly = new Reassembly({ fragments: 9000 });
      // All headers in the first one.
      let least = 48;
      const list = pieces(cut, () => {
        const bytes = prng.between(least, 6000);
        least = 8;
        return bytes;
      });
      if (list.length < 2 || cut.header > 256) return true;
      const order = shuffled(prng, list);
      const answers = order.map((fields) => offer(reassembly, fragmentOf(cut, 7, fields)));
      const last = answers.pop()!;
      return (
        answers.every(({ what }) => what === 'held') &&
        last.what === 'whole' &&
        Buffer.compare(last.packet, cut.packet) === 0 &&
        reassembly.held === 0
      );
    }),
    { numRuns: 100 },
  );
  t.end();
});

void t.test('what our own dataplane cuts', (t) => {
  const built = fc.record({
    size: fc.integer({ min: 0, max: 8000 }),
    mtu: fc.constantFrom(68, 576, 577, 1280, 1500),
    options: fc.constantFrom<number[] | undefined>(undefined, [0x94, 4, 0, 0], [7, 7, 4, 0, 0, 0, 0, 0]),
    seed: fc.nat(),
    clear: fc.boolean(),
  });
  fc.assert(
    fc.property(built, ({ size, mtu, options, seed, clear }) => {
      const hop = (mtu: number) => plainHop('circuit', { mtu, clearDontFragment: clear });
      const packet: FrameSpec = {
        ip: { source: '8.8.8.8', destination: '192.0.2.1', id: seed & 0xffff, options, dontFragment: clear },
        udp: {},
        payload: size,
      };
      const through = (mtu: number): Uint8Array[] =>
        run(tables([hop(mtu)], [route('192.0.2.0/24', 0)]), [packet]).outcomes[0]!.outputs.map(({ hex }) =>
          Uint8Array.from(Buffer.from(hex, 'hex')),
        );
      const fragments = through(mtu);
      const whole = through(9000)[0]!;
      if (fragments.length < 2) return true;
      // A packet with DF and without ID gets one to be cut with (RFC 6864 §4.1).
      whole.set(fragments[0]!.slice(4, 6), 4);
      withChecksum(whole, (whole[0]! & 15) * 4);
      const reassembly = new Reassembly({ fragments: 400 });
      const answers = shuffled(new Prng(seed), fragments).map((bytes) => offer(reassembly, bytes));
      const last = answers.at(-1)!;
      return last.what === 'whole' && Buffer.compare(last.packet, whole) === 0;
    }),
    { numRuns: 200 },
  );
  t.end();
});

const ends = { source: '8.8.8.8', destination: '192.0.2.1' };
const part = (offset: number, size: number, more: boolean, ip: Partial<FrameSpec['ip']> = {}): Uint8Array =>
  buildPacket({
    ip: { ...ends, protocol: 17, id: 5, fragmentOffset: offset, moreFragments: more, ...ip },
    payload: size,
  });
const drop = (reason: string): { what: string; reason: string } => ({ what: 'dropped', reason });

void t.test('a datagram with an overlap is gone, with all that still comes of it', (t) => {
  const reassembly = new Reassembly();
  t.same(offer(reassembly, part(0, 16, true)), { what: 'held' });
  t.same(offer(reassembly, part(8, 16, true)), drop('overlap'));
  t.same(offer(reassembly, part(16, 8, false)), drop('overlap'));
  t.same(offer(reassembly, part(0, 16, true)), drop('overlap'), 'its first fragment again too');
  t.equal(reassembly.counters.overlap, 4);
  t.same(offer(reassembly, part(0, 16, true), 60_000), { what: 'held' }, 'until its time is over');
  t.ok(isConserved(reassembly));
  t.end();
});

void t.test('the ping of death, and a last fragment that lies', (t) => {
  const reassembly = new Reassembly();
  t.same(offer(reassembly, part(65_528, 400, false)), drop('too_long'));
  t.same(offer(reassembly, part(800, 8, false)), { what: 'held' });
  t.same(offer(reassembly, part(1600, 8, true)), drop('contradiction'));
  const options = Array.from({ length: 40 }, () => 1);
  const long = new Reassembly();
  t.same(offer(long, part(65_512, 3, false)), { what: 'held' });
  for (let at = 1400; at < 65_512; at += 1400) offer(long, part(at, Math.min(1400, 65_512 - at), true));
  t.same(
    offer(long, part(0, 1400, true, { options })),
    drop('too_long'),
    'by the options of the first fragment',
  );
  t.equal(long.counters.too_long, 48);
  t.ok(isConserved(long));
  t.end();
});

void t.test('congestion is told, unless some of the datagram cannot', (t) => {
  for (const [first, second, tos] of [
    [2, 3, 3],
    [3, 1, 3],
    [2, 2, 2],
    [0, 2, 0],
  ] as const) {
    const reassembly = new Reassembly();
    offer(reassembly, part(0, 8, true, { tos: first }));
    const whole = offer(reassembly, part(8, 8, false, { tos: second }));
    t.equal(whole.what === 'whole' && whole.packet[1], tos, `${first} and ${second}`);
  }
  const mixed = new Reassembly();
  offer(mixed, part(0, 8, true, { tos: 0 }));
  t.same(offer(mixed, part(8, 8, false, { tos: 3 })), drop('ecn_mixed'));
  t.end();
});

void t.test('memory, datagrams and pieces are bounded', (t) => {
  const small = new Reassembly({ bytes: 65_536, datagrams: 1000, fragments: 50 });
  for (let id = 0; id < 100; id++) offer(small, part(0, 1400, true, { id }));
  t.equal(small.held, 32, 'a page each');
  t.equal(small.counters.evicted, 68);
  for (let at = 1400; at < 1400 * 46; at += 1400) {
    t.same(offer(small, part(at, 1400, true, { id: 99 })), { what: 'held' }, 'one may take all');
  }
  t.equal(small.held, 46);
  t.same(offer(small, part(64_400, 8, false, { id: 99 })).what, 'whole');
  const few = new Reassembly({ datagrams: 2 });
  for (let id = 0; id < 3; id++) offer(few, part(0, 8, true, { id }));
  t.same(offer(few, part(8, 8, false, { id: 1 })).what, 'whole', 'the one begun first makes room');
  t.equal(few.counters.evicted, 1);
  for (const options of [{ bytes: 65_535 }, { datagrams: 0 }, { fragments: 1 }] as ReassemblyOptions[]) {
    t.throws(() => new Reassembly(options), RangeError);
  }
  t.end();
});

void t.test('a whole packet that is not taken is forgotten', (t) => {
  const reassembly = new Reassembly({ datagrams: 1 });
  for (let id = 0; id < 5; id++) {
    const bytes = [part(0, 8, true, { id }), part(8, 8, false, { id })];
    const answers = bytes.map((packet) => reassembly.offer(packet, 0, packet.length, 0));
    t.same(answers, [Offer.HELD, Offer.WHOLE]);
  }
  reassembly.expire(0);
  t.throws(() => {
    reassembly.take(new Uint8Array(100), 0);
  });
  t.equal(reassembly.next, Infinity);
  t.end();
});

void t.test('IPv6: headers in the first fragment, or nothing', (t) => {
  const six = (offset: number, more: boolean, data: Uint8Array, protocol: number): Uint8Array =>
    buildPacket({
      ip: {
        source: '2001:db8::1',
        destination: '2001:db8::2',
        protocol,
        extensions: [{ header: 44, offset, more, id: 9 }],
      },
      payload: data,
    });
  const cases: [string, number, number[], string][] = [
    ['TCP cut short', 6, new Array<number>(16).fill(0), 'header_chain'],
    ['TCP', 6, new Array<number>(24).fill(0), 'held'],
    ['destination options that go on', 60, [6, 1, 0, 0, 0, 0, 0, 0], 'header_chain'],
    ['nothing behind destination options', 60, [17, 0, 0, 0, 0, 0, 0, 0], 'header_chain'],
    ['another fragment header', 44, [17, 0, 0, 1, 0, 0, 0, 1], 'header_chain'],
    ['no next header', 59, new Array<number>(8).fill(0), 'held'],
  ];
  for (const [name, protocol, data, wanted] of cases) {
    const reassembly = new Reassembly();
    const got = offer(reassembly, six(0, true, Uint8Array.from(data), protocol));
    t.equal(got.what === 'dropped' ? got.reason : got.what, wanted, name);
    t.ok(isConserved(reassembly));
  }
  const atomic = new Reassembly();
  t.same(offer(atomic, six(0, false, new Uint8Array(8), 17)), { what: 'pass' }, 'atomic fragments are whole');
  t.equal(atomic.counters.received, 0);
  t.end();
});

void t.test('protocols that pass', (t) => {
  const reassembly = new Reassembly({ pass: [47] });
  t.same(offer(reassembly, part(0, 8, true, { protocol: 47 })), { what: 'pass' });
  t.same(offer(reassembly, part(0, 8, true)), { what: 'held' });
  t.end();
});

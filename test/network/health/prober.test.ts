import fc from 'fast-check';
import t from 'tap';
import { parseAddress } from '../../../src/config/address.js';
import { writeProbe } from '../../../src/network/health/probe.js';
import { PROBE_INTERVALS, PROBE_TIMEOUT } from '../../../src/network/health/probe-rate.js';
import { Prober, WAY_UNKNOWN } from '../../../src/network/health/prober.js';
import { MINUTE, SECOND } from '../../../src/network/time.js';
import { answerTo, key, Lab, target } from './lab.js';
import { NaiveHealth } from './naive-health.js';

/** Answers are lost from one time to another. */
function outage(lab: Lab, from: number, to: number, rtt = 0.02 * SECOND): void {
  lab.delay = ({ sent }) => (sent >= from && sent < to ? Infinity : rtt);
}

for (const rate of ['low', 'mid', 'high'] as const) {
  const interval = PROBE_INTERVALS[rate];
  const rtt = 0.02 * SECOND;

  t.test(`a tunnel fails and comes back at rate ${rate}, to the nanosecond`, async (t) => {
    const lab = new Lab([target(0, { interval })]);
    const failed = 3 * interval;
    const end = failed + 1.7 * SECOND;
    outage(lab, 2 * interval + 1, end);
    lab.run(60 * MINUTE - 1);
    const answered = Math.ceil(end / interval) * interval;
    const confirmed = answered + 2 * rtt;
    // Three answers in the beginning, then one each interval; five minutes in the state at the least.
    const thirty = answered + 27 * interval + rtt;
    const aged = answered + Math.ceil((5 * MINUTE + rtt) / interval) * interval + rtt;
    t.same(lab.told, [
      { at: failed + 2 * PROBE_TIMEOUT, name: 'tunnel 0', from: 'healthy', to: 'down', reason: 'all_failed' },
      { at: confirmed, name: 'tunnel 0', from: 'down', to: 'degraded', reason: 'answers_again' },
      { at: Math.max(thirty, aged), name: 'tunnel 0', from: 'degraded', to: 'healthy', reason: 'recovered' },
    ]);
    t.equal(lab.prober.outcomes.answered, lab.prober.sent - (rate === 'high' ? 4 : 3));
    const recovery = (lab.told[2]!.at - lab.told[1]!.at) / MINUTE;
    t.ok(recovery >= 5 && recovery <= 30, `back after ${recovery} minutes`);
  });
}

t.test('a failed probe is followed by two at once, and only that one', async (t) => {
  const lab = new Lab([target(0, { interval: 10 * SECOND })]);
  outage(lab, 15 * SECOND, 25 * SECOND);
  lab.run(29 * SECOND);
  t.same(
    lab.probes.map(({ probe }) => probe.sent / SECOND),
    [0, 10, 20, 20.8, 20.8],
  );
  t.same(
    lab.results.map(({ at, ok, state }) => [at / SECOND, ok, state]),
    [
      [0.02, true, 'healthy'],
      [10.02, true, 'healthy'],
      [20.8, false, 'healthy'],
      [21.6, false, 'down'],
      [21.6, false, 'down'],
    ],
  );
});

t.test('a single lost probe changes nothing, two in five minutes degrade', async (t) => {
  const lab = new Lab([target(0, { interval: 10 * SECOND })]);
  lab.delay = ({ sent }) => (sent === 20 * SECOND || sent === 310 * SECOND ? Infinity : 0.02 * SECOND);
  lab.run(310 * SECOND);
  t.same(lab.told, []);
  lab.run(20 * MINUTE);
  // The failures are 290 s apart. The second one is the last: 30 probes later, after five minutes, all is well.
  t.same(
    lab.told.map(({ at, to }) => [at / SECOND, to]),
    [
      [310.8, 'degraded'],
      [620.02, 'healthy'],
    ],
  );
});

t.test('an answer that comes with the time-out is late', async (t) => {
  const lab = new Lab([target(0)]);
  lab.delay = () => PROBE_TIMEOUT - 1;
  lab.run(10 * SECOND);
  t.equal(lab.state(), 'healthy');
  const slow = new Lab([target(0)]);
  slow.delay = () => PROBE_TIMEOUT;
  slow.run(10 * SECOND);
  t.equal(slow.state(), 'down');
  t.equal(slow.prober.outcomes.answered, 0);
  t.ok(slow.prober.outcomes.late > 0);
});

t.test('both types, both directions and both families are answered', async (t) => {
  const six = { ours: parseAddress('2001:db8::1')!.bytes, theirs: parseAddress('2001:db8::a')!.bytes };
  const lab = new Lab(
    (['reply', 'request'] as const).flatMap((type, i) => [
      target(4 * i, { type }),
      target(4 * i + 1, { type, isBidirectional: true }),
      target(4 * i + 2, { type, addresses: six }),
      target(4 * i + 3, { type, addresses: six, isBidirectional: true }),
    ]),
  );
  lab.run(10 * SECOND);
  t.same(lab.told, []);
  t.equal(lab.prober.sent, 8 * 10 + 1, 'the first target has its place at 0 s, and at 10 s again');
  t.equal(lab.prober.outcomes.answered, 8 * 10);
});

t.test('what is no answer is refused and counted', async (t) => {
  const lab = new Lab([target(0), target(1, { isBidirectional: true })]);
  lab.delay = () => Infinity;
  lab.run(0.7 * SECOND);
  const [first, second] = lab.probes.map(({ bytes }) => bytes);
  const { probe } = lab.probes[0]!;
  const changed = (change: Partial<typeof probe>): Uint8Array => {
    const bytes = new Uint8Array(64);
    writeProbe(bytes, 0, 'reply', target(0).addresses, { ...probe, ...change }, key);
    return bytes;
  };
  t.equal(lab.receive(new Uint8Array(64)), 'not_ip');
  t.equal(lab.receive(Uint8Array.from(first!).fill(0, 60)), 'bad_checksum');
  t.equal(lab.receive(changed({ sequence: 77 })), 'not_awaited', 'never sent');
  t.equal(lab.receive(changed({ sent: 1 })), 'not_awaited', 'sent at another time, before a restart');
  const elsewhere = new Uint8Array(64);
  writeProbe(elsewhere, 0, 'reply', target(1).addresses, probe, key);
  t.equal(lab.receive(elsewhere), 'other_addresses');
  t.equal(lab.receive(second!, -1), 'other_way', 'over the Internet, though bidirectional');
  t.equal(lab.receive(second!, 0), 'other_way', 'out of another tunnel');
  t.equal(lab.prober.outcomes.answered, 0);
  t.equal(lab.receive(first!), 'answered');
  t.equal(lab.receive(first!), 'not_awaited', 'once');
  t.equal(lab.receive(second!, 1), 'answered');
  t.same(lab.told, []);
  lab.now = 0.9 * SECOND;
  t.equal(lab.receive(first!), 'late');
});

t.test('an answer that lands elsewhere is handed over', async (t) => {
  const fra = new Lab([target(0)], 5);
  const ams = new Lab([target(0)], 6);
  fra.delay = () => Infinity;
  fra.run(fra.prober.next);
  const { bytes, probe } = fra.probes[0]!;
  ams.now = fra.now = probe.sent + 0.05 * SECOND;
  t.equal(ams.receive(bytes), 'for_other');
  t.equal(ams.prober.answer.pop, 5, 'to whom');
  t.equal(fra.receive(bytes, WAY_UNKNOWN), 'answered');
});

t.test('other targets are taken up, and what is known stays', async (t) => {
  const lab = new Lab([target(0), target(1), target(2)]);
  lab.delay = (_, { name }) => (name === 'tunnel 1' ? Infinity : 0.5 * SECOND);
  lab.run(10.3 * SECOND);
  t.equal(lab.state(1), 'down');
  const since = lab.prober.sinceOf(1);
  t.ok(
    lab.probes.some(({ probe }) => probe.sent > 9.9 * SECOND),
    'some are on their way',
  );
  lab.prober.setTargets([target(3), target(2), target(1)], lab.now);
  t.same([lab.state(0), lab.state(1), lab.state(2)], ['healthy', 'healthy', 'down']);
  t.equal(lab.prober.sinceOf(2), since);
  lab.run(20 * SECOND);
  t.same(
    lab.told.map(({ name, to }) => [name, to]),
    [['tunnel 1', 'down']],
    'no answer on its way was lost',
  );
  const { outcomes } = lab.prober;
  t.same(
    [outcomes.other_addresses, outcomes.not_awaited],
    [0, 1],
    'those of a target that is gone are not waited for',
  );
  const onItsWay = lab.results.filter(({ at, name }) => name === 'tunnel 2' && at > 10.3 * SECOND)[0]!;
  t.ok(onItsWay.ok && onItsWay.at < 10.9 * SECOND);
  t.notOk(
    lab.results.some(({ at, name }) => at > 10.3 * SECOND && name === 'tunnel 0'),
    'gone is gone',
  );
});

t.test('impossible targets are refused, and nothing changes', async (t) => {
  const lab = new Lab([target(0)]);
  t.throws(() => lab.prober.setTargets([target(1), target(1)], 0), /two targets have one name/);
  t.throws(
    () => lab.prober.setTargets([target(1, { interval: 0.4 * SECOND })], 0),
    /interval of 400000000 ns/,
  );
  t.throws(() => lab.prober.setTargets([target(1, { interval: NaN })], 0), RangeError);
  t.same(
    lab.prober.targets.map(({ name }) => name),
    ['tunnel 0'],
  );
  t.throws(() => new Prober({ pop: 0, key, targets: [target(0), target(0)], sink: lab, now: 0 }), RangeError);
});

t.test('without targets there is nothing to do', async (t) => {
  const lab = new Lab([]);
  t.equal(lab.prober.next, Infinity);
  lab.run(MINUTE);
  t.equal(lab.prober.sent, 0);
});

t.test('a tunnel is found down by timers that are late, up to 200 ms', async (t) => {
  const statesWith = (late: number): string[] => {
    const lab = new Lab([target(0, { interval: 10 * SECOND })]);
    lab.delay = () => Infinity;
    for (let i = 0; i < 3; i++) {
      lab.now = lab.prober.next + late;
      lab.prober.advance(lab.now);
    }
    return lab.told.map(({ to }) => to);
  };
  t.same(statesWith(0), ['down']);
  t.same(statesWith(0.199 * SECOND), ['down']);
  t.same(statesWith(0.2 * SECOND), ['degraded'], 'the first failure is a second old');
});

t.test('after a pause nothing is made of what was on its way', async (t) => {
  const lab = new Lab([target(0), target(1)]);
  lab.run(10 * SECOND);
  const { sent } = lab.prober;
  lab.now = 50 * SECOND;
  lab.prober.resume(lab.now);
  t.equal(lab.prober.sent, sent);
  t.ok(lab.prober.next >= lab.now);
  lab.run(100 * SECOND);
  t.same(lab.told, []);
  t.notOk(lab.results.some(({ ok }) => !ok));
});

t.test('a prober that was stopped for long goes on where it is', async (t) => {
  const lab = new Lab([target(0), target(1)]);
  lab.run(10 * SECOND);
  const sent = lab.prober.sent;
  lab.now = 1000 * SECOND;
  lab.prober.advance(lab.now);
  t.ok(
    lab.prober.sent - sent <= 6,
    'one probe each instead of a thousand, and two to confirm what was on its way',
  );
  lab.run(1400 * SECOND);
  t.same([lab.state(0), lab.state(1)], ['healthy', 'healthy']);
});

t.test('every probe has one result, and states follow the rules', async (t) => {
  const scenario = fc.record({
    targets: fc.array(fc.constantFrom(1, 10, 60), { minLength: 1, maxLength: 5 }),
    seed: fc.integer(),
    outages: fc.array(fc.tuple(fc.nat(4), fc.nat(400), fc.nat(60)), { maxLength: 6 }),
    loss: fc.constantFrom(0, 0, 0.02, 0.3),
  });
  fc.assert(
    fc.property(scenario, ({ targets, seed, outages, loss }) => {
      const lab = new Lab(targets.map((seconds, i) => target(i, { interval: seconds * SECOND })));
      let state = seed | 1;
      const random = (): number => {
        state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
        return (state >>> 0) / 2 ** 32;
      };
      lab.delay = ({ sent }, { nexthop }) => {
        const isOut = outages.some(
          ([which, from, seconds]) =>
            which === nexthop && sent >= from * SECOND && sent < (from + seconds) * SECOND,
        );
        return isOut || random() < loss ? Infinity : Math.round((0.001 + 0.9 * random() ** 4) * SECOND);
      };
      lab.run(900 * SECOND);
      const { prober } = lab;
      const onTheirWay = lab.probes.filter(({ probe }) => probe.sent + PROBE_TIMEOUT > lab.now).length;
      if (lab.results.length > prober.sent || lab.results.length + onTheirWay < prober.sent) return false;
      if (lab.results.filter(({ ok }) => ok).length !== prober.outcomes.answered) return false;
      for (const [i] of targets.entries()) {
        const naive = new NaiveHealth();
        const mine = lab.results.filter(({ name }) => name === `tunnel ${i}`);
        for (const [k, { at, ok, state }] of mine.entries()) {
          naive.record(at, ok);
          // Failures of one instant are judged together.
          const next = mine[k + 1];
          if (next?.at === at && !next.ok && !ok) continue;
          naive.judge(at);
          if (naive.state !== state) return false;
        }
        if (mine.some(({ at }, k) => k > 0 && at < mine[k - 1]!.at)) return false;
      }
      return true;
    }),
    { numRuns: 100 },
  );
  t.pass();
});

t.test('the same is done whoever asks, and an answer may come by any copy of it', async (t) => {
  const trace = (): string => {
    const lab = new Lab([target(0), target(1, { type: 'request' }), target(2, { interval: 10 * SECOND })]);
    outage(lab, 5 * SECOND, 9 * SECOND);
    lab.run(400 * SECOND);
    return JSON.stringify([lab.told, lab.probes.map(({ bytes }) => Buffer.from(bytes).toString('hex'))]);
  };
  t.equal(trace(), trace());
  const lab = new Lab([target(0, { type: 'request' })]);
  lab.delay = () => Infinity;
  lab.run(0.1 * SECOND);
  t.equal(lab.receive(lab.probes[0]!.bytes), 'not_echo_reply', 'our own request comes back');
  t.equal(lab.receive(answerTo(lab.probes[0]!.bytes, 'request')), 'answered');
});

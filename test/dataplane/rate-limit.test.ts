import t from 'tap';
import { Verdict } from '../../src/dataplane/verdicts.js';
import { RateLimit } from '../../src/dataplane/rate-limit.js';
import { Misc } from '../../src/dataplane/counters.js';
import { route, run, tables, tunnel } from './harness.js';

void t.test('a bucket gives its size at once and refills with time', (t) => {
  const limit = new RateLimit(10);
  const take = (n: number): number => Array.from({ length: n }, () => limit.take()).filter(Boolean).length;
  limit.advance(1000);
  t.equal(take(20), 10);
  limit.advance(1100);
  t.equal(take(20), 1);
  limit.advance(900);
  t.equal(take(20), 0, 'a clock that steps back gives nothing');
  limit.advance(10_000);
  t.equal(take(20), 10, 'never more than its size');
  t.end();
});

void t.test('errors beyond the rate are suppressed and counted, the verdict stays', (t) => {
  const spec = tables([tunnel('a', '198.51.100.1', '203.0.113.10')], [route('192.0.2.0/24', 0)]);
  const big = {
    ip: { source: '8.8.8.8', destination: '192.0.2.1', dontFragment: true },
    udp: {},
    payload: 1500,
  };
  const { counters, outcomes } = run(spec, [big, big, big], { icmpPerSecond: 2 });
  t.equal(counters[Verdict.mtu_exceeded], 3);
  t.equal(counters[Misc.icmp_errors], 2);
  t.equal(counters[Misc.icmp_suppressed], 1);
  t.same(
    outcomes.map((o) => o.outputs.length),
    [1, 1, 0],
  );
  t.end();
});

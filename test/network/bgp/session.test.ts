import fc from 'fast-check';
import t from 'tap';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { establishedWith, eventsOf, prefix, prefixesOf, sessionWith, when } from './example.js';

t.test('two sides that fit establish at once, with the smaller hold time', async (t) => {
  const session = establishedWith();
  t.equal(session.state, 'established');
  t.equal(session.customerState, 'established');
  t.equal(session.holdTime, 90);
  t.equal(session.reason, '');
  t.strictSame(prefixesOf(session), ['203.0.113.0/24', '198.51.100.0/24']);
});

t.test('every state shows on the way', async (t) => {
  const session = sessionWith({}, { latency: 10 * MILLISECOND });
  session.start(0);
  session.advance(SECOND);
  const states = session
    .takeEvents()
    .filter(({ side, kind }) => side === 'edge' && kind === 'state')
    .map(({ at, text }) => `${at / MILLISECOND} ${text}`);
  t.strictSame(states, ['0 connect', '10 open_sent', '30 open_confirm', '30 established']);
});

t.test('hold times: CNI 240 s, tunnels 90 s, the smaller of both, 0 for none', async (t) => {
  const holdTime = (edge: number, customer: number): number =>
    establishedWith({ edge: { holdTime: edge }, customer: { holdTime: customer } }).holdTime;
  t.equal(holdTime(240, 240), 240);
  t.equal(holdTime(240, 90), 90);
  t.equal(holdTime(90, 180), 90);
  t.equal(holdTime(240, 0), 0);
});

t.test('a hold time of 1 or 2 seconds is refused', async (t) => {
  const session = establishedWith({ customer: { holdTime: 2 } });
  t.equal(session.state, 'idle');
  t.equal(session.reason, 'sent 2/6 (unacceptable hold time)');
});

t.test('a keepalive each third of the hold time', async (t) => {
  const session = establishedWith({ edge: { holdTime: 240 }, customer: { holdTime: 240 } });
  t.equal(session.next, 80 * SECOND);
  session.advance(80 * SECOND);
  t.equal(session.next, 160 * SECOND);
});

t.test('a path that is cut takes the session down when the hold time is over, to the second', async (t) => {
  const session = establishedWith({ customer: { holdTime: 240 } });
  // Keepalives came at 80 and 160 s; the one of 240 s is lost.
  session.setPath(200 * SECOND, false);
  t.equal(
    when(session, 1000, () => session.state !== 'established'),
    160 + 240,
  );
  t.strictSame(prefixesOf(session), [], 'the hold timer is no restart: routes go at once');
  const events = eventsOf(session).filter((line) => line.includes('edge'));
  t.strictSame(events.slice(0, 4), [
    '400 log edge: %BGP-3-NOTIFICATION: sent to neighbor 192.0.2.1 4/0 (hold time expired)',
    '400 state edge: idle',
    '400 log edge: %BGP-5-ADJCHANGE: neighbor 192.0.2.1 Down sent 4/0 (hold time expired)',
    '400 routes edge: 2 removed: the session went down',
  ]);
});

t.test('a path that is back before the hold time is over leaves the session as it was', async (t) => {
  const session = establishedWith();
  session.setPath(10 * SECOND, false);
  session.setPath(70 * SECOND, true);
  session.advance(3600 * SECOND);
  t.equal(session.state, 'established');
  t.strictSame(eventsOf(session), []);
});

t.test('a session over a path that is down connects when the path is up', async (t) => {
  const session = sessionWith();
  session.setPath(0, false);
  session.start(0);
  session.advance(8 * SECOND);
  t.equal(session.state, 'active');
  t.equal(session.reason, 'no answer from 192.0.2.1');
  session.setPath(12 * SECOND, true);
  t.equal(
    when(session, 60, () => session.state === 'established'),
    13,
    'with the SYN that is sent again 3 s after the one of 10 s',
  );
});

t.test('after the hold time the session comes back with the path', async (t) => {
  const session = establishedWith();
  session.setPath(5 * SECOND, false);
  session.setPath(300 * SECOND, true);
  session.advance(320 * SECOND);
  t.equal(session.state, 'established');
  t.strictSame(prefixesOf(session), ['203.0.113.0/24', '198.51.100.0/24']);
});

t.test('MD5: keys that differ never establish, and both logs say why', async (t) => {
  const session = sessionWith({ edge: { md5Key: 'right' }, customer: { md5Key: 'wrong' } });
  session.start(0);
  session.advance(3600 * SECOND);
  t.not(session.state, 'established');
  t.match(session.reason, /^%TCP-6-BADAUTH: Invalid MD5 digest from 192\.0\.2\.1/);
  const logs = session.takeEvents().filter(({ kind }) => kind === 'log');
  t.strictSame(
    logs.map(({ side, text }) => `${side}: ${text}`),
    [
      'edge: %TCP-6-BADAUTH: Invalid MD5 digest from 192.0.2.1(49153) to 192.0.2.0(179)',
      'customer: %TCP-6-BADAUTH: Invalid MD5 digest from 192.0.2.0(49154) to 192.0.2.1(179)',
    ],
    'once each, not with every attempt',
  );
});

t.test('MD5 on one side only', async (t) => {
  const session = sessionWith({ edge: { md5Key: 'key' } });
  session.start(0);
  session.advance(60 * SECOND);
  t.not(session.state, 'established');
  const logs = session.takeEvents().filter(({ kind }) => kind === 'log');
  t.match(logs[0]?.text, /No MD5 digest from 192\.0\.2\.1/);
  t.match(logs[1]?.text, /Unexpected MD5 digest from 192\.0\.2\.0/);
  t.equal(establishedWith({ edge: { md5Key: 'k' }, customer: { md5Key: 'k' } }).state, 'established');
});

t.test('another AS than the edge expects', async (t) => {
  const session = sessionWith({ customer: { asn: 65099 } });
  session.start(0);
  session.advance(0);
  t.equal(session.state, 'idle');
  t.equal(session.reason, 'sent 2/2 (peer in wrong AS)');
  session.advance(600 * SECOND);
  t.not(session.state, 'established');
});

t.test('only eBGP: the same AS on both sides is refused', async (t) => {
  const session = sessionWith({ customer: { asn: 13335 } }, { customerAsn: 13335 });
  session.start(0);
  session.advance(600 * SECOND);
  t.equal(session.state, 'idle');
  t.equal(session.reason, 'remote AS 13335 is the local AS: only eBGP is supported');
});

t.test('announce, change, withdraw', async (t) => {
  const session = establishedWith();
  session.announce(SECOND, prefix('203.0.113.128/25', { communities: ['13335:60050'], prepend: 2 }));
  session.withdraw(2 * SECOND, '198.51.100.0/24');
  session.announce(3 * SECOND, prefix('203.0.113.0/24', { prepend: 1 }));
  session.advance(3 * SECOND);
  t.strictSame(session.routes(), [
    {
      prefix: '203.0.113.0/24',
      communities: [],
      prepend: 1,
      nexthop: 'cni1',
      session: 'acme',
      stale: false,
    },
    {
      prefix: '203.0.113.128/25',
      communities: ['13335:60050'],
      prepend: 2,
      nexthop: 'cni1',
      session: 'acme',
      stale: false,
    },
  ]);
  t.strictSame(eventsOf(session), [
    '1 routes edge: learned 203.0.113.128/25',
    '2 routes edge: withdrawn 198.51.100.0/24',
    '3 routes edge: learned 203.0.113.0/24',
  ]);
});

t.test('what is announced while the session is down is learned when it is up', async (t) => {
  const session = establishedWith();
  session.setPath(0, false);
  session.advance(200 * SECOND);
  session.withdraw(200 * SECOND, '198.51.100.0/24');
  session.announce(201 * SECOND, prefix('203.0.113.64/26'));
  session.setPath(202 * SECOND, true);
  session.advance(220 * SECOND);
  t.strictSame(prefixesOf(session), ['203.0.113.0/24', '203.0.113.64/26']);
});

t.test('graceful restart: routes stay as stale while the peer restarts', async (t) => {
  const session = establishedWith();
  session.restart(100 * SECOND, 60 * SECOND);
  session.advance(101 * SECOND);
  t.equal(session.state, 'active');
  t.strictSame(prefixesOf(session), ['203.0.113.0/24 stale', '198.51.100.0/24 stale']);
  session.withdraw(120 * SECOND, '198.51.100.0/24');
  session.advance(160 * SECOND);
  t.equal(session.state, 'established');
  t.strictSame(prefixesOf(session), ['203.0.113.0/24'], 'what the peer no longer announces goes');
  t.match(eventsOf(session).join('\n'), /100 routes edge: 2 kept as stale for 120 s/);
});

t.test('graceful restart: 120 s, and not one second more', async (t) => {
  const session = establishedWith();
  session.restart(100 * SECOND, 600 * SECOND);
  session.advance(220 * SECOND - 1);
  t.equal(session.routes().length, 2);
  session.advance(220 * SECOND);
  t.equal(session.routes().length, 0);
  session.advance(700 * SECOND);
  t.strictSame(prefixesOf(session), ['203.0.113.0/24', '198.51.100.0/24']);
});

t.test('without graceful restart the routes go with the session', async (t) => {
  const session = establishedWith({ customer: { gracefulRestart: false } });
  session.restart(100 * SECOND, 5 * SECOND);
  session.advance(100 * SECOND);
  t.strictSame(prefixesOf(session), []);
  session.advance(105 * SECOND);
  t.strictSame(prefixesOf(session), ['203.0.113.0/24', '198.51.100.0/24']);
});

t.test('a router without power', async (t) => {
  const lost = establishedWith();
  lost.setPeer(10 * SECOND, false);
  // The last keepalive came at 0 s, the one of 30 s does not.
  t.equal(
    when(lost, 500, () => lost.state !== 'established'),
    90,
  );
  const back = establishedWith();
  back.setPeer(10 * SECOND, false);
  back.setPeer(40 * SECOND, true);
  back.advance(40 * SECOND);
  t.equal(back.state, 'established', 'its new connection tells that it has restarted');
  t.strictSame(prefixesOf(back), ['203.0.113.0/24', '198.51.100.0/24']);
  const plain = establishedWith({ customer: { gracefulRestart: false } });
  plain.setPeer(10 * SECOND, false);
  plain.setPeer(40 * SECOND, true);
  plain.advance(120 * SECOND);
  t.equal(plain.state, 'established');
  t.match(eventsOf(plain).join('\n'), /routes edge: 2 removed/);
});

t.test('BFD: down after three packets are missing, long before the hold time', async (t) => {
  const bfd = { interval: 300 * MILLISECOND, multiplier: 3 };
  const session = establishedWith({ customer: { holdTime: 240 } }, { bfd });
  session.setPath(100 * SECOND, false);
  const down = when(session, 1000, () => session.state !== 'established');
  t.ok(down !== null && down > 100.6 && down <= 100.9, `down at ${down}`);
  t.equal(session.reason, 'sent 6/10 (BFD down)');
  t.strictSame(prefixesOf(session), []);
  const short = establishedWith({}, { bfd });
  short.setPath(100 * SECOND, false);
  short.setPath(100.5 * SECOND, true);
  short.advance(200 * SECOND);
  t.equal(short.state, 'established', 'half a second is too short');
});

t.test('to be told again and again that the path is up keeps BFD from nothing', async (t) => {
  const session = establishedWith({}, { bfd: { interval: 300 * MILLISECOND, multiplier: 3 } });
  for (let now = 0; now < 10; now++) session.setPath(now * SECOND, true);
  session.setPath(10 * SECOND, false);
  session.advance(11 * SECOND);
  t.equal(session.reason, 'sent 6/10 (BFD down)');
});

t.test('too many prefixes: the session goes to rest until it is cleared', async (t) => {
  const session = establishedWith({}, { prefixLimit: 2 });
  session.announce(SECOND, prefix('203.0.113.64/26'));
  session.advance(SECOND);
  t.equal(session.state, 'idle');
  t.equal(session.reason, 'sent 6/1 (maximum number of prefixes reached)');
  t.strictSame(prefixesOf(session), []);
  session.withdraw(2 * SECOND, '203.0.113.64/26');
  session.advance(600 * SECOND);
  t.equal(session.state, 'idle');
  session.clear(600 * SECOND);
  session.advance(620 * SECOND);
  t.equal(session.state, 'established');
});

t.test('a filter refuses announcements, and a refused one replaces nothing', async (t) => {
  const session = sessionWith({}, { filter: ({ prepend }) => (prepend > 3 ? 'too far away' : null) });
  session.announce(0, prefix('203.0.113.0/24'));
  session.start(0);
  session.advance(0);
  session.announce(SECOND, prefix('203.0.113.0/24', { prepend: 4 }));
  session.advance(SECOND);
  t.strictSame(prefixesOf(session), [], 'the earlier announcement does not hold any more');
  t.match(eventsOf(session).join('\n'), /1 log edge: 203\.0\.113\.0\/24 refused: too far away/);
});

t.test('removed on the edge: the peer is told', async (t) => {
  const session = establishedWith();
  session.remove(5 * SECOND);
  session.advance(5 * SECOND);
  t.strictSame(prefixesOf(session), []);
  t.match(eventsOf(session).join('\n'), /received from neighbor 192\.0\.2\.0 6\/3 \(peer de-configured\)/);
});

t.test('whatever happens: it comes to rest established, with what is announced', async (t) => {
  const step = fc.record({
    after: fc.integer({ min: 0, max: 200 }),
    what: fc.constantFrom('cut', 'mend', 'off', 'on', 'restart', 'announce', 'withdraw'),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 20 }),
      fc.boolean(),
      fc.constantFrom(0, MILLISECOND, 80 * MILLISECOND),
      (steps, gracefulRestart, latency) => {
        const run = (): string => {
          const session = establishedWith({ customer: { gracefulRestart } }, { latency });
          let now = 0;
          for (const { after, what } of steps) {
            now += after * SECOND;
            if (what === 'cut' || what === 'mend') session.setPath(now, what === 'mend');
            else if (what === 'off' || what === 'on') session.setPeer(now, what === 'on');
            else if (what === 'restart') session.restart(now, 30 * SECOND);
            else if (what === 'announce') session.announce(now, prefix('203.0.113.0/24'));
            else session.withdraw(now, '203.0.113.0/24');
          }
          session.setPath(now, true);
          session.setPeer(now, true);
          session.withdraw(now, '198.51.100.0/24');
          session.announce(now, prefix('203.0.113.0/24'));
          session.advance(now + 600 * SECOND);
          t.equal(session.state, 'established');
          t.strictSame(prefixesOf(session), ['203.0.113.0/24']);
          return eventsOf(session).join('\n');
        };
        return run() === run();
      },
    ),
    { numRuns: 200 },
  );
});

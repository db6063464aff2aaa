import t from 'tap';
import type { NetworkConfig } from '../../../src/config/network.js';
import type { CustomerBgp } from '../../../src/network/bgp/session-options.js';
import { BgpSessions } from '../../../src/network/bgp/sessions.js';
import { SECOND } from '../../../src/network/time.js';
import { learnedEntry } from '../../../src/network/routing/learned-entry.js';
import { ACME, interconnectConfig, sessionConfig } from '../example-network.js';
import { prefix } from './example.js';

const NETWORK: NetworkConfig = {
  ...ACME,
  interconnects: [
    interconnectConfig('v1', 0, { dataplane: 1, bfd: true }),
    // The door refuses BFD there; whoever comes past it gets none.
    interconnectConfig('v2', 2, { bfd: true }),
    interconnectConfig('gcp', 4, { kind: 'cloud' }),
  ],
};

const CUSTOMER: CustomerBgp = {
  asn: 65_001,
  md5_key: null,
  hold_time: 240,
  graceful_restart: true,
  announces: [prefix('192.0.2.0/24', { communities: ['13335:60150'], prepend: 1 })],
};

function sessions(): BgpSessions {
  return new BgpSessions({ asn: 13335, endpoints: ['198.51.100.1', '198.51.100.2'] });
}

t.test('over tunnel and interconnects, all at once; priorities by routing', async (t) => {
  const all = sessions();
  all.put(0, NETWORK, sessionConfig('a', 'v2', { hold_time: 240 }), CUSTOMER);
  all.put(0, NETWORK, sessionConfig('b', 'acme_1'), { ...CUSTOMER, announces: [prefix('192.0.2.0/24')] });
  all.advance(SECOND);
  t.equal(all.get('a')?.holdTime, 240);
  t.equal(all.get('b')?.holdTime, 90);
  t.strictSame(
    all.routes().map((route) => {
      const { nexthop, priority } = learnedEntry(route);
      return `${nexthop} ${priority}`;
    }),
    ['v2 160', 'acme_1 100'],
  );
  const texts = all.takeEvents().map(({ session, text }) => `${session} ${text}`);
  t.ok(texts.includes('a %BGP-5-ADJCHANGE: neighbor 172.16.0.3 Up'), 'neighbours by their /31');
  t.ok(texts.includes('b %BGP-5-ADJCHANGE: neighbor 10.100.0.3 Up'));
});

t.test('routes learned over a cloud interconnect are ignored', async (t) => {
  const all = sessions();
  all.put(0, NETWORK, sessionConfig('g', 'gcp'), CUSTOMER);
  all.advance(SECOND);
  t.equal(all.get('g')?.state, 'established');
  t.strictSame(all.routes(), []);
  const texts = all.takeEvents().map(({ text }) => text);
  t.ok(texts.some((text) => text.startsWith('192.0.2.0/24 refused: routes of a cloud interconnect')));
});

t.test('over a circuit that takes only GRE nothing is learned', async (t) => {
  const all = sessions();
  all.put(0, NETWORK, sessionConfig('a', 'v1'), CUSTOMER);
  all.advance(SECOND);
  t.equal(all.get('a')?.state, 'established');
  t.strictSame(all.routes(), []);
});

t.test('BFD only where dataplane 1 has it', async (t) => {
  const all = sessions();
  all.put(0, NETWORK, sessionConfig('with', 'v1', { hold_time: 240 }), CUSTOMER);
  all.put(0, NETWORK, sessionConfig('without', 'v2', { hold_time: 240 }), CUSTOMER);
  all.advance(10 * SECOND);
  all.setPath(10 * SECOND, 'v1', false);
  all.setPath(10 * SECOND, 'v2', false);
  all.advance(11 * SECOND);
  t.equal(all.get('with')?.state, 'idle');
  t.equal(all.get('without')?.state, 'established');
  all.advance(241 * SECOND);
  t.equal(all.get('without')?.state, 'idle');
});

t.test('replaced and removed sessions take their routes with them, and the revision grows', async (t) => {
  const all = sessions();
  all.put(0, NETWORK, sessionConfig('a', 'v2'), CUSTOMER);
  all.advance(SECOND);
  const first = all.revision;
  all.put(2 * SECOND, NETWORK, sessionConfig('a', 'v2', { customer_asn: 65_099 }), CUSTOMER);
  t.strictSame(all.routes(), []);
  all.advance(3 * SECOND);
  t.strictSame(all.routes(), []);
  const second = all.revision;
  t.ok(second > first);
  all.remove(4 * SECOND, 'a');
  t.ok(all.revision > second);
  t.equal(all.next, Infinity);
  t.match(
    all
      .takeEvents()
      .map(({ text }) => text)
      .join('\n'),
    /peer in wrong AS/,
  );
  t.throws(() => all.put(0, NETWORK, sessionConfig('x', 'nothing'), CUSTOMER), RangeError);
});

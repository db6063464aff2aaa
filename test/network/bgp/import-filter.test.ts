import t from 'tap';
import { importFilter, importRules, type ImportRules } from '../../../src/network/bgp/import-filter.js';
import { interconnectConfig } from '../example-network.js';
import { prefix } from './example.js';

const RULES: ImportRules = {
  advertised: ['203.0.113.0/24', '2001:db8:1::/48'],
  edgeAddresses: ['198.51.100.1'],
  ignored: null,
};

function faultOf(text: string, rules = RULES): string | null {
  return importFilter(rules)(prefix(text));
}

t.test('parts and sums of advertised prefixes, private ones, a default route', async (t) => {
  for (const text of ['203.0.113.0/24', '203.0.113.8/29', '203.0.112.0/22', '10.0.0.0/8', '0.0.0.0/0']) {
    t.equal(faultOf(text), null, text);
  }
  t.equal(faultOf('2001:db8:1:2::/64'), null);
});

t.test('what is somebody else’s, the edge’s own, or nobody’s', async (t) => {
  t.equal(faultOf('192.0.2.0/24'), 'it is no part of an advertised prefix');
  t.equal(faultOf('2001:db8:2::/48'), 'it is no part of an advertised prefix');
  t.equal(faultOf('198.51.100.0/24'), 'it holds an address of the edge');
  t.equal(faultOf('127.0.0.0/8'), 'no host can have its addresses');
  t.equal(faultOf('224.0.0.0/4'), 'no host can have its addresses');
  t.equal(faultOf('192.0.2.0'), 'it is no prefix');
});

t.test('without a list of advertised prefixes every public one passes', async (t) => {
  t.equal(faultOf('192.0.2.0/24', { ...RULES, advertised: [] }), null);
});

t.test('over a next hop that brings no routes', async (t) => {
  const network = {
    prefixes: [{ prefix: '203.0.113.0/24' }],
    interconnects: [
      interconnectConfig('v2', 0),
      interconnectConfig('gcp', 2, { kind: 'cloud' }),
      interconnectConfig('v1', 4, { dataplane: 1 }),
      interconnectConfig('dsr', 6, { dataplane: 1, gre_less: true }),
      interconnectConfig('express', 8, { product: 'express' }),
    ],
  };
  const over = (nexthop: string): string | null =>
    faultOf('203.0.113.0/24', importRules(network, nexthop, RULES.edgeAddresses));
  for (const nexthop of ['v2', 'dsr', 'a tunnel']) t.equal(over(nexthop), null, nexthop);
  t.equal(over('gcp'), 'routes of a cloud interconnect are not taken, only static ones count');
  t.equal(
    over('v1'),
    'v1 takes packets in GRE only, so that routes come over sessions of the tunnels over it',
  );
  t.equal(over('express'), 'an express interconnect has no BGP');
  t.match(importRules(network, 'v2', RULES.edgeAddresses), {
    advertised: ['203.0.113.0/24'],
    edgeAddresses: ['198.51.100.1'],
  });
});

import t from 'tap';
import { formatAddress } from '../../../src/config/address.js';
import { circuitAddresses } from '../../../src/network/interconnect/addresses.js';
import { CircuitState } from '../../../src/network/interconnect/circuit-state.js';
import { plainSpec } from '../../../src/network/interconnect/plain.js';
import { rulesOf } from '../../../src/network/interconnect/rules.js';
import { interconnectConfig } from '../example-network.js';
import type { InterconnectConfig } from '../../../src/config/network.js';

function circuit(name: string, more: Partial<InterconnectConfig> = {}): InterconnectConfig {
  return interconnectConfig(name, 0, more);
}

t.test('dataplane 1 with GRE', async (t) => {
  t.strictSame(rulesOf(circuit('c', { dataplane: 1 })), {
    delivery: { toCustomer: 'gre', toEdge: 'gre' },
    mtu: { toCustomer: 1476, toEdge: 1476 },
    vlan: true,
    bfd: true,
    lacp: true,
    bgp: 'required',
    learns: true,
    policedBy: 'tunnel',
  });
});

t.test('dataplane 1 without GRE towards the customer: 1500 there, 1476 back', async (t) => {
  t.match(rulesOf(circuit('c', { dataplane: 1, gre_less: true })), {
    delivery: { toCustomer: 'plain', toEdge: 'gre' },
    mtu: { toCustomer: 1500, toEdge: 1476 },
    policedBy: 'tunnel',
  });
});

t.test('dataplane 2: plain, 1500 both ways, no VLAN, no BFD, no LACP', async (t) => {
  t.strictSame(rulesOf(circuit('c', { dataplane: 2 })), {
    delivery: { toCustomer: 'plain', toEdge: 'plain' },
    mtu: { toCustomer: 1500, toEdge: 1500 },
    vlan: false,
    bfd: false,
    lacp: false,
    bgp: 'optional',
    learns: true,
    policedBy: 'connection',
  });
});

t.test('express: plain, 1500 both ways, without BGP; cloud: learns nothing', async (t) => {
  t.match(rulesOf(circuit('c', { product: 'express' })), {
    delivery: { toCustomer: 'plain', toEdge: 'plain' },
    mtu: { toCustomer: 1500, toEdge: 1500 },
    bgp: 'none',
    learns: false,
  });
  t.match(rulesOf(circuit('c', { product: 'express', dataplane: 1 })), {
    ...{ bgp: 'none', bfd: false, vlan: true, lacp: true },
    policedBy: 'connection',
  });
  t.match(rulesOf(circuit('c', { kind: 'cloud' })), { bgp: 'optional', learns: false });
  t.match(rulesOf(circuit('c', { kind: 'partner' })), { learns: true });
});

t.test('a /31: the edge has the given address, the customer the other one', async (t) => {
  const both = (text: string): string[] => {
    const { edge, customer } = circuitAddresses(text);
    return [formatAddress(edge), formatAddress(customer)];
  };
  t.strictSame(both('192.0.2.0/31'), ['192.0.2.0', '192.0.2.1']);
  t.strictSame(both('192.0.2.1/31'), ['192.0.2.1', '192.0.2.0']);
  t.strictSame(both('192.0.2.1/30'), ['192.0.2.1', '192.0.2.2']);
  t.throws(() => circuitAddresses('192.0.2.0/24'), RangeError);
  t.throws(() => circuitAddresses('2001:db8::/127'), RangeError);
});

t.test(
  'as a next hop of the dataplane: plain, as long as the circuit takes, errors from the edge',
  async (t) => {
    t.match(plainSpec(circuit('c', { interface_address: '192.0.2.0/31', mtu: 1400 })), {
      name: 'c',
      mode: 'plain',
      mtu: 1400,
      key: null,
      clampTo: { v4: 0, v6: 0 },
      icmpSource4: Uint8Array.of(192, 0, 2, 0),
      icmpSourceToOverlay4: Uint8Array.of(192, 0, 2, 1),
    });
    t.equal(plainSpec(circuit('c', { dataplane: 1, gre_less: true })).mtu, 1500);
  },
);

t.test('status: Active, Unhealthy, Pending', async (t) => {
  const state = new CircuitState(circuit('c'), { pending: true });
  t.equal(state.status, 'pending');
  t.equal(state.reason, 'not yet provisioned');
  state.provision();
  t.equal(state.status, 'active');
  state.setLight(-20);
  t.equal(state.status, 'active', '−20 dBm is not below');
  state.setLight(-20.1);
  t.equal(state.status, 'unhealthy');
  t.ok(state.isUp, 'dim light does not stop packets');
  state.setLight(-3);
  state.setEthernet(false);
  t.equal(state.status, 'unhealthy');
  t.equal(state.reason, 'no Ethernet');
  t.strictSame(state.link, { up: false, rate: 0, mtu: 1500 });
});

t.test('broken and in maintenance: up again when both are over', async (t) => {
  const state = new CircuitState(circuit('c', { speed: 100e9 }));
  t.strictSame(state.link, { up: true, rate: 100e9, mtu: 1500 });
  state.fail('maintenance m1');
  state.fail('cut');
  state.restore('maintenance m1');
  t.equal(state.reason, 'cut');
  t.equal(state.status, 'unhealthy');
  state.restore('cut');
  t.equal(state.status, 'active');
});

t.test('a bundle: each link counts, the last one takes the circuit down', async (t) => {
  const state = new CircuitState(circuit('c', { dataplane: 1, links: 2, speed: 10e9 }));
  t.equal(state.link.rate, 20e9);
  state.bundle.setLink(0, false);
  t.strictSame(state.link, { up: true, rate: 10e9, mtu: 1500 });
  t.equal(state.status, 'active');
  state.bundle.setLink(1, false);
  t.equal(state.status, 'unhealthy');
  t.equal(state.reason, '0 of 2 links up');
});

t.test('as a next hop for routing: dataplane 1 needs its BGP session, dataplane 2 does not', async (t) => {
  const v1 = new CircuitState(circuit('v1', { dataplane: 1 }));
  t.strictSame(v1.nexthop, { name: 'v1', delivery: 'gre', mtu: 1476, up: true, reason: null });
  v1.setBgp(false);
  t.match(v1.nexthop, { up: false, reason: 'its BGP session is not established' });
  t.ok(v1.isUp, 'BGP itself gets through');
  t.equal(v1.status, 'active', 'the status is about light and Ethernet');
  const v2 = new CircuitState(circuit('v2'));
  v2.setBgp(false);
  t.strictSame(v2.nexthop, { name: 'v2', delivery: 'plain', mtu: 1500, up: true, reason: null });
});

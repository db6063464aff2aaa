import t from 'tap';
import { formatAddress } from '../../../src/config/address.js';
import type { HealthCheckDirection } from '../../../src/config/network.js';
import {
  interconnectProbeAddresses,
  tunnelProbeAddresses,
  type ProbedTunnel,
} from '../../../src/network/health/probe-addresses.js';
import type { ProbeAddresses } from '../../../src/network/health/probe.js';

const tunnel: ProbedTunnel = {
  cloudflare_gre_endpoint: '198.51.100.1',
  customer_gre_endpoint: '203.0.113.10',
  interface_address: '10.100.0.8/31',
  interface_address6: null,
};
const tunnel6: ProbedTunnel = {
  cloudflare_gre_endpoint: '2001:db8::1',
  customer_gre_endpoint: '2001:db8:1::a',
  interface_address: null,
  interface_address6: 'fd00::2/127',
};

function shown(addresses: ProbeAddresses | string): string {
  return typeof addresses === 'string'
    ? addresses
    : `${formatAddress(addresses.ours)} ${formatAddress(addresses.theirs)}`;
}

t.test('between which addresses the probes of a tunnel go', async (t) => {
  const of = (
    direction: HealthCheckDirection,
    target: string | null = null,
    changed: Partial<ProbedTunnel> = {},
    base = tunnel,
  ): string => shown(tunnelProbeAddresses({ ...base, ...changed }, { direction, target }));
  t.equal(of('unidirectional'), '198.51.100.1 203.0.113.10', 'the ends of the tunnel');
  t.equal(of('unidirectional', '192.0.2.9'), '198.51.100.1 192.0.2.9', 'a target');
  t.match(of('unidirectional', '2001:db8::9'), /different families/);
  t.equal(of('bidirectional'), '10.100.0.8 10.100.0.9', 'the interface addresses');
  t.equal(of('bidirectional', null, { interface_address: '10.100.0.9/31' }), '10.100.0.9 10.100.0.8');
  t.equal(of('bidirectional', null, { interface_address: '10.100.0.9/30' }), '10.100.0.9 10.100.0.10');
  t.equal(of('bidirectional', '172.64.240.253'), '10.100.0.8 172.64.240.253', 'a target through the tunnel');
  t.match(of('bidirectional', null, { interface_address: null }), /needs an interface address/);
  t.equal(of('unidirectional', null, {}, tunnel6), '2001:db8::1 2001:db8:1::a');
  t.equal(of('bidirectional', null, {}, tunnel6), 'fd00::2 fd00::3');
  t.equal(of('bidirectional', null, { interface_address6: 'fd00::1/126' }, tunnel6), 'fd00::1 fd00::2');
  t.match(of('bidirectional', null, { interface_address6: 'fd00::1/64' }, tunnel6), /needs a target/);
  t.equal(of('bidirectional', 'fd00::7', { interface_address6: 'fd00::1/64' }, tunnel6), 'fd00::1 fd00::7');
  const both = { interface_address6: 'fd00::2/127' };
  t.equal(of('bidirectional', null, both), '10.100.0.8 10.100.0.9', 'IPv4 first');
  t.equal(of('bidirectional', 'fd00::9', both), 'fd00::2 fd00::9', 'or as the target is');
  t.match(of('bidirectional', 'fd00::9'), /different families/);
});

t.test('between which addresses the probes of an interconnect go', async (t) => {
  const of = (direction: HealthCheckDirection, target: string | null = null): string =>
    shown(
      interconnectProbeAddresses({ interface_address: '192.0.2.0/31' }, '198.51.100.1', {
        direction,
        target,
      }),
    );
  t.equal(of('bidirectional'), '192.0.2.0 192.0.2.1');
  t.equal(of('unidirectional'), '198.51.100.1 192.0.2.1', 'the answer comes over the Internet');
  t.equal(of('unidirectional', '203.0.113.10'), '198.51.100.1 203.0.113.10');
  t.match(of('unidirectional', 'fd00::1'), /different families/);
});

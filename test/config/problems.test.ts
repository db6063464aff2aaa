import t from 'tap';
import { parseConfig } from '../../src/config/load.js';
import { ConfigError, formatPath } from '../../src/config/problem.js';
import { EXAMPLE, withTunnel } from './example.js';

/** The messages for a text, without the file's name. */
function complaints(text: string): string[] {
  try {
    parseConfig(text, 'f');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replace(/^f:/, ''));
  }
  return [];
}

/** One wrong line in a tunnel, which is line 6. */
function inTunnel(line: string): string[] {
  return complaints(withTunnel(`    ${line}\n`));
}

function inRoute(keys: string): string[] {
  return complaints(withTunnel('', `routes:\n  - { ${keys} }\n`));
}

t.test('the example of the format', async (t) => {
  const text =
    'node: { name: n }\ntunnels:\n  - name: a\n    local: 198.51.100.1\n    remote: 203.0.113.1\n    key: 1\n    ttl:   300\n';
  try {
    parseConfig(text, 'grebe.yaml');
    t.fail('no error');
  } catch (error) {
    t.type(error, ConfigError);
    if (!(error instanceof ConfigError)) return;
    t.equal(error.name, 'ConfigError');
    t.equal(error.message, 'grebe.yaml:7:12: tunnels[0].ttl: found 300, expected an integer from 1 to 255');
    t.strictSame(error.problems, [
      {
        file: 'grebe.yaml',
        line: 7,
        column: 12,
        path: 'tunnels[0].ttl',
        found: '300',
        expected: 'an integer from 1 to 255',
        message: 'found 300, expected an integer from 1 to 255',
      },
    ]);
  }
});

t.test('one value', async (t) => {
  const cases: Record<string, string> = {
    'ttl: 0': '10: tunnels[0].ttl: found 0, expected an integer from 1 to 255',
    'ttl: 6.5': '10: tunnels[0].ttl: found 6.5, expected an integer from 1 to 255',
    'ttl: .inf': '10: tunnels[0].ttl: found Infinity, expected an integer from 1 to 255',
    'ttl: "64"': '10: tunnels[0].ttl: found "64", expected an integer from 1 to 255 (without quotes)',
    'ttl:': '9: tunnels[0].ttl: found nothing (null), expected an integer from 1 to 255',
    'ttl: [64]': '10: tunnels[0].ttl: found a list, expected an integer from 1 to 255',
    'mtu: 575': '10: tunnels[0].mtu: found 575, expected an integer from 576 to 65535',
    'mtu: 65512':
      '10: tunnels[0].mtu: found 65512, expected at most 65511: with 24 bytes of overhead the outer packet would be longer than 65535',
    'key: 4294967296':
      '10: tunnels[0].key: found 4294967296, expected an integer from 0 to 4294967295 or a key written as four numbers (0.0.0.42)',
    'key: 1.2.3.256':
      '10: tunnels[0].key: found "1.2.3.256", expected an integer from 0 to 4294967295 or a key written as four numbers (0.0.0.42)',
    'mss_clamp: aut':
      '16: tunnels[0].mss_clamp: found "aut", expected auto, off, an integer from 88 to 65535 or a mapping with from_tunnel and to_tunnel, did you mean "auto"?',
    'mss_clamp: true':
      '16: tunnels[0].mss_clamp: found true, expected auto, off, an integer from 88 to 65535 or a mapping with from_tunnel and to_tunnel',
    'mss_clamp: 87':
      '16: tunnels[0].mss_clamp: found 87, expected auto, off, an integer from 88 to 65535 or a mapping with from_tunnel and to_tunnel',
    'mss_clamp: { to_tunnel: x }':
      '29: tunnels[0].mss_clamp.to_tunnel: found "x", expected auto, off or an integer from 88 to 65535',
    'mss_clamp: { from: 1400 }':
      '18: tunnels[0].mss_clamp.from: unknown key "from"; known here: from_tunnel, to_tunnel',
    'dscp: 64': '11: tunnels[0].dscp: found 64, expected inherit or an integer from 0 to 63',
    'mode: grettap':
      '11: tunnels[0].mode: found "grettap", expected one of gre, gretap, did you mean "gretap"?',
    'checksum: yes':
      '15: tunnels[0].checksum: found "yes", expected true or false (YAML 1.2 has no other words for it)',
    'checksum: 1': '15: tunnels[0].checksum: found 1, expected true or false',
    'description: 5': '18: tunnels[0].description: found 5, expected a string (put it in quotes)',
    'interface_address: 10.0.0.8/29':
      '24: tunnels[0].interface_address: found "10.0.0.8/29", expected an IPv4 address with /31 or /30, such as 10.100.0.8/31',
    'interface_address: 10.0.0.8/30':
      '24: tunnels[0].interface_address: found "10.0.0.8/30", expected a host address of this /30: 10.0.0.9/30 or 10.0.0.10/30',
    'interface_address: 0.0.0.0/31':
      '24: tunnels[0].interface_address: found "0.0.0.0/31", expected a unicast IPv4 address with /31 or /30',
    'interface_address6: 2001:db8::1':
      '25: tunnels[0].interface_address6: found "2001:db8::1", expected an IPv6 address with its length, such as 2001:db8::1/127',
    'interface_address6: ff02::1/64':
      '25: tunnels[0].interface_address6: found "ff02::1/64", expected a unicast IPv6 address with its length',
    'allowed_sources:':
      '21: tunnels[0].allowed_sources: found nothing (null), expected a list (an empty one is [])',
    'allowed_sources: [192.0.2.1/24]':
      '23: tunnels[0].allowed_sources[0]: found "192.0.2.1/24", expected a prefix without host bits: 192.0.2.0/24 (or 192.0.2.1/32 for 192.0.2.1 alone)',
    'allowed_sources: [2001:db8::1/64]':
      '23: tunnels[0].allowed_sources[0]: found "2001:db8::1/64", expected a prefix without host bits: 2001:db8::/64 (or 2001:db8::1/128 for 2001:db8::1 alone)',
    'allowed_sources: [192.0.2.0]':
      '23: tunnels[0].allowed_sources[0]: found "192.0.2.0", expected a prefix such as 192.0.2.0/24 or 2001:db8::/48',
    'allowed_sources: [192.0.2.0/33]':
      '23: tunnels[0].allowed_sources[0]: found "192.0.2.0/33", expected an IPv4 or IPv6 prefix with its length, such as 192.0.2.0/24',
    'mss_clmap: auto': '5: tunnels[0].mss_clmap: unknown key "mss_clmap", did you mean "mss_clamp"?',
    'MTU: 1400': '5: tunnels[0].MTU: unknown key "MTU", did you mean "mtu"?',
    'interface-address: x':
      '5: tunnels[0].interface-address: unknown key "interface-address", did you mean "interface_address"?',
    '"a b": 1':
      '5: tunnels[0]["a b"]: unknown key "a b"; known here: name, description, cloudflare_gre_endpoint, local, customer_gre_endpoint, remote, interface_address, interface_address6, key, checksum, sequence, mode, ttl, mtu, mss_clamp, clear_dont_fragment_bit, allowed_sources, dscp, health_check, automatic_return_routing, interconnect',
    'remote: 203.0.113.2': '5: tunnels[0].remote: the key "remote" is given twice (first on line 5)',
    '? [a]\n    : b': '7: tunnels[0]: a key must be a single word',
    'ttl: *nowhere': '10: tunnels[0].ttl: the alias "*nowhere" has no anchor in front of it',
    'allowed_sources: &x [*x]':
      '26: tunnels[0].allowed_sources[0]: the alias "*x" stands for something that it is part of',
    'health_check: true': '19: tunnels[0].health_check: found true, expected a mapping',
    'health_check: { type: echo }':
      '27: tunnels[0].health_check.type: found "echo", expected one of reply, request',
    'health_check: { direction: bidirectional }':
      '32: tunnels[0].health_check.direction: found bidirectional, expected an interface_address beside it, or unidirectional: answers inside of the tunnel are sent to that address',
    'health_check: { target: 224.0.0.1 }':
      '29: tunnels[0].health_check.target: found "224.0.0.1", expected a unicast IPv4 or IPv6 address',
    'automatic_return_routing: 1': '31: tunnels[0].automatic_return_routing: found 1, expected true or false',
    'interconnect: a b':
      '19: tunnels[0].interconnect: found "a b", expected a name of 1 to 32 letters, digits, - and _',
    '<<: 5': '9: tunnels[0].<<: expected a mapping, or a list of mappings, to merge',
  };
  for (const [line, expected] of Object.entries(cases)) {
    // After a syntactic problem the value is gone as well: more may follow.
    t.equal(inTunnel(line)[0], `6:${expected.replace('tunnels[0].<<', 'tunnels[0]["<<"]')}`, line);
  }
});

t.test('endpoints', async (t) => {
  const both = (local: string, remote: string) =>
    complaints(`node: { name: n }\ntunnels:\n  - { name: a, local: "${local}", remote: "${remote}" }\n`);
  const wrong = [
    '010.1.1.1',
    '1.2.3',
    '0x01.1.1.1',
    '1.2.3.4.5',
    'example.com',
    '::1::',
    'fe80::1%eth0',
    '::1.2.3.4',
    '',
  ];
  for (const address of wrong) {
    t.strictSame(
      both(address, '203.0.113.1'),
      [`3:23: tunnels[0].local: found "${address}", expected an IPv4 or IPv6 address`],
      address,
    );
  }
  for (const address of ['0.0.0.0', '224.0.0.1', '255.255.255.255', '::', 'ff02::1']) {
    t.match(both(address, '203.0.113.1')[0], /local: found ".*", expected a unicast address$/, address);
  }
  t.strictSame(both('::ffff:192.0.2.1', '203.0.113.1'), [], 'an IPv4-mapped address is the IPv4 address');
  t.strictSame(both('198.51.100.1', '2001:db8::1'), [
    '3:47: tunnels[0].remote: found 2001:db8::1 (IPv6), expected an IPv4 address, as is local 198.51.100.1',
  ]);
  t.strictSame(both('2001:db8::1', '2001:DB8:0::1'), [
    '3:46: tunnels[0].remote: found 2001:db8::1, expected an address other than local 2001:db8::1',
  ]);
  t.strictSame(complaints('node: { name: n }\ntunnels:\n  - name: a\n'), [
    '3:5: tunnels[0].cloudflare_gre_endpoint: found nothing, expected an IPv4 or IPv6 address (as cloudflare_gre_endpoint, or local)',
    '3:5: tunnels[0].customer_gre_endpoint: found nothing, expected an IPv4 or IPv6 address (as customer_gre_endpoint, or remote)',
  ]);
  t.strictSame(inTunnel('customer_gre_endpoint: 203.0.113.1'), [
    '5:5: tunnels[0].remote: remote is another name of customer_gre_endpoint, and both are given; expected one of them',
  ]);
});

t.test('names', async (t) => {
  const named = (name: string) =>
    complaints(`node: { name: n }\ntunnels:\n  - { name: ${name}, local: 192.0.2.1, remote: 192.0.2.2 }\n`);
  t.strictSame(named('Az09_-Az09_-Az0'), []);
  for (const name of ['"a b"', 'sixteen_letters_', '""', 'ä', 'a.b'])
    t.match(
      named(name)[0],
      /^3:13: tunnels\[0\]\.name: found .*, expected a name of 1 to 15 letters, digits, - and _$/,
    );
  t.match(named('12')[0], /found 12, expected a name .* \(put it in quotes\)$/);
  const tunnel = (name: string) => `  - { name: ${name}, local: 192.0.2.1, remote: 192.0.2.2 }\n`;
  t.strictSame(complaints(`node: { name: n }\ntunnels:\n${['a', 'b', 'a', 'a'].map(tunnel).join('')}`), [
    '5:13: tunnels[2].name: found "a", expected a name of its own: tunnels[0] on line 3 has this one',
    '6:13: tunnels[3].name: found "a", expected a name of its own: tunnels[0] on line 3 has this one',
  ]);
});

t.test('routes', async (t) => {
  t.strictSame(inRoute('prefix: 192.0.2.0/24, nexthop: b'), [
    '7:38: routes[0].nexthop: found "b", expected the name of a tunnel, did you mean "a"?',
  ]);
  t.strictSame(inRoute('prefix: 192.0.2.0/24, nexthop: quite_different'), [
    '7:38: routes[0].nexthop: found "quite_different", expected the name of a tunnel',
  ]);
  t.strictSame(
    inRoute('nexthop: a, priority: -1, weight: 257, scope: { colo_regions: [weur], colo_name: [x] }'),
    [
      '7:5: routes[0].prefix: found nothing, expected a prefix such as 192.0.2.0/24 or 2001:db8::/48',
      '7:29: routes[0].priority: found -1, expected an integer from 0 to 2147483647',
      '7:41: routes[0].weight: found 257, expected an integer from 1 to 256',
      '7:70: routes[0].scope.colo_regions[0]: found "weur", expected one of AFR, APAC, EEUR, ENAM, ME, OC, SAM, WEUR, WNAM, did you mean "WEUR"?',
      '7:77: routes[0].scope.colo_name: unknown key "colo_name", did you mean "colo_names"?',
    ],
  );
});

t.test('the top of the file', async (t) => {
  t.strictSame(complaints(''), ['1:1: found nothing (null), expected a mapping']);
  t.strictSame(complaints('# nothing\n'), ['1:1: found nothing (null), expected a mapping']);
  t.strictSame(complaints('[1, 2]'), ['1:1: found a list, expected a mapping']);
  t.strictSame(complaints('{}'), ['1:1: node: found nothing, expected a mapping']);
  t.strictSame(complaints('node: {}\nnodes: 1'), [
    '1:7: node.name: found nothing, expected a name of 1 to 63 letters, digits, -, _ and .',
    '2:1: nodes: unknown key "nodes", did you mean "node"?',
  ]);
  t.strictSame(complaints('node: {name: n}\ntunnels:\n  - 5\n'), [
    '3:5: tunnels[0]: found 5, expected a mapping',
  ]);
  t.strictSame(complaints('node: {name: n, __proto__: {name: 5}, constructor: 1}').length, 2);
});

t.test('text that is no YAML', async (t) => {
  t.match(complaints('node: {name: n\ntunnels: []\n')[0], /^\d+:\d+: /);
  t.match(complaints('node:\n\tname: n\n')[0], /^2:1: .*[Tt]ab/);
  t.match(complaints('a: b: c\n')[0], /^1:\d+: /);
  t.strictSame(complaints('node: { name: n }\n---\nnode: { name: m }\n'), [
    '2:1: a second YAML document begins here, expected one in a file',
  ]);
  t.match(complaints('node: { name: !mine n }\n')[0], /^1:15: .*!mine/);
  t.match(complaints('['.repeat(100_000)), [/^1:\d+: lists and mappings are nested too deeply$/]);
  t.match(complaints(`node: ${'['.repeat(80)}${']'.repeat(80)}\n`)[1], /nested more than 64 deep/);
});

t.test('aliases that grow without bound', async (t) => {
  const lines = ['x0: &x0 [a, a, a, a, a, a, a, a, a, a]'];
  for (let i = 1; i < 12; i++) lines.push(`x${i}: &x${i} [${`*x${i - 1},`.repeat(10)}]`);
  t.match(
    complaints(`${EXAMPLE}${lines.join('\n')}\n`).join('\n'),
    /aliases stand for more than 1000000 values/,
  );
});

t.test('everything at once, in the order of the file', async (t) => {
  const text = `node: { name: fra-1, region: WEST }
tunnels:
  - name: a
    local: 198.51.100.1
    remote: 203.0.113.1
    ttl: 300
    allowed_sources: [192.0.2.1/24]
  - name: a
    local: 198.51.100.1
    remote: 2001:db8::1
    mss_clmap: auto
routes:
  - { prefix: 192.0.2.0/24, nexthop: c, weight: 0 }
tunnel: []
`;
  t.strictSame(
    complaints(text).map((line) => /^\d+:\d+: [^:]*/.exec(line)?.[0]),
    [
      '1:30: node.region',
      '6:10: tunnels[0].ttl',
      '7:23: tunnels[0].allowed_sources[0]',
      '8:11: tunnels[1].name',
      '10:13: tunnels[1].remote',
      '11:5: tunnels[1].mss_clmap',
      '13:38: routes[0].nexthop',
      '13:49: routes[0].weight',
      '14:1: tunnel',
    ],
  );
});

t.test('nothing that a terminal would act upon', async (t) => {
  const [line = ''] = inTunnel('mode: "\\e[2J\\u009b\\u202e\\n"');
  t.match(line, /found "\\u001b\[2J\\u009b\\u202e\\n"/);
  t.match(inTunnel(`mode: ${'x'.repeat(500)}`)[0], /found "x{57}\.\.\."/);
});

t.test('paths', async (t) => {
  t.equal(formatPath([]), '');
  t.equal(formatPath(['tunnels', 0, 'mss_clamp', 'to_tunnel']), 'tunnels[0].mss_clamp.to_tunnel');
  t.equal(formatPath(['a b', '0']), '["a b"]["0"]');
});

import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { isInside } from '../../src/config/address.js';
import { loadConfig } from '../../src/config/load.js';
import { compile } from '../../src/network/compile.js';
import { ConfiguredNetwork } from '../../src/traffic/configured-network.js';
import { addressIn, type TrafficTunnel } from '../../src/traffic/network.js';
import { Random } from '../../src/traffic/random.js';
import { SyntheticNetwork } from '../../src/traffic/synthetic-network.js';
import { addressBytes } from '../../src/wire/build.js';
import { route, tables, tunnel } from '../dataplane/harness.js';

/** What a tunnel is, without whose object it is. */
function facts({ sources4, sources6, allowedSources, ...tunnel }: TrafficTunnel): unknown {
  return {
    ...tunnel,
    prefixes: [sources4, sources6, allowedSources ?? []].map((list) =>
      list.map(({ address, length }) => `${address.join('.')}/${length}`),
    ),
  };
}

for (const size of [1, 40, 70_000]) {
  t.test(`the configuration of ${size} made-up tunnels says what the network is`, (t) => {
    const synthetic = new SyntheticNetwork(size);
    // Of a large network a part is enough: every line stands for itself.
    const sample = 40;
    const lines = [...synthetic.configLines()].filter((line) => {
      const number = /(?:name|nexthop): t(\d+)/.exec(line)?.[1];
      return number === undefined || Number(number) >= size - sample;
    });
    const path = join(t.testdir(), 'net.yaml');
    writeFileSync(path, `${lines.join('\n').replace('# 70000', '#')}\n`);
    const configured = new ConfiguredNetwork(compile(loadConfig(path)));
    const first = Math.max(0, size - sample);
    t.equal(configured.senders, size - first);
    for (let i = first; i < size; i++) {
      t.strictSame(facts(configured.sender(i - first)), facts(synthetic.sender(i)), `tunnel ${i}`);
      for (const family of [4, 6] as const) {
        const destination = addressIn(synthetic.route(family, i), new Random(i));
        t.same(
          configured.nexthops(destination).map((x) => x.name),
          [`t${i}`],
        );
        t.same(
          synthetic.nexthops(destination).map((x) => x.name),
          [`t${i}`],
        );
      }
    }
    t.end();
  });
}

t.test('a made-up network knows its endpoints', (t) => {
  const network = new SyntheticNetwork(1_000_000);
  for (const i of [0, 5, 7, 999_999]) {
    const { local, remote, key } = network.sender(i);
    t.ok(network.hasEndpoints(remote, local));
    t.ok(network.hasKey(remote, local, key));
    t.notOk(network.hasKey(remote, local, 12_345_678));
    t.ok(network.isLocal(local));
    t.notOk(network.isLocal(remote));
  }
  t.notOk(network.hasEndpoints(addressBytes('198.18.0.1'), addressBytes('198.51.100.1')));
  t.notOk(network.hasEndpoints(addressBytes('100.64.0.0'), addressBytes('198.51.100.2')));
  t.notOk(network.hasEndpoints(addressBytes('100.64.0.7'), addressBytes('198.51.100.1')), 'tunnel 7 is IPv6');
  t.notOk(
    network.hasEndpoints(addressBytes('2001:db8:1::0'), addressBytes('2001:db8::1')),
    'tunnel 0 is IPv4',
  );
  t.same(network.nexthops(addressBytes('11.0.0.0')), []);
  t.same(network.nexthops(addressBytes('fd01::')), []);
  t.end();
});

t.test('addresses lie in their prefix and are fit for packets', (t) => {
  const prefixes = fc.oneof(
    fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 0, max: 128 })),
  );
  fc.assert(
    fc.property(prefixes, fc.nat(0xffffffff), ([address, length], seed) => {
      const found = addressIn({ address, length }, new Random(seed));
      return isInside(found, address, length);
    }),
  );
  const random = new Random(3);
  for (let i = 0; i < 500; i++) {
    const first = addressIn({ address: new Uint8Array(4), length: 0 }, random)[0]!;
    if (first === 0 || first === 127 || first >= 224) t.fail(`address in 0.0.0.0/0 starts with ${first}`);
  }
  t.end();
});

t.test('next hops are those of the longest prefix', (t) => {
  const network = new ConfiguredNetwork(
    tables(
      [tunnel('a', '198.51.100.1', '203.0.113.1'), tunnel('b', '198.51.100.1', '203.0.113.2')],
      [route('0.0.0.0/0', 0), route('10.0.0.0/8', 1), route('10.1.0.0/16', 0, 1), route('2001:db8::/32', 1)],
    ),
  );
  const names = (address: string): string[] =>
    network.nexthops(addressBytes(address)).map(({ name }) => name);
  t.same(names('10.1.2.3'), ['a', 'b']);
  t.same(names('10.2.2.3'), ['b']);
  t.same(names('192.0.2.1'), ['a']);
  t.same(names('2001:db8:1::'), ['b']);
  t.same(names('2001:db9::'), []);
  t.end();
});

t.test('where the hosts of a tunnel are', (t) => {
  const prefix = (text: string): { address: Uint8Array; length: number } => {
    const [address, length] = text.split('/') as [string, string];
    return { address: addressBytes(address), length: Number(length) };
  };
  const network = new ConfiguredNetwork(
    tables(
      [
        tunnel('routed', '198.51.100.1', '203.0.113.1'),
        tunnel('allowed', '198.51.100.1', '203.0.113.2', { allowedSources: [prefix('192.0.2.0/24')] }),
        tunnel('both', '198.51.100.1', '203.0.113.3', { allowedSources: [prefix('0.0.0.0/0')] }),
        tunnel('neither', '198.51.100.1', '203.0.113.4'),
        tunnel('silent', '198.51.100.1', '203.0.113.5', { allowedSources: [] }),
      ],
      [route('10.0.0.0/16', 0), route('10.2.0.0/16', 2)],
    ),
  );
  const sources = Array.from({ length: network.senders }, (_, i) => {
    const { name, sources4, sources6 } = network.sender(i);
    return [name, ...[...sources4, ...sources6].map((p) => `${p.address.slice(0, 4).join('.')}/${p.length}`)];
  });
  t.strictSame(sources, [
    ['routed', '10.0.0.0/16', '253.0.0.0/48'],
    ['allowed', '192.0.2.0/24'],
    ['both', '10.2.0.0/16'],
    ['neither', '192.168.0.0/16', '253.0.0.0/48'],
  ]);
  t.end();
});

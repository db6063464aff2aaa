/** Whatever the text: a Config that everything behind it accepts, or a ConfigError that says where. */
import fc from 'fast-check';
import t from 'tap';
import { stringify } from 'yaml';
import type { Config } from '../../src/config/config.js';
import { DAEMON_DEFAULTS, formatListen } from '../../src/config/daemon-config.js';
import { parseConfig, positionOf } from '../../src/config/load.js';
import { ConfigError, type ConfigProblem } from '../../src/config/problem.js';
import { checkConfig } from '../../src/network/check.js';
import { compile } from '../../src/network/compile.js';
import { EXAMPLE } from './example.js';

/** @throws for anything but a Config or a well-made ConfigError */
function tryParse(text: string): Config | null {
  try {
    return parseConfig(text, 'f');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const odd = error.problems.length === 0 ? 'nothing told' : error.problems.find((p) => !isWhole(p, text));
    if (odd !== undefined) throw new Error(JSON.stringify(odd), { cause: error });
    return null;
  }
}

/** Whether the problem has a message and a place that is in the text. */
function isWhole({ file, line, column, message }: ConfigProblem, text: string): boolean {
  if (file !== 'f' || message === '' || line === null || column === null) return false;
  const length = text.split('\n')[line - 1]?.length;
  return length !== undefined && column >= 1 && column <= length + 1;
}

function useAll(config: Config): void {
  checkConfig(config);
  try {
    compile(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
}

function neverSurprises(text: string): void {
  const config = tryParse(text);
  if (config !== null) useAll(config);
}

/** Pieces that mean something to YAML or to the configuration. */
const piece = fc.oneof(
  fc.constantFrom(
    ...[
      '\n',
      ' ',
      '  ',
      ': ',
      '- ',
      '? ',
      '&a ',
      '*a',
      '<<: *a',
      '!!str ',
      '!x ',
      '|',
      '>',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      ',',
    ],
    ...[
      '#',
      '---',
      '...',
      '%YAML 1.1\n---',
      '\t',
      '~',
      'null',
      'off',
      '0x2a',
      '.nan',
      '-1',
      '1e99',
      '300',
      '192.0.2.0/24',
    ],
    ...[
      'node',
      'tunnels:',
      'routes:',
      'name: a',
      'ttl: ',
      'local: 192.0.2.1',
      '::1',
      '__proto__: 1',
      '\r',
      '\u2028',
      '\ud800',
    ],
  ),
  fc.string({ maxLength: 4, unit: 'binary' }),
);

const EVERYTHING = `${EXAMPLE}  - &r { prefix: 2001:db8::/32, nexthop: b, priority: 5 }
  - { <<: *r, weight: 3, nexthop: 10.100.0.9 }
dataplane: { max_nesting_depth: 2 }
`.replace(
  'routes:',
  `  - { name: b, local: 2001:db8::1, remote: 2001:db8::2, mode: gretap, key: 0.0.0.1, dscp: 3, mss_clamp: { to_tunnel: 1300 } }
routes:`,
);

t.test('arbitrary text', async () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), neverSurprises), { numRuns: 500 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => neverSurprises(pieces.join(''))),
    {
      numRuns: 500,
    },
  );
});

t.test('a good file with pieces cut out, put in and moved', async (t) => {
  t.not(tryParse(EVERYTHING), null);
  const edit = fc.record({
    at: fc.nat(EVERYTHING.length),
    cut: fc.nat(30),
    put: fc.array(piece, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let text = EVERYTHING;
      for (const { at, cut, put } of edits) text = text.slice(0, at) + put.join('') + text.slice(at + cut);
      neverSurprises(text);
    }),
    { numRuns: 800 },
  );
});

const someAddress = fc.constantFrom(
  '192.0.2.1',
  '192.0.2.2',
  '10.0.0.1',
  '2001:db8::1',
  '2001:db8::2',
  '0.0.0.0',
  'x',
);
const somePrefix = fc.constantFrom(
  '192.0.2.0/24',
  '192.0.2.0/25',
  '10.0.0.0/8',
  '0.0.0.0/0',
  '2001:db8::/32',
  '::/0',
  '10.0.0.1/8',
);
const someName = fc.constantFrom('a', 'b', 'c', 'a b');
const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(Infinity, NaN, 2 ** 60),
);

/** Mostly what the schema asks for, now and then something else. */
function mostly<T>(value: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 30, arbitrary: value }, { weight: 1, arbitrary: anything });
}

function optional(
  keys: Record<string, fc.Arbitrary<unknown>>,
  requiredKeys: string[],
): fc.Arbitrary<unknown> {
  const model = Object.fromEntries(Object.entries(keys).map(([name, value]) => [name, mostly(value)]));
  return fc.record(model, { requiredKeys });
}

const limit = fc.oneof(fc.constantFrom('auto', 'off', false), fc.integer({ min: 80, max: 1500 }));
const someTunnel = optional(
  {
    name: someName,
    cloudflare_gre_endpoint: someAddress,
    remote: someAddress,
    interface_address: fc.constantFrom('10.0.0.8/31', '10.0.0.9/30', '1.1.1.1/31'),
    interface_address6: fc.constantFrom('2001:db8::1/127', 'fe80::1/64'),
    key: fc.oneof(fc.nat(3), fc.constant('0.0.0.1')),
    checksum: fc.boolean(),
    sequence: fc.boolean(),
    mode: fc.constantFrom('gre', 'gretap'),
    ttl: fc.integer({ min: 0, max: 256 }),
    mtu: fc.oneof(fc.integer({ min: 570, max: 1600 }), fc.integer({ min: 65_400, max: 65_540 })),
    mss_clamp: fc.oneof(limit, fc.record({ from_tunnel: limit, to_tunnel: limit }, { requiredKeys: [] })),
    clear_dont_fragment_bit: fc.boolean(),
    allowed_sources: fc.array(somePrefix, { maxLength: 3 }),
    dscp: fc.oneof(fc.constant('inherit'), fc.integer({ min: 0, max: 64 })),
    mss_clmap: fc.constant('auto'),
  },
  ['name', 'cloudflare_gre_endpoint', 'remote'],
);
const someRoute = optional(
  {
    prefix: somePrefix,
    nexthop: fc.oneof(someName, fc.constantFrom('10.0.0.8', '2001:db8::')),
    priority: fc.constantFrom(1, 100, 200),
    weight: fc.integer({ min: 1, max: 256 }),
    scope: optional(
      { colo_regions: fc.subarray(['WEUR', 'ENAM']), colo_names: fc.subarray(['fra', 'FRA', 'lhr']) },
      [],
    ),
  },
  ['prefix', 'nexthop'],
);
const someDaemon = optional(
  {
    workers: fc.integer({ min: 1, max: 65 }),
    underlay: optional(
      {
        type: fc.constantFrom('auto', 'raw', 'synthetic'),
        interface: fc.oneof(someName, fc.array(someName, { maxLength: 2 })),
        faults: fc.constantFrom(0, 0.5),
      },
      [],
    ),
    overlay: optional(
      {
        type: fc.constantFrom('tun', 'tap', 'discard'),
        mtu: fc.constantFrom('auto', 1400),
        addresses: fc.array(fc.constantFrom('192.0.2.1/24', 'fe80::1/64', '0.0.0.0/0'), { maxLength: 2 }),
        routes: fc.array(somePrefix, { maxLength: 2 }),
      },
      [],
    ),
    control: optional({ socket: fc.constantFrom('auto', '/a'), group: someName }, []),
    metrics: optional({ listen: fc.constantFrom('off', false, '[::1]:1', '[x]:1', '127.0.0.1:65536') }, []),
  },
  [],
);
const someFile = optional(
  {
    node: optional({ name: fc.constant('n'), colo: fc.constant('fra'), region: fc.constant('WEUR') }, [
      'name',
    ]),
    dataplane: optional({ max_nesting_depth: fc.integer({ min: 1, max: 8 }) }, []),
    tunnels: fc.array(someTunnel, { maxLength: 3 }),
    routes: fc.array(someRoute, { maxLength: 5 }),
    daemon: someDaemon,
  },
  ['node'],
);

t.test('structures near the schema', async () => {
  fc.assert(
    fc.property(someFile, (file) => neverSurprises(stringify(file))),
    { numRuns: 1000 },
  );
});

/** What a user would write for a Config, all of it. */
function writtenOut({ daemon, ...config }: Config): string {
  const { synthetic, ...underlay } = daemon.underlay;
  const { overlay, metrics } = daemon;
  const section = {
    ...daemon,
    underlay: { ...underlay, ...synthetic },
    // A file that gives no overlay may have tunnels that the default does not carry.
    overlay: JSON.stringify(overlay) === JSON.stringify(DAEMON_DEFAULTS.overlay) ? null : overlay,
    metrics: { ...metrics, listen: metrics.listen === null ? 'off' : formatListen(metrics.listen) },
  };
  return stringify({ ...config, daemon: section }, (_key, value: unknown) =>
    value === null ? undefined : value,
  );
}

t.test('a Config written out gives the same Config', async (t) => {
  let accepted = 0;
  const same = (text: string) => {
    const config = tryParse(text);
    if (config === null) return;
    accepted++;
    t.strictSame(parseConfig(writtenOut(config), 'g'), config);
    if (positionOf(config, ['node', 'name']) === null) throw new Error('no place');
  };
  same(EVERYTHING);
  fc.assert(
    fc.property(someFile, (file) => same(stringify(file))),
    { numRuns: 1600 },
  );
  t.ok(accepted > 10, `${accepted} were good`);
});

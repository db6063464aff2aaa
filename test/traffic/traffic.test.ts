import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { loadConfig, parseConfig } from '../../src/config/load.js';
import { Side } from '../../src/dataplane/packet-vector.js';
import type { TablesSpec } from '../../src/dataplane/tables.js';
import { DROP_REASONS, type VerdictName } from '../../src/dataplane/verdicts.js';
import { compile } from '../../src/network/compile.js';
import { ConfiguredNetwork } from '../../src/traffic/configured-network.js';
import { FAULTS } from '../../src/traffic/faults.js';
import {
  GENERATE_KINDS,
  ImpossibleTraffic,
  TrafficGenerator,
  type GenerateKind,
  type TrafficOptions,
} from '../../src/traffic/generator.js';
import { TRAFFIC_LINKS, type TrafficLink } from '../../src/traffic/packet.js';
import { parseSizes } from '../../src/traffic/sizes.js';
import { SyntheticNetwork } from '../../src/traffic/synthetic-network.js';
import { route, run, tables, tunnel, type Input } from '../dataplane/harness.js';

const demo = compile(loadConfig(fileURLToPath(new URL('../../../fixtures/demo.yaml', import.meta.url))));
const made = compile(parseConfig([...new SyntheticNetwork(24).configLines()].join('\n'), 'made.yaml'));
const wide = tables(
  [
    tunnel('a', '198.51.100.1', '203.0.113.1'),
    tunnel('b', '198.51.100.1', '203.0.113.2', { key: 1, mtu: 1300 }),
  ],
  [route('0.0.0.0/0', 0, 1), route('::/0', 1)],
);

const defaults: TrafficOptions = {
  kind: 'mixed',
  link: 'ethernet',
  flows: 300,
  sizes: parseSizes('imix'),
  synShare: 0.1,
  ipv6Share: 0.3,
  transitShare: 0.3,
  faultShare: 0,
  mixedLinkTypes: false,
  rate: 100_000,
  seed: 1,
};

interface Made extends Input {
  readonly expected: VerdictName;
  readonly fault: string | null;
}

function generate(spec: TablesSpec, options: Partial<TrafficOptions>, packets: number): Made[] {
  const all = { ...defaults, ...options };
  const generator = new TrafficGenerator(new ConfiguredNetwork(spec), all);
  return Array.from({ length: packets }, () => {
    generator.next();
    return {
      bytes: generator.bytes.slice(0, generator.length),
      link: generator.linkType,
      side: all.kind === 'overlay' ? Side.OVERLAY : Side.UNDERLAY,
      expected: generator.expectedVerdict,
      fault: generator.fault?.name ?? null,
    };
  });
}

/** The packets whose verdict is not the expected one. */
function surprises(spec: TablesSpec, packets: readonly Made[]): string[] {
  // Long packets take several slots of the pool: few at a time.
  const { outcomes } = run(spec, packets, { size: 16 });
  return packets.flatMap(({ expected, fault, bytes }, i) => {
    const { verdict } = outcomes[i]!;
    return verdict === expected
      ? []
      : [`${fault ?? 'good'}: ${verdict}, not ${expected}: ${Buffer.from(bytes).toString('hex')}`];
  });
}

for (const [name, spec] of Object.entries({ demo, made, wide })) {
  for (const kind of GENERATE_KINDS) {
    t.test(`network ${name}, kind ${kind}: every packet gets the verdict that it was made for`, (t) => {
      const runs = fc.record({
        link: fc.constantFrom<TrafficLink>(...TRAFFIC_LINKS),
        seed: fc.nat(0xffffffff),
        faultShare: fc.constantFrom(0, 0.5, 1),
        sizes: fc.constantFrom('imix', '1500', '20', 'uniform:20-9000').map(parseSizes),
        mixedLinkTypes: fc.boolean(),
      });
      fc.assert(
        fc.property(runs, (options) => {
          const found = surprises(spec, generate(spec, { ...options, kind }, 120));
          if (found.length > 0) throw new Error(found[0]);
        }),
        { numRuns: 25 },
      );
      t.end();
    });
  }
}

t.test('the list of faults', (t) => {
  t.equal(new Set(FAULTS.map(({ name }) => name)).size, FAULTS.length, 'names are unique');
  const caused = new Set(FAULTS.map(({ expectedVerdict }) => expectedVerdict));
  const missing = DROP_REASONS.map(({ name }) => name).filter((name) => !caused.has(name as VerdictName));
  t.same(missing, ['no_buffer'], 'every drop reason that a packet can cause has a fault');
  t.end();
});

t.test('every fault is made, and causes what it is named for', (t) => {
  const seen = new Set<string | null>();
  for (const kind of ['tunnel', 'internet', 'overlay'] as const) {
    const packets = generate(demo, { kind, faultShare: 1, mixedLinkTypes: true }, 1500);
    t.same(surprises(demo, packets), [], kind);
    t.ok(
      packets.every(({ fault }) => fault !== null),
      'no good packet where all are to be faulty',
    );
    for (const { fault } of packets) seen.add(fault);
  }
  t.same(
    FAULTS.filter(({ name }) => !seen.has(name)).map(({ name }) => name),
    [],
  );
  t.end();
});

t.test('shares are kept', (t) => {
  const packets = 20_000;
  const made = generate(demo, { faultShare: 0.1, kind: 'tunnel' }, packets);
  const faulty = made.filter(({ fault }) => fault !== null).length;
  t.ok(Math.abs(faulty / packets - 0.1) < 0.01, `${faulty} of ${packets} are faulty`);
  const syns = generate(demo, { synShare: 0.2, kind: 'internet', link: 'raw', ipv6Share: 0 }, packets).filter(
    ({ bytes }) => bytes[9] === 6 && (bytes[33]! & 2) !== 0,
  ).length;
  t.ok(Math.abs(syns / packets - 0.2) < 0.01, `${syns} of ${packets} are SYNs`);
  const sixes = generate(
    demo,
    { ipv6Share: 0.4, kind: 'internet', link: 'raw', flows: 5000 },
    packets,
  ).filter(({ bytes }) => bytes[0]! >> 4 === 6).length;
  t.ok(Math.abs(sixes / packets - 0.4) < 0.03, `${sixes} of ${packets} are IPv6`);
  t.end();
});

t.test('sizes are those of the inner packet', (t) => {
  const sizes = (kind: GenerateKind, size: string, ipv6Share: number): Set<number> =>
    new Set(
      generate(
        wide,
        { kind, sizes: parseSizes(size), ipv6Share, synShare: 0, link: 'raw', transitShare: 0 },
        400,
      ).map(({ bytes }) => bytes.length),
    );
  t.same(sizes('internet', '576', 0), new Set([576]));
  t.same(sizes('internet', '576', 1), new Set([576]));
  t.same(sizes('internet', '4000', 0), new Set([4000]), 'IPv4 may be longer than the tunnel MTU');
  t.same(sizes('internet', '4000', 1), new Set([1300]), 'IPv6 is not');
  t.same(sizes('tunnel', '100', 0), new Set([124, 128]), 'outer headers come on top');
  t.same(sizes('tunnel', '4000', 0), new Set([1500, 1300 + 28]), 'nothing longer comes out of a tunnel');
  t.same(sizes('internet', '20', 0), new Set([28, 40]), 'the headers are the least');
  t.end();
});

t.test('time', (t) => {
  const times = (rate: number, count: number): [number, number][] => {
    const generator = new TrafficGenerator(new SyntheticNetwork(1), { ...defaults, rate });
    return Array.from({ length: count }, () => {
      generator.next();
      return [generator.seconds - 1_767_225_600, generator.nanoseconds];
    });
  };
  t.same(times(4, 6), [
    [0, 0],
    [0, 250_000_000],
    [0, 500_000_000],
    [0, 750_000_000],
    [1, 0],
    [1, 250_000_000],
  ]);
  t.same(times(0.5, 3), [
    [0, 0],
    [2, 0],
    [4, 0],
  ]);
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 1e9, noNaN: true }), (rate) => {
      const all = times(rate, 30);
      return all.every(
        ([seconds, nanoseconds], i) =>
          nanoseconds >= 0 &&
          nanoseconds < 1e9 &&
          (i === 0 || seconds > all[i - 1]![0] || nanoseconds >= all[i - 1]![1]),
      );
    }),
    { numRuns: 50 },
  );
  t.end();
});

t.test('the same seed gives the same packets, another gives others', (t) => {
  const text = (seed: number): string =>
    generate(demo, { seed, faultShare: 0.1, mixedLinkTypes: true }, 500)
      .map(({ bytes, link, expected }) => `${link ?? 0} ${expected} ${Buffer.from(bytes).toString('hex')}`)
      .join('\n');
  const first = text(1);
  t.ok(text(1) === first, 'the same');
  t.notOk(text(2) === first, 'others');
  t.end();
});

t.test('traffic that cannot be', (t) => {
  const unrouted = tables([tunnel('a', '198.51.100.1', '203.0.113.1')], []);
  for (const kind of ['internet', 'overlay', 'mixed'] as const) {
    t.throws(() => generate(unrouted, { kind }, 1), ImpossibleTraffic, kind);
  }
  t.same(surprises(unrouted, generate(unrouted, { kind: 'tunnel', faultShare: 0.3 }, 300)), []);
  const silent = tables(
    [tunnel('a', '198.51.100.1', '203.0.113.1', { allowedSources: [] })],
    [route('10.0.0.0/8', 0)],
  );
  t.throws(() => generate(silent, { kind: 'tunnel' }, 1), ImpossibleTraffic);
  t.same(surprises(silent, generate(silent, { kind: 'internet', faultShare: 0.3 }, 300)), []);
  t.end();
});

t.test('a million tunnels and flows take no memory', (t) => {
  const generator = new TrafficGenerator(new SyntheticNetwork(1_000_000), { ...defaults, flows: 1_000_000 });
  const names = new Set<string>();
  for (let i = 0; i < 30_000; i++) {
    generator.next();
    names.add(generator.expectedVerdict);
  }
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 100_000; i++) generator.next();
  const grown = (process.memoryUsage().rss - before) / 1e6;
  t.ok(grown < 60, `${grown.toFixed(0)} MB more after 100,000 packets`);
  t.same(names, new Set(['delivered_overlay', 'delivered_underlay']));
  t.end();
});

t.test('docs/generate.md lists every fault', (t) => {
  const text = readFileSync(new URL('../../../docs/generate.md', import.meta.url), 'utf8');
  const documented = [...text.matchAll(/^\| `(\w+)` \| `(\w+)` \| ([\w, ]+) \|$/gm)].map(([, ...row]) => row);
  t.strictSame(
    documented,
    FAULTS.map(({ name, expectedVerdict, kinds }) => [
      name,
      expectedVerdict,
      kinds.length === 3 ? 'all' : kinds.join(', '),
    ]),
  );
  t.end();
});

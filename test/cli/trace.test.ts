/**
 * The trace explains what the pipeline decides: its decoder is a second reading of docs/dataplane.md, and
 * has to come to the same end as the pipeline on frames of every shape, whole and damaged.
 */
import t from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { Side } from '../../src/dataplane/packet-vector.js';
import { STAGES } from '../../src/dataplane/verdicts.js';
import { Tracer, type Trace, type TraceNode } from '../../src/observability/trace.js';
import { traceText } from '../../src/observability/trace-text.js';
import { buildPacket, mssOption, type FrameSpec } from '../../src/wire/build.js';
import { route, tables, tunnel } from '../dataplane/harness.js';
import { Prng } from '../fuzz/prng.js';
import { randomFrames } from '../fuzz/trial.js';
import { randomWorld } from '../fuzz/world.js';

const WORLDS = 6;
const FRAMES = 1500;

/** Reasons that are named for the GRE header, but known only when the tunnel is; an inner packet may be an outer one. */
const AT_ENDPOINT = ['gre_unsupported_protocol', 'gre_checksum_missing'];

function hasWrong({ nodes }: Trace): boolean {
  return nodes.some(({ fields }) => fields.some(({ wrong }) => wrong));
}

/** What in a trace contradicts itself, or the frame. */
function contradictions(trace: Trace): string[] {
  const found: string[] = [];
  const { verdict, dropped, nodes, frame } = trace;
  const last = nodes.at(-1)?.node;
  const isLate =
    (last === 'endpoint' && AT_ENDPOINT.includes(verdict.name)) ||
    (last === 'inner' && verdict.name === 'outer_fragment');
  if (last !== verdict.stage && !isLate) found.push(`ends at ${last ?? 'nothing'}, not at ${verdict.stage}`);
  if (hasWrong(trace) !== dropped) found.push(dropped ? 'nothing is wrong' : 'something is wrong');
  const wrongs = nodes.slice(0, -1).flatMap(({ fields }) => fields.filter(({ wrong }) => wrong));
  if (wrongs.length > 0) found.push(`went on after ${wrongs.map(({ name }) => name).join()}`);
  for (const { fields } of nodes) {
    for (const { name, offset, length } of fields) {
      if (offset !== null && (offset < 0 || offset + (length ?? 0) > frame.length))
        found.push(`${name} lies outside`);
    }
  }
  const order = nodes.map(({ node }) => (['gre', 'endpoint', 'inner'].includes(node) ? 'gre' : node));
  const stages = order.map((node) =>
    node === 'deliver' || node === 'answer' ? STAGES.length : STAGES.indexOf(node),
  );
  if (stages.some((stage, i) => i > 0 && stage < stages[i - 1]!)) found.push(`order ${order.join()}`);
  return found;
}

t.test('decoder and pipeline agree on frames of every shape', (t) => {
  const seen = new Set<string>();
  const failures: string[] = [];
  for (let seed = 0; seed < WORLDS; seed++) {
    const world = randomWorld(new Prng(seed));
    const tracer = new Tracer(world.spec);
    for (const { bytes, link, side } of randomFrames(new Prng(seed, 1), world, FRAMES)) {
      const trace = tracer.trace(bytes, link, side === 'overlay' ? Side.OVERLAY : Side.UNDERLAY);
      seen.add(trace.verdict.name);
      const found = contradictions(trace);
      if (!traceText(trace).includes(trace.verdict.name)) found.push('no verdict in the text');
      if (found.length > 0)
        failures.push(`seed ${seed}, ${trace.verdict.name}, ${trace.frame.summary}: ${found.join('; ')}`);
    }
  }
  t.same(failures.slice(0, 5), []);
  t.ok(seen.size > 20, `${seen.size} verdicts`);
  t.end();
});

const spec = tables(
  [
    tunnel('acme', '198.51.100.1', '203.0.113.10', {
      key: 42,
      clampTo: { v4: 1400, v6: 1380 },
      allowedSources: [{ address: Uint8Array.of(192, 0, 2, 0), length: 24 }],
    }),
    tunnel('other', '198.51.100.1', '203.0.113.11', { checksum: true }),
  ],
  [route('192.0.2.0/24', 0, 1), route('192.0.2.8/29', 0)],
  1,
  [{ address: Uint8Array.of(192, 0, 2, 254), tunnel: 1 }],
);
const tracer = new Tracer(spec);

function trace(frame: FrameSpec, side: number = Side.UNDERLAY): Trace {
  return tracer.trace(buildPacket({ link: 'ethernet', ...frame }), LinkType.ETHERNET, side);
}

function field({ nodes }: Trace, node: TraceNode['node'], name: string) {
  return nodes.find((n) => n.node === node)?.fields.find((f) => f.name === name);
}

const outer = { source: '203.0.113.10', destination: '198.51.100.1' };
const inner = {
  ip: { source: '192.0.2.1', destination: '192.88.99.1' },
  udp: { sourcePort: 9, destinationPort: 53 },
};

t.test('out of a tunnel', (t) => {
  const found = trace({ ip: outer, gre: { key: 42 }, inner });
  t.same(
    found.nodes.map(({ node }) => node),
    ['frame', 'ip', 'gre', 'endpoint', 'inner', 'route', 'deliver'],
  );
  t.match(found, {
    verdict: { name: 'delivered_overlay' },
    tunnel_in: 'acme',
    tunnel_out: null,
    dropped: false,
  });
  t.match(field(found, 'gre', 'key'), { value: '42', offset: 38, length: 4 });
  t.match(field(found, 'ip', 'checksum'), { note: 'correct', offset: 24 });
  t.match(field(found, 'inner', 'destination port'), { value: '53', offset: 64 });
  t.match(field(found, 'inner', 'allowed sources'), { note: 'lies in 192.0.2.0/24' });
  t.match(found.sent, [{ side: 'overlay', link: 'raw IP', length: 28, kind: 'packet' }]);
  t.equal(found.sent[0]?.summary, 'IPv4 192.0.2.1.9 > 192.88.99.1.53: UDP');
  t.end();
});

t.test('dropped, and why', (t) => {
  const key = trace({ ip: outer, gre: { key: 7 }, inner });
  t.match(key.verdict, { name: 'gre_key_mismatch', stage: 'endpoint', rfc: 'RFC 2890 §2.1' });
  t.match(field(key, 'endpoint', 'tunnel'), { wrong: true, note: 'there is acme (key 42)' });

  const checksum = trace({ ip: { ...outer, checksum: 0x1234 }, gre: { key: 42 }, inner });
  t.equal(checksum.verdict.name, 'ip_bad_checksum');
  t.match(field(checksum, 'ip', 'checksum'), {
    wrong: true,
    value: '0x1234',
    note: /^wrong, 0x[0-9a-f]{4} would be right/,
  });

  const missing = trace({ ip: { ...outer, source: '203.0.113.11' }, gre: {}, inner });
  t.equal(missing.verdict.name, 'gre_checksum_missing');
  t.match(field(missing, 'endpoint', 'checksum'), { wrong: true });

  const source = trace({
    ip: outer,
    gre: { key: 42 },
    inner: { ...inner, ip: { source: '8.8.8.8', destination: '9.9.9.9' } },
  });
  t.match(field(source, 'inner', 'allowed sources'), {
    wrong: true,
    value: '8.8.8.8',
    note: 'outside 192.0.2.0/24',
  });

  const nobody = trace({ ip: { source: '8.8.8.8', destination: '9.9.9.9' }, udp: {} });
  t.equal(nobody.verdict.name, 'not_for_us');
  t.match(field(nobody, 'route', 'longest match'), { wrong: true, value: 'none' });
  t.end();
});

t.test('into a tunnel: route, TTL, MTU, MSS, outer header', (t) => {
  const ip = { source: '192.88.99.1', destination: '192.0.2.9', ttl: 9 };
  const syn = trace({ ip, tcp: { syn: true, options: mssOption(1460) } });
  t.same(
    syn.nodes.map(({ node }) => node),
    ['frame', 'ip', 'route', 'forward', 'encap', 'deliver'],
  );
  t.match(field(syn, 'route', 'longest match'), { value: '192.0.2.8/29', note: 'of 2 prefixes' });
  t.match(field(syn, 'forward', 'TTL'), { value: '9', note: 'becomes 8', offset: 22 });
  t.match(field(syn, 'encap', 'MSS'), {
    value: '1460',
    note: 'becomes 1400; limit 1400 into acme',
    offset: 56,
  });
  t.match(field(syn, 'encap', 'outer header'), {
    value: '198.51.100.1 > 203.0.113.10',
    note: '28 bytes: IPv4 20, GRE 8',
  });

  const shared = trace({
    ip: { ...ip, destination: '192.0.2.200' },
    udp: { sourcePort: 1, destinationPort: 2 },
  });
  t.match(field(shared, 'route', 'next hops'), { value: 'acme (50 %), other (50 %)' });
  t.match(field(shared, 'route', 'flow'), { value: '192.88.99.1 port 1 > 192.0.2.200 port 2' });

  const late = trace({ ip: { ...ip, ttl: 1 }, udp: {} });
  t.match(late, {
    verdict: { name: 'ttl_exceeded' },
    dropped: true,
    sent: [{ kind: 'icmp_error', side: 'underlay' }],
  });
  t.match(late.sent[0]?.summary, /time exceeded/);

  const large = trace({ ip, udp: {}, payload: 1472 });
  t.match(field(large, 'encap', 'size'), { note: 'cut into 2 fragments' });
  t.same(
    large.sent.map(({ kind }) => kind),
    ['fragment', 'fragment'],
  );
  const unfit = trace({ ip: { ...ip, dontFragment: true }, udp: {}, payload: 1472 });
  t.match(field(unfit, 'encap', 'size'), { wrong: true, value: '1500 bytes, tunnel MTU 1476' });
  t.match(unfit.sent[0]?.summary, /fragmentation needed, MTU 1476$/);

  const overlay = trace({ ip, udp: {} }, Side.OVERLAY);
  t.match(field(overlay, 'forward', 'TTL'), { note: /left alone/ });
  t.end();
});

t.test('what grebe answers itself', (t) => {
  const ip = { source: '192.0.2.1', destination: '192.0.2.254' };
  const request = { ip, icmp: { type: 8, id: 77, sequence: 3 }, payload: 56 };
  const echo = trace({ ip: outer, gre: { key: 42 }, inner: request });
  t.same(
    echo.nodes.map(({ node }) => node),
    ['frame', 'ip', 'gre', 'endpoint', 'inner', 'route', 'answer'],
  );
  t.match(field(echo, 'route', 'our own address'), { value: 'interface address of other', wrong: false });
  t.match(echo, {
    verdict: { name: 'answered_echo' },
    dropped: false,
    tunnel_in: 'acme',
    tunnel_out: 'acme',
  });
  t.match(echo.nodes.at(-1)?.title, 'echo reply to 192.0.2.1, back through acme');
  t.match(field(echo, 'answer', 'sequence'), { value: '3', offset: 68 });
  t.match(echo.sent, [{ side: 'underlay', link: 'Ethernet', kind: 'echo_reply' }]);
  t.match(echo.sent[0]?.summary, /GRE, key 42: IPv4 192\.0\.2\.254 > 192\.0\.2\.1: ICMP echo reply$/);

  const overlay = tracer.trace(buildPacket(request), LinkType.RAW, Side.OVERLAY);
  t.match(overlay, { tunnel_in: null, tunnel_out: null, sent: [{ side: 'overlay', kind: 'echo_reply' }] });
  t.equal(overlay.nodes.at(-1)?.title, 'echo reply to 192.0.2.1, back to the overlay');
  const udp = trace({ ip: outer, gre: { key: 42 }, inner: { ip, udp: {} } });
  t.match(udp, { verdict: { name: 'delivered_overlay' }, sent: [{ kind: 'packet' }] });
  t.equal(udp.nodes.at(-2)?.title, 'our own address, so to the overlay');
  const plain = trace(request);
  t.equal(plain.verdict.name, 'not_for_us');
  t.match(field(plain, 'route', 'our own address'), { wrong: true, note: 'known inside of tunnels only' });
  const answer = { source: '198.51.100.1', destination: '203.0.113.10', protocol: 47, ttl: 255 };
  const keepalive = trace({ ip: outer, gre: { key: 42 }, inner: { ip: answer, payload: new Uint8Array(4) } });
  t.match(keepalive, { verdict: { name: 'answered_keepalive' }, tunnel_in: 'acme', tunnel_out: null });
  t.equal(keepalive.nodes.at(-1)?.title, 'keepalive, back to 203.0.113.10');
  t.match(field(keepalive, 'answer', 'TTL'), { value: '255', note: 'becomes 254', offset: 50 });
  t.match(keepalive.sent, [{ side: 'underlay', kind: 'keepalive', length: 38 }]);
  t.match(keepalive.sent[0]?.summary, /GRE, protocol type 0 \(a keepalive\)$/);
  t.match(traceText(keepalive), /\nsent {6}keepalive to the underlay: Ethernet, 38 bytes\n/);
  t.end();
});

t.test('as text', (t) => {
  const text = traceText(trace({ ip: outer, gre: { key: 7 }, inner }));
  t.match(text, /^received {2}on the underlay: Ethernet, 70 bytes\n/);
  t.match(text, /\n {2}38-41 {3}key {12}7\n/);
  t.match(text, /\n! {9}tunnel {5}none {2}\(there is acme \(key 42\)\)\n/);
  t.match(text, /\nverdict {3}dropped at endpoint: gre_key_mismatch\n.*\(RFC 2890 §2\.1\)$/);
  t.end();
});

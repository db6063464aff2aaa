import fc from 'fast-check';
import t from 'tap';
import { parseAddress } from '../../../src/config/address.js';
import {
  hasAddresses,
  PROBE_BYTES,
  PROBE_REFUSALS,
  readAnswer,
  writeProbe,
  type Probe,
  type ProbeAddresses,
} from '../../../src/network/health/probe.js';
import { sipKey } from '../../../src/network/health/siphash.js';
import { buildPacket } from '../../../src/wire/build.js';

const key = sipKey(Uint8Array.from({ length: 16 }, (_, i) => 7 * i));
const otherKey = sipKey(Uint8Array.from({ length: 16 }, (_, i) => 7 * i + 1));
const address = (text: string): Uint8Array => parseAddress(text)!.bytes;
const four: ProbeAddresses = { ours: address('198.51.100.1'), theirs: address('203.0.113.10') };
const six: ProbeAddresses = { ours: address('2001:db8::1'), theirs: address('2001:db8:1::a') };
const probe: Probe = { pop: 299, server: 9, target: 999, sequence: 0xfffffffe, sent: 2 ** 53 - 1 };
const nothing = (): Probe => ({ pop: -1, server: -1, target: -1, sequence: -1, sent: -1 });

function written(type: 'reply' | 'request', addresses: ProbeAddresses): Uint8Array {
  const bytes = new Uint8Array(200);
  const length = writeProbe(bytes, 0, type, addresses, probe, key);
  t.equal(length, PROBE_BYTES[addresses.ours.length === 4 ? 4 : 6]);
  return bytes.subarray(0, length);
}

/** What a host makes of an echo request: addresses turned round, another type, a right checksum. */
function answerOf(request: Uint8Array, { ours, theirs }: ProbeAddresses): Uint8Array {
  const header = ours.length === 4 ? 20 : 40;
  const icmp = Buffer.from(request.subarray(header));
  return buildPacket({
    ip: { source: theirs, destination: ours, ttl: 61 },
    icmp: { type: ours.length === 4 ? 0 : 129, id: icmp.readUInt16BE(4), sequence: icmp.readUInt16BE(6) },
    payload: Uint8Array.from(icmp.subarray(8)),
  });
}

t.test('a probe, byte for byte', async (t) => {
  const bytes = Buffer.from(written('request', four));
  t.equal(
    bytes.subarray(0, 20).toString('hex'),
    '45000040000040004001d47dc6336401cb00710a',
    'RFC 791, DF set',
  );
  t.equal(bytes.subarray(20, 22).toString('hex'), '0800', 'echo request');
  t.equal(bytes.subarray(24, 28).toString('hex'), '012bfffe', 'PoP and sequence tell echoes apart');
  t.equal(bytes.subarray(28, 32).toString(), 'greb');
  t.equal(
    bytes.subarray(32, 56).toString('hex'),
    '01000009' + '0000012b' + '000003e7' + 'fffffffe' + '001fffffffffffff',
  );
  t.equal(bytes.length, 64);
});

for (const [name, addresses] of [
  ['IPv4', four],
  ['IPv6', six],
] as const) {
  t.test(`a probe of type reply is its own answer (${name})`, async (t) => {
    const bytes = written('reply', addresses);
    const out = nothing();
    t.equal(readAnswer(bytes, 0, bytes.length, key, out), null);
    t.same(out, probe);
    t.ok(hasAddresses(bytes, 0, addresses));
    t.notOk(hasAddresses(bytes, 0, { ours: addresses.theirs, theirs: addresses.ours }));
    t.notOk(hasAddresses(bytes, 0, addresses === four ? six : four));
  });

  t.test(`a probe of type request is answered by any host (${name})`, async (t) => {
    const bytes = written('request', addresses);
    const out = nothing();
    t.equal(readAnswer(bytes, 0, bytes.length, key, out), 'not_echo_reply', 'and is no answer itself');
    const answer = answerOf(bytes, addresses);
    t.equal(readAnswer(answer, 0, answer.length, key, out), null);
    t.same(out, probe);
    t.ok(hasAddresses(answer, 0, addresses));
  });

  t.test(`an answer is read anywhere, and with bytes behind it (${name})`, async (t) => {
    const bytes = written('reply', addresses);
    const inside = new Uint8Array(bytes.length + 50).fill(0xff);
    inside.set(bytes, 13);
    const out = nothing();
    t.equal(readAnswer(inside, 13, bytes.length, key, out), null);
    t.equal(readAnswer(inside, 13, bytes.length + 20, key, out), null, 'padding');
    t.equal(readAnswer(inside, 13, bytes.length - 1, key, out), 'not_ip', 'the last byte is missing');
    t.same(out, probe);
  });

  t.test(`whatever is changed is noticed (${name})`, async (t) => {
    const bytes = written('reply', addresses);
    const start = addresses === four ? 20 : 40;
    for (let i = start; i < bytes.length; i++) {
      // The identifier and the sequence number of the ICMP header are for firewalls, and are not looked at.
      const changed = Uint8Array.from(bytes);
      changed[i]! ^= 1 << (i % 8);
      const out = nothing();
      const refusal = readAnswer(changed, 0, changed.length, key, out);
      t.not(refusal, null, `byte ${i}`);
      t.same(out, nothing(), 'and nothing is told');
    }
  });

  t.test(`no one can make an answer without the key (${name})`, async (t) => {
    const bytes = new Uint8Array(100);
    const length = writeProbe(bytes, 0, 'reply', addresses, probe, otherKey);
    t.equal(readAnswer(bytes, 0, length, key, nothing()), 'forged');
  });
}

t.test('what is refused has a name', async (t) => {
  const refusalOf = (bytes: Uint8Array, length = bytes.length): string | null =>
    readAnswer(bytes, 0, length, key, nothing());
  const ip = { source: four.theirs, destination: four.ours };
  const icmp = { type: 0 };
  t.equal(refusalOf(new Uint8Array(0)), 'not_ip');
  t.equal(refusalOf(Uint8Array.of(0x45)), 'not_ip');
  t.equal(refusalOf(Uint8Array.of(0x60)), 'not_ip');
  t.equal(refusalOf(new Uint8Array(64)), 'not_ip');
  t.equal(refusalOf(written('reply', four), 1000), 'not_ip', 'more bytes than there are');
  t.equal(readAnswer(written('reply', four), -1, 64, key, nothing()), 'not_ip');
  t.equal(refusalOf(buildPacket({ ip: { ...ip, headerLength: 4 }, icmp })), 'not_ip');
  t.equal(refusalOf(buildPacket({ ip: { ...ip, length: 10 }, icmp })), 'not_ip');
  t.equal(refusalOf(buildPacket({ ip: { ...ip, moreFragments: true }, icmp, payload: 36 })), 'fragment');
  t.equal(refusalOf(buildPacket({ ip: { ...ip, fragmentOffset: 8 }, icmp, payload: 36 })), 'fragment');
  const fragment6 = { source: six.theirs, destination: six.ours, extensions: [{ header: 44, more: true }] };
  t.equal(refusalOf(buildPacket({ ip: fragment6, icmp: { type: 129 }, payload: 36 })), 'fragment');
  t.equal(refusalOf(buildPacket({ ip, udp: {}, payload: 36 })), 'not_icmp');
  t.equal(refusalOf(buildPacket({ ip, icmp: { type: 3 }, payload: 36 })), 'not_echo_reply');
  t.equal(refusalOf(buildPacket({ ip, icmp: { type: 0, code: 1 }, payload: 36 })), 'not_echo_reply');
  t.equal(refusalOf(buildPacket({ ip, icmp, payload: 36 })), 'not_a_probe');
  t.equal(refusalOf(buildPacket({ ip, icmp, payload: 35 })), 'not_a_probe');
  const payload = Uint8Array.from(written('reply', four).subarray(28));
  t.equal(refusalOf(buildPacket({ ip, icmp: { type: 0, checksum: 1 }, payload })), 'bad_checksum');
  t.equal(refusalOf(buildPacket({ ip: { ...ip, options: [1, 1, 1, 1] }, icmp, payload })), null, 'options');
  payload[4] = 2;
  t.equal(refusalOf(buildPacket({ ip, icmp, payload })), 'other_version');
});

t.test('any bytes are read without harm', async (t) => {
  const seen = new Set<string>();
  const seeds = [written('reply', four), written('reply', six), written('request', four)];
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc
      .record({
        seed: fc.constantFrom(...seeds),
        changes: fc.array(fc.tuple(fc.nat(99), fc.nat(255)), { maxLength: 4 }),
        length: fc.oneof(fc.constant(120), fc.nat(120)),
      })
      .map(({ seed, changes, length }) => {
        const bytes = Uint8Array.from(seed);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        return bytes.subarray(0, length);
      }),
  );
  fc.assert(
    fc.property(hostile, fc.nat(40), fc.nat(140), (bytes, at, length) => {
      // Reads beyond the end would see undefined, and sums of it NaN; a proxy notices them.
      const beyond: number[] = [];
      const end = Math.min(at + length, bytes.length);
      const watched = new Proxy(bytes, {
        get(target, property): unknown {
          const index = typeof property === 'string' ? Number(property) : NaN;
          if (Number.isInteger(index) && (index < at || index >= end)) beyond.push(index);
          return Reflect.get(target, property, target) as unknown;
        },
      });
      const before = Buffer.from(bytes).toString('hex');
      const refusal = readAnswer(watched, at, length, key, nothing());
      const whole = readAnswer(bytes, 0, bytes.length, key, nothing());
      for (const one of [refusal, whole]) if (one !== null) seen.add(one);
      return beyond.length === 0 && before === Buffer.from(bytes).toString('hex');
    }),
    { numRuns: 20_000 },
  );
  t.same(
    PROBE_REFUSALS.filter((refusal) => !seen.has(refusal) && refusal !== 'forged'),
    [],
  );
});

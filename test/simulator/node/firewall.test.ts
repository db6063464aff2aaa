import t from 'tap';
import { SECOND } from '../../../src/network/time.js';
import { Firewall } from '../../../src/simulator/node/firewall.js';
import { IpPacket } from '../../../src/simulator/node/ip-packet.js';
import { addressBytes, buildPacket, type FrameSpec } from '../../../src/wire/build.js';

const INSIDE = '192.0.2.10';
const OUTSIDE = '8.8.8.8';
const OUT = { source: INSIDE, destination: OUTSIDE };
const IN = { source: OUTSIDE, destination: INSIDE };
const SERVICES = [
  { address: addressBytes(INSIDE), protocol: 'tcp', port: 443 },
  { address: addressBytes(INSIDE), protocol: 'udp', port: 53 },
] as const;

/** Whether each packet passes, in order; those whose source is inside come from there. */
function verdicts(firewall: Firewall, packets: readonly FrameSpec[], now = 0): boolean[] {
  const ip = new IpPacket();
  return packets.map((spec) => {
    const bytes = buildPacket(spec);
    if (!ip.read(bytes, 0, bytes.length)) throw new Error('not a packet');
    return firewall.admits(bytes, ip, spec.ip?.source === INSIDE, now);
  });
}

const ports = (
  sourcePort: number,
  destinationPort: number,
): { sourcePort: number; destinationPort: number } => ({
  sourcePort,
  destinationPort,
});

t.test('answers to what went out come in, and nothing else', (t) => {
  const asked: FrameSpec = { ip: OUT, tcp: { ...ports(5000, 80), syn: true } };
  const answer: FrameSpec = { ip: IN, tcp: { ...ports(80, 5000), syn: true, ack: true } };
  const other: FrameSpec = { ip: IN, tcp: { ...ports(81, 5000), syn: true, ack: true } };
  t.same(verdicts(new Firewall([]), [answer, asked, answer, other]), [false, true, true, false]);
  t.end();
});

t.test('a service is open for those who begin', (t) => {
  const syn: FrameSpec = { ip: IN, tcp: { ...ports(5000, 443), syn: true } };
  const middle: FrameSpec = { ip: IN, tcp: { ...ports(5001, 443), ack: true }, payload: 10 };
  const closed: FrameSpec = { ip: IN, tcp: { ...ports(5000, 22), syn: true } };
  const query: FrameSpec = { ip: IN, udp: ports(5000, 53), payload: 10 };
  t.same(verdicts(new Firewall(SERVICES), [syn, middle, closed, query]), [true, false, false, true]);
  t.end();
});

t.test('echo: requests in either direction, replies to requests only', (t) => {
  const request = (ip: typeof IN, id: number): FrameSpec => ({ ip, icmp: { type: 8, id } });
  const reply = (ip: typeof IN, id: number): FrameSpec => ({ ip, icmp: { type: 0, id } });
  const packets = [reply(IN, 1), request(IN, 2), reply(OUT, 2), request(OUT, 3), reply(IN, 3), reply(IN, 4)];
  t.same(verdicts(new Firewall([]), packets), [false, true, true, true, true, false]);
  t.end();
});

t.test('ICMP errors about what is known', (t) => {
  const sent: FrameSpec = {
    ip: { ...OUT, dontFragment: true },
    tcp: { ...ports(443, 5000), ack: true },
    payload: 50,
  };
  const about = (spec: FrameSpec): FrameSpec => ({
    ip: { source: '203.0.113.1', destination: INSIDE },
    icmp: { type: 3, code: 4, mtu: 1400 },
    payload: buildPacket(spec),
  });
  const other: FrameSpec = { ...sent, tcp: ports(443, 5001) };
  t.same(verdicts(new Firewall([]), [about(sent), sent, about(sent), about(other)]), [
    false,
    true,
    true,
    false,
  ]);
  t.end();
});

t.test('later fragments go the way of the first', (t) => {
  const first: FrameSpec = { ip: { ...IN, id: 9, moreFragments: true }, udp: ports(5000, 53), payload: 64 };
  const later: FrameSpec = { ip: { ...IN, id: 9, fragmentOffset: 72, protocol: 17 }, payload: 40 };
  t.same(verdicts(new Firewall(SERVICES), [later, first, later]), [false, true, true]);
  t.end();
});

t.test('entries end, and make room', (t) => {
  const firewall = new Firewall([], 100);
  const asked = (port: number): FrameSpec => ({ ip: OUT, udp: ports(port, 53), payload: 4 });
  const answer = (port: number): FrameSpec => ({ ip: IN, udp: ports(53, port), payload: 4 });
  t.same(verdicts(firewall, [asked(1), answer(1)], 0), [true, true]);
  t.same(verdicts(firewall, [answer(1)], 299 * SECOND), [true], 'kept by what passes');
  t.same(verdicts(firewall, [answer(1)], 600 * SECOND), [false]);
  const many = Array.from({ length: 150 }, (_, i) => asked(1000 + i));
  const passed = verdicts(firewall, many, 700 * SECOND).filter((passes) => passes).length;
  t.equal(passed, 100, 'no more than it has room for');
  t.equal(firewall.entries, 100);
  t.same(verdicts(firewall, [asked(7)], 1100 * SECOND), [true], 'and room again when those are over');
  t.equal(firewall.entries, 1);
  t.end();
});

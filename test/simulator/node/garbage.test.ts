/** Whatever arrives at a host or a router is sent on, delivered or dropped, and nothing throws. */
import fc from 'fast-check';
import t from 'tap';
import { SECOND } from '../../../src/network/time.js';
import { openPorts } from '../../../src/simulator/traffic/create-traffic.js';
import { buildPacket, mssOption, type FrameSpec } from '../../../src/wire/build.js';
import { ANYCAST, CUSTOMER, isConserved } from './lab.js';
import { CLIENT, routerSpec, siteLab, WEB } from './site-lab.js';

const IN = { source: CLIENT, destination: WEB };
const OUTER = { source: ANYCAST, destination: CUSTOMER };
const quoted = buildPacket({
  ip: { source: WEB, destination: CLIENT, dontFragment: true },
  tcp: {},
  payload: 900,
});

const SEEDS: readonly FrameSpec[] = [
  { ip: IN, tcp: { syn: true, options: mssOption(1460) } },
  { ip: IN, tcp: { ack: true }, payload: 300 },
  { ip: IN, udp: { destinationPort: 5060 }, payload: 60 },
  { ip: { ...IN, moreFragments: true, id: 3 }, udp: {}, payload: 64 },
  { ip: { ...IN, fragmentOffset: 64, id: 3, protocol: 17 }, payload: 40 },
  { ip: IN, icmp: { type: 8 }, payload: 56 },
  { ip: IN, icmp: { type: 3, code: 4, mtu: 1300 }, payload: quoted },
  { ip: OUTER, gre: {}, inner: { ip: IN, tcp: { syn: true, options: mssOption(1460) } } },
  { ip: OUTER, gre: {}, inner: { ip: OUTER, gre: {}, inner: { ip: IN, udp: {} } } },
  { ip: OUTER, gre: { key: 1, checksum: true }, inner: { ip: IN, udp: {} } },
  { ip: OUTER, icmp: { type: 3, code: 4, mtu: 1300 }, payload: quoted },
  {
    ip: { source: '2001:db8::1', destination: '2001:db8::2', extensions: [{ header: 44, more: true }] },
    udp: {},
  },
];

const packet = fc.record({
  seed: fc.nat(SEEDS.length - 1),
  changes: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
  cut: fc.option(fc.nat(120)),
  /** Whether the IP header's checksum is put right again, so that the change gets further. */
  repaired: fc.boolean(),
});

t.test('garbage', (t) => {
  fc.assert(
    fc.property(
      fc.array(packet, { minLength: 1, maxLength: 20 }),
      fc.constantFrom('none' as const, 'stateful' as const),
      fc.boolean(),
      (packets, firewall, atHost) => {
        const lab = siteLab({
          site: { routers: [routerSpec({ firewall, mss_clamp: { uplink: 1400, tunnel: 1400 } })] },
        });
        openPorts(lab.web);
        for (const { seed, changes, cut, repaired } of packets) {
          const bytes = buildPacket(SEEDS[seed]!);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          if (repaired) repair(bytes);
          const number = lab.world.packets.put(
            bytes,
            0,
            cut === null ? bytes.length : Math.min(cut, bytes.length),
          );
          if (atHost) lab.web.receive(number);
          else lab.router.receive(number, lab.router.port(cut === null ? 'r1.isp' : 'lan'));
        }
        lab.world.scheduler.run(70 * SECOND);
        if (!isConserved(lab.world, lab.recorder)) throw new Error('not conserved');
        if (lab.world.packets.inFlight !== 0) throw new Error('packets left over');
      },
    ),
    { numRuns: 300 },
  );
  t.end();
});

/** Puts the checksum of an IPv4 header without options right. */
function repair(bytes: Uint8Array): void {
  if (bytes[0] !== 0x45 || bytes.length < 20) return;
  bytes[10] = bytes[11] = 0;
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
  bytes[10] = sum >>> 8;
  bytes[11] = sum & 0xff;
}

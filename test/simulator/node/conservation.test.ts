import fc from 'fast-check';
import t from 'tap';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { Link } from '../../../src/simulator/link/link.js';
import { buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import { ANYCAST, BOTH, CUSTOMER, isConserved, newLab, path } from './lab.js';

const client = fc.constantFrom('8.8.8.8', '8.8.8.9', '192.0.2.9', '0.0.0.0', '224.0.0.1');
const anyInner: fc.Arbitrary<FrameSpec> = fc.record({
  ip: fc.record({
    source: client,
    destination: fc.constantFrom('192.0.2.7', '8.8.8.8', '10.100.0.8', '172.16.0.1', ANYCAST),
    ttl: fc.constantFrom(0, 1, 3, 64),
    dontFragment: fc.boolean(),
    fragmentOffset: fc.constantFrom(0, 0, 0, 1480),
    moreFragments: fc.constantFrom(false, false, true),
    version: fc.constantFrom(undefined, undefined, undefined, 5),
  }),
  tcp: fc.constantFrom({ syn: true }, { ack: true }),
  payload: fc.nat(1600),
});
const anyFrame: fc.Arbitrary<FrameSpec> = fc.oneof(
  anyInner,
  fc.record({
    ip: fc.record({
      source: fc.constantFrom(CUSTOMER, '203.0.113.20', '203.0.113.30'),
      destination: fc.constant(ANYCAST),
    }),
    gre: fc.constantFrom({}, {}, { key: 1 }, { version: 1 }),
    inner: anyInner,
  }),
  fc.record({
    ip: fc.record({ source: client, destination: fc.constantFrom(ANYCAST, '192.0.2.7') }),
    icmp: fc.constantFrom({ type: 8 }, { type: 3, code: 4, mtu: 1000 }, { type: 0 }),
    payload: fc.nat(100),
  }),
);
const anyStep = fc.record({
  frame: anyFrame,
  cut: fc.constantFrom(null, null, null, 5, 25, 60),
  from: fc.constantFrom('client', 'router', 'edge'),
  wait: fc.nat(30 * MILLISECOND),
  change: fc.constantFrom('none', 'none', 'pop', 'server', 'route', 'withdraw', 'link'),
  which: fc.nat(3),
});

t.test(
  'whatever comes and whatever fails: each packet that is made ends once, delivered or for a reason',
  async () => {
    const spec = fc.record({
      reassembly: fc.boolean(),
      spread_too_big: fc.boolean(),
      turn: fc.constantFrom(0, MILLISECOND),
    });
    fc.assert(
      fc.property(spec, fc.array(anyStep, { maxLength: 60 }), (options, steps) => {
        const lab = newLab(options);
        const { world, recorder, edge, internet } = lab;
        const rough = path({
          loss: 0.05,
          jitter: MILLISECOND,
          reorder: 0.05,
          mtu: 1300,
          rate: 5_000_000,
          queue: 5000,
        });
        const far = { node: lab.router, port: 0 };
        const atRouter = internet.attach('provider', [52.5, 13.3], lab.router, 0);
        const down = new Link(world, 'router.down', rough, { node: atRouter, port: 0 }, far);
        atRouter.to = { node: down, port: 0 };
        internet.announce(`${CUSTOMER}/32`, atRouter);
        for (const { frame, cut, from, wait, change, which } of steps) {
          const bytes = buildPacket({ ...frame, ...(cut === null ? {} : { truncate: cut }) });
          const packet = world.packets.put(bytes, 0, bytes.length);
          if (from === 'client') lab.fromClient(packet);
          else if (from === 'router') lab.fromRouter(packet);
          else edge.sendThrough(which, which & 1, packet);
          const pop = edge.pops[which]!;
          if (change === 'pop') pop.setUp(!pop.up);
          if (change === 'server') pop.setServer(0, !pop.servers[0]!.up);
          if (change === 'route') edge.tables.setGroup(which, 0, which === 0 ? [] : BOTH);
          if (change === 'withdraw') internet.withdraw(`${ANYCAST}/32`, pop.attachment);
          if (change === 'link') down.up = !down.up;
          world.scheduler.run(world.scheduler.now + wait);
          if (!isConserved(world, recorder)) return false;
        }
        world.scheduler.run(world.scheduler.now + 700 * SECOND);
        return isConserved(world, recorder) && world.packets.inFlight === 0;
      }),
      { numRuns: 60 },
    );
  },
);

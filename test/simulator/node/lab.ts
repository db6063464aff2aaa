/** A small world for tests: nodes that keep what they get, paths, and an edge of three PoPs with two tunnels. */
import { hashName } from '../../../src/dataplane/ecmp.js';
import type { TablesSpec, TunnelSpec } from '../../../src/dataplane/tables.js';
import type { Node } from '../../../src/simulator/core/node.js';
import { CountingRecorder } from '../../../src/simulator/core/recorder.js';
import { MICROSECOND, type Nanoseconds } from '../../../src/network/time.js';
import { World } from '../../../src/simulator/core/world.js';
import { EdgeNetwork } from '../../../src/simulator/node/edge-network.js';
import { Internet } from '../../../src/simulator/node/internet.js';
import type { EdgeSpec, PathSpec, PopSpec } from '../../../src/simulator/scenario/scenario.js';
import { addressBytes } from '../../../src/wire/build.js';
import { route, tunnel } from '../../dataplane/harness.js';

export interface Got {
  readonly time: Nanoseconds;
  readonly port: number;
  readonly bytes: Uint8Array;
}

/** Where packets arrive. */
export class Sink implements Node {
  readonly got: Got[] = [];

  constructor(
    private readonly world: World,
    readonly name: string,
  ) {}

  receive(packet: number, port: number): void {
    const { packets, scheduler } = this.world;
    const at = packets.start[packet]!;
    const bytes = packets.bytes.slice(at, at + packets.length[packet]!);
    this.got.push({ time: scheduler.now, port, bytes });
    this.world.arrive(packet, this.name);
  }

  /** Destination addresses of what came, IPv4. */
  get destinations(): string[] {
    return this.got.map(({ bytes }) => bytes.subarray(16, 20).join('.'));
  }
}

export function path(more: Partial<PathSpec> = {}): PathSpec {
  return {
    delay: 0,
    jitter: 0,
    loss: 0,
    reorder: 0,
    rate: null,
    queue: 0,
    mtu: 1500,
    too_big: 'send',
    ...more,
  };
}

export function newWorld(seed = 1): { world: World; recorder: CountingRecorder } {
  const recorder = new CountingRecorder();
  return { world: new World(seed, recorder, { capacity: 16_384, large: 16 }), recorder };
}

/** Every packet that was made has ended, once and for a reason that was counted, or is still on its way. */
export function isConserved(world: World, recorder: CountingRecorder): boolean {
  const { packets, dropped, arrived, replaced, lost } = world;
  return (
    packets.taken === dropped + arrived + replaced + packets.inFlight &&
    recorder.dropped === dropped &&
    lost === 0
  );
}

export const BERLIN = [52.52, 13.4] as const;
export const NEW_YORK = [40.71, -74.0] as const;
export const POPS: readonly PopSpec[] = [
  { name: 'fra', region: 'WEUR', location: [50.1, 8.7], servers: 4, capacity: null },
  { name: 'waw', region: 'EEUR', location: [52.2, 21.0], servers: 4, capacity: null },
  { name: 'lhr', region: 'WEUR', location: [51.5, -0.1], servers: 4, capacity: null },
  { name: 'ewr', region: 'ENAM', location: [40.7, -74.2], servers: 4, capacity: null },
];

/** Anycast addresses of the edge, and of the customer's router. */
export const ANYCAST = '198.51.100.1';
export const CUSTOMER = '203.0.113.10';
/** Behind the tunnels. */
export const PREFIX = '192.0.2.0/24';

export function edgeSpec(more: Partial<EdgeSpec> = {}): EdgeSpec {
  return {
    asn: 13335,
    endpoints: [ANYCAST],
    pops: POPS,
    spread_too_big: false,
    reassembly: false,
    convergence: 0,
    turn: 50 * MICROSECOND,
    ...more,
  };
}

export const TUNNELS: readonly TunnelSpec[] = [
  tunnel('acme_1', ANYCAST, CUSTOMER),
  tunnel('acme_2', ANYCAST, '203.0.113.20', { icmpSource4: addressBytes('10.100.0.10') }),
];

export function tablesSpec(more: Partial<TablesSpec> = {}): TablesSpec {
  return {
    tunnels: TUNNELS,
    routes: [{ ...route(PREFIX), group: 0 }],
    locals: [{ address: addressBytes('10.100.0.8'), tunnel: 0 }],
    maxNestingDepth: 1,
    groups: [{ nexthops: [{ tunnel: 0, weight: 1 }], most: 4 }],
    views: POPS.length,
    ...more,
  };
}

/** Both tunnels as members of a group. */
export const BOTH = TUNNELS.map(({ name }, member) => ({ member, identity: hashName(name), weight: 1 }));

export interface Lab {
  readonly world: World;
  readonly recorder: CountingRecorder;
  readonly internet: Internet;
  readonly edge: EdgeNetwork;
  /** A client on the Internet (8.8.8.8, New York), and the customer's router (Berlin). */
  readonly client: Sink;
  readonly router: Sink;
  /** Sends a packet from them into the Internet. */
  readonly fromClient: (packet: number) => void;
  readonly fromRouter: (packet: number) => void;
}

export function newLab(spec: Partial<EdgeSpec> = {}, tables: Partial<TablesSpec> = {}, seed = 1): Lab {
  const { world, recorder } = newWorld(seed);
  const internet = new Internet(world);
  const client = new Sink(world, 'client');
  const router = new Sink(world, 'router');
  const atClient = internet.attach('client', NEW_YORK, client, 0);
  const atRouter = internet.attach('router', BERLIN, router, 0);
  internet.announce('8.8.8.0/24', atClient);
  internet.announce('203.0.113.0/24', atRouter);
  const edge = new EdgeNetwork(world, internet, { spec: edgeSpec(spec), tables: tablesSpec(tables) });
  edge.announce(PREFIX);
  return {
    world,
    recorder,
    internet,
    edge,
    client,
    router,
    fromClient: (packet) => atClient.send(packet),
    fromRouter: (packet) => atRouter.send(packet),
  };
}

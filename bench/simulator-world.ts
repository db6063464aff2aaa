/** The network of the simulator's benchmark: an edge, customers behind tunnels, and flows to them. */
import { compileTunnel } from '../src/network/compile.js';
import type { TablesSpec, TunnelSpec } from '../src/dataplane/tables.js';
import { Random } from '../src/traffic/random.js';
import { addressBytes } from '../src/wire/build.js';
import { CountingRecorder } from '../src/simulator/core/recorder.js';
import type { Node } from '../src/simulator/core/node.js';
import type { Handler } from '../src/simulator/core/scheduler.js';
import { MICROSECOND, MILLISECOND, SECOND } from '../src/network/time.js';
import { World } from '../src/simulator/core/world.js';
import { Link } from '../src/simulator/link/link.js';
import { EdgeNetwork } from '../src/simulator/node/edge-network.js';
import { Internet, type Attachment } from '../src/simulator/node/internet.js';
import type { PathSpec, PopSpec } from '../src/simulator/scenario/scenario.js';
import { tunnelConfig } from '../test/network/example-network.js';

export interface BenchSize {
  readonly pops: number;
  readonly servers: number;
  readonly tunnels: number;
  readonly flows: number;
  /** Packets per second of each flow, one way, and bytes of their payload. */
  readonly rate: number;
  readonly payload: number;
}

const SEED = 0x67726562;
const ENDPOINT = '198.51.100.1';
const CLIENT_PLACES = 100;
const GRE_OVERHEAD = 24;
const PACKETS = 2 ** 17;

const ACCESS: PathSpec = {
  delay: 2 * MILLISECOND,
  jitter: 0,
  loss: 0,
  reorder: 0,
  rate: 1e10,
  queue: 10_000_000,
  mtu: 1500,
  too_big: 'send',
};
const LAN: PathSpec = { ...ACCESS, delay: 100 * MICROSECOND };

export function buildBenchWorld(
  size: BenchSize,
  pops: readonly PopSpec[],
): { readonly world: World; readonly edge: EdgeNetwork; readonly start: () => void } {
  const world = new World(SEED, new CountingRecorder(), { capacity: PACKETS });
  const internet = new Internet(world);
  const tunnels = Array.from({ length: size.tunnels }, (_, i) => tunnelOf(i));
  const edge = new EdgeNetwork(world, internet, {
    spec: {
      asn: 13335,
      endpoints: [ENDPOINT],
      pops,
      spread_too_big: false,
      reassembly: false,
      convergence: 0,
      turn: 50 * MICROSECOND,
    },
    tables: tablesOf(tunnels, pops.length),
  });
  const random = world.random('places');
  const place = (): readonly [number, number] => [random.between(-50, 60), random.between(-180, 179)];
  tunnels.forEach((_, i) => {
    edge.announce(`${prefixOf(i)}.0/24`);
    addCustomer(world, internet, i, place());
  });
  const clients = Array.from({ length: CLIENT_PLACES }, (_, i) => addClient(world, internet, i, place()));
  return { world, edge, start: () => new Flows(world, size, clients).start() };
}

function prefixOf(tunnel: number): string {
  return `11.${tunnel >> 8}.${tunnel & 0xff}`;
}

function routerOf(tunnel: number): string {
  return `203.${tunnel >> 8}.${tunnel & 0xff}.1`;
}

function tunnelOf(i: number): TunnelSpec {
  return compileTunnel(
    tunnelConfig(`t${i}`, 0, {
      cloudflare_gre_endpoint: ENDPOINT,
      customer_gre_endpoint: routerOf(i),
      interface_address: null,
    }),
  );
}

function tablesOf(tunnels: readonly TunnelSpec[], views: number): TablesSpec {
  return {
    tunnels,
    routes: tunnels.map((_, i) => ({
      address: addressBytes(`${prefixOf(i)}.0`),
      length: 24,
      nexthops: [],
      group: i,
    })),
    groups: tunnels.map((_, i) => ({ nexthops: [{ tunnel: i, weight: 1 }], most: 1 })),
    locals: [],
    maxNestingDepth: 1,
    views,
  };
}

/** A router that takes the tunnel off, and a host that sends back what it gets, by the router's provider. */
function addCustomer(world: World, internet: Internet, i: number, location: readonly [number, number]): void {
  const name = `customer${i}`;
  const { packets } = world;
  const host: Node = {
    name: `${name}.host`,
    receive(packet) {
      turnRound(packets.bytes, packets.start[packet]!);
      up.send(packet);
    },
  };
  const router: Node = {
    name,
    receive(packet) {
      packets.start[packet]! += GRE_OVERHEAD;
      packets.length[packet]! -= GRE_OVERHEAD;
      lan.send(packet);
    },
  };
  const at = internet.attach(name, location, router, 0);
  const down = new Link(world, `${name}.down`, ACCESS, { node: at, port: 0 }, { node: router, port: 0 });
  const up = new Link(world, `${name}.up`, ACCESS, { node: host, port: 0 }, { node: at, port: 0 });
  const lan = new Link(world, `${name}.lan`, LAN, { node: router, port: 1 }, { node: host, port: 0 });
  at.to = { node: down, port: 0 };
  internet.announce(`${routerOf(i)}/32`, at);
}

/** Addresses and ports of a UDP packet the other way round; no checksum changes. */
function turnRound(bytes: Uint8Array, ip: number): void {
  swap(bytes, ip + 12, ip + 16, 4);
  swap(bytes, ip + 20, ip + 22, 2);
}

function swap(bytes: Uint8Array, a: number, b: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const byte = bytes[a + i]!;
    bytes[a + i] = bytes[b + i]!;
    bytes[b + i] = byte;
  }
}

interface Client {
  readonly address: string;
  readonly up: Link;
}

function addClient(world: World, internet: Internet, i: number, location: readonly [number, number]): Client {
  const name = `client${i}`;
  const node: Node = { name, receive: (packet) => world.arrive(packet, name) };
  const at: Attachment = internet.attach(name, location, node, 0);
  const up = new Link(world, `${name}.up`, ACCESS, { node, port: 0 }, { node: at, port: 0 });
  const down = new Link(world, `${name}.down`, ACCESS, { node: at, port: 0 }, { node, port: 0 });
  at.to = { node: down, port: 0 };
  internet.announce(`100.${i}.0.0/16`, at);
  return { address: `100.${i}.0`, up };
}

/** Sends the packets of all flows, each in its own rhythm. */
class Flows implements Handler {
  private readonly handler: number;
  private readonly interval: number;
  private readonly random: Random;
  /** A packet of each flow, to copy. */
  private readonly templates: Int32Array;
  private readonly up: readonly Link[];

  constructor(
    private readonly world: World,
    private readonly size: BenchSize,
    clients: readonly Client[],
  ) {
    const { flows, tunnels, payload, rate } = size;
    this.handler = world.scheduler.register(this);
    this.interval = Math.round(SECOND / rate);
    this.random = world.random('flows');
    const flowClients = Array.from({ length: flows }, (_, i) => clients[i % clients.length]!);
    this.up = flowClients.map(({ up }) => up);
    this.templates = Int32Array.from(flowClients, ({ address }, i) =>
      world.packets.build({
        ip: { source: `${address}.${i & 0xff}`, destination: `${prefixOf(i % tunnels)}.${1 + (i % 254)}` },
        udp: { sourcePort: 1024 + (i >> 8), destinationPort: 7 },
        payload,
      }),
    );
    world.hold({ held: flows });
  }

  start(): void {
    for (let flow = 0; flow < this.size.flows; flow++) {
      this.world.scheduler.at(this.random.below(this.interval), this.handler, flow);
    }
  }

  fire(flow: number): void {
    const { scheduler, packets } = this.world;
    const packet = packets.copy(this.templates[flow]!);
    packets.born[packet] = scheduler.now;
    this.up[flow]!.send(packet);
    scheduler.at(scheduler.now + this.interval, this.handler, flow);
  }
}

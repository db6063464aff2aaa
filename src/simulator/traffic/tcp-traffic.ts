/** TCP connections between two hosts: the client sends `upload` bytes, then the server `download` bytes, then FIN. */
import { IpProtocol } from '../../wire/protocol.js';
import type { Handler } from '../core/scheduler.js';
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { TrafficSpec } from '../scenario/scenario.js';
import type { Ends } from './ends.js';
import { Pattern } from './pattern.js';
import { TcpEndpoint, type TcpOwner } from './tcp-endpoint.js';
import type { TcpListener } from './tcp-listener.js';
import type { Traffic } from './traffic.js';

export type TcpTrafficSpec = Extract<TrafficSpec, { type: 'tcp' }>;

export interface TcpTrafficOptions {
  /** The server at the port; null: nobody listens there. */
  readonly listener: TcpListener | null;
  /** Compares all data with what was sent. Default false: checksums are looked at only. */
  readonly verify?: boolean;
}

// What an event is for.
const CLIENT = 0;
const SERVER = 1;
const OPEN = 2;
const END = 3;
const FREE_PORT = 4;

/** RFC 9293 §3.4.2, with Linux's length: a port is not used again before. */
const TIME_WAIT = 60 * SECOND;

export class TcpTraffic implements Traffic, TcpOwner, Handler {
  readonly name: string;
  readonly clients: TcpEndpoint[] = [];
  readonly servers: (TcpEndpoint | null)[] = [];
  private readonly world: World;
  /** When the first SYN of each went out. */
  private readonly openedAt: Nanoseconds[] = [];
  private readonly handler: number;
  private readonly pattern: Pattern;

  constructor(
    private readonly spec: TcpTrafficSpec,
    private readonly ends: Ends,
    private readonly options: TcpTrafficOptions,
  ) {
    this.name = spec.name;
    this.world = ends.from.world;
    this.handler = this.world.scheduler.register(this);
    this.pattern = new Pattern(this.world.packets);
  }

  /** Bytes that have come to clients and servers. */
  get receivedBytes(): number {
    return [...this.clients, ...this.servers].reduce((sum, end) => sum + (end?.receivedBytes ?? 0), 0);
  }

  start(): void {
    const { spec, world, handler } = this;
    world.scheduler.at(spec.at, handler, 0, OPEN);
    if (spec.until !== null) world.scheduler.at(spec.until, handler, 0, END);
  }

  fire(index: number, what: number): void {
    switch (what) {
      case CLIENT:
        this.clients[index]!.timer();
        break;
      case SERVER:
        this.servers[index]!.timer();
        break;
      case OPEN:
        this.open(index);
        break;
      case END:
        for (const end of this.clients) end.abort();
        break;
      case FREE_PORT:
        this.ends.from.unbind(IpProtocol.TCP, this.clients[index]!.options.localPort);
        break;
    }
  }

  wake({ options: { index, isServer } }: TcpEndpoint, time: Nanoseconds): void {
    this.world.scheduler.at(time, this.handler, index, isServer ? SERVER : CLIENT);
  }

  opened(endpoint: TcpEndpoint): void {
    const { recorder } = this.world;
    const { upload, download } = this.spec;
    const { isServer, flow } = endpoint.options;
    if (isServer) {
      if (upload === 0) endpoint.send(download, true);
    } else {
      recorder.answered(flow, this.openedAt[endpoint.options.index]!);
      endpoint.send(upload, false);
    }
  }

  received(endpoint: TcpEndpoint): void {
    const { upload, download } = this.spec;
    if (endpoint.options.isServer) {
      if (endpoint.receivedBytes === upload && !endpoint.closing) endpoint.send(download, true);
    } else if (endpoint.peerClosed && !endpoint.closing) {
      endpoint.send(upload, true);
    }
  }

  closed(endpoint: TcpEndpoint): void {
    const { index, isServer, flow } = endpoint.options;
    if (isServer) return;
    const { recorder, scheduler } = this.world;
    recorder.connection(flow, 'closed');
    scheduler.at(scheduler.now + TIME_WAIT, this.handler, index, FREE_PORT);
  }

  failed(endpoint: TcpEndpoint): void {
    const { isServer, flow, localPort } = endpoint.options;
    if (isServer) return;
    this.world.recorder.connection(flow, 'failed');
    this.ends.from.unbind(IpProtocol.TCP, localPort);
  }

  private open(index: number): void {
    const { spec, world, ends, pattern, handler } = this;
    const { recorder, scheduler } = world;
    if (spec.until !== null && scheduler.now >= spec.until) return;
    if (index + 1 < spec.connections) {
      scheduler.at(
        spec.at + Math.floor((spec.over * (index + 1)) / spec.connections),
        handler,
        index + 1,
        OPEN,
      );
    }
    const flow = recorder.flow(spec.name, index);
    const random = world.random(`${spec.name} ${index}`);
    const common = { index, flow, pattern, verify: this.options.verify ?? false };
    const client = new TcpEndpoint(
      {
        ...{ ...common, isServer: false, host: ends.from, local: ends.source, remote: ends.destination },
        ...{ localPort: 0, remotePort: spec.port, initial: random.uint32() },
      },
      this,
    );
    this.clients[index] = client;
    this.servers[index] = null;
    this.openedAt[index] = scheduler.now;
    recorder.connection(flow, 'opened');
    recorder.asked(flow);
    const port = ends.from.bindAny(IpProtocol.TCP, client);
    if (port < 0) {
      // The host has no port left for it.
      recorder.connection(flow, 'failed');
      return;
    }
    client.options.localPort = port;
    if (this.options.listener !== null) {
      const server = new TcpEndpoint(
        {
          ...{ ...common, isServer: true, host: ends.to, local: ends.destination, remote: ends.source },
          ...{ localPort: spec.port, remotePort: port, initial: random.uint32() },
        },
        this,
      );
      this.servers[index] = server;
      this.options.listener.expect(ends.source, port, server);
    }
    client.connect();
  }
}

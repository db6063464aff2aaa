/** Makes the traffic of a scenario, and the servers at the ports that its hosts listen to. */
import { IpProtocol } from '../../wire/protocol.js';
import type { Host } from '../node/host.js';
import type { TrafficSpec } from '../scenario/scenario.js';
import { CaptureReplay, readCapturedPackets } from './capture-replay.js';
import { addressOf, endsOf, hostOf } from './ends.js';
import { Flood } from './flood.js';
import { Ping } from './ping.js';
import { TcpListener } from './tcp-listener.js';
import { TcpTraffic } from './tcp-traffic.js';
import { Traceroute } from './traceroute.js';
import type { Traffic } from './traffic.js';
import { UdpListener } from './udp-listener.js';
import { UdpTraffic } from './udp-traffic.js';

export interface TrafficOptions {
  /** Path of a file that the scenario names. Default: the name itself. */
  readonly resolve?: (file: string) => string;
  /** Compares all data of TCP with what was sent. Default false. */
  readonly verify?: boolean;
}

/** What a SYN flood is for where the host has no TCP port of its own. */
const HTTPS = 443;

/**
 * Traffic in the order of `specs`, not started. Opens all ports that hosts listen to: call it once for a world.
 *
 * @throws RangeError for a host that is not there, or two without a family of addresses in common
 * @throws CaptureError
 */
export async function createTraffic(
  specs: readonly TrafficSpec[],
  hosts: ReadonlyMap<string, Host>,
  options: TrafficOptions = {},
): Promise<Traffic[]> {
  for (const host of hosts.values()) openPorts(host);
  const traffic: Traffic[] = [];
  for (const spec of specs) traffic.push(await createOne(spec, hosts, options));
  return traffic;
}

/** Servers at the ports that a host listens to. */
export function openPorts(host: Host): void {
  for (const { protocol, port } of host.listens) {
    if (protocol === 'tcp') new TcpListener(host, port);
    else new UdpListener(host, port);
  }
}

async function createOne(
  spec: TrafficSpec,
  hosts: ReadonlyMap<string, Host>,
  { resolve = (file) => file, verify = false }: TrafficOptions,
): Promise<Traffic> {
  switch (spec.type) {
    case 'tcp': {
      const ends = endsOf(hosts, spec.from, spec.to);
      return new TcpTraffic(spec, ends, { listener: tcpListener(ends.to, spec.port), verify });
    }
    case 'udp': {
      const ends = endsOf(hosts, spec.from, spec.to);
      return new UdpTraffic(spec, ends, udpListener(ends.to, spec.port));
    }
    case 'ping':
      return new Ping(spec, endsOf(hosts, spec.from, spec.to));
    case 'traceroute':
      return new Traceroute(spec, endsOf(hosts, spec.from, spec.to));
    case 'flood': {
      const from = spec.from.map((name) => hostOf(hosts, name));
      const port = hosts.get(spec.to)?.listens.find(({ protocol }) => protocol === 'tcp')?.port ?? HTTPS;
      return new Flood(spec, { hosts: from, destination: addressOf(hosts, spec.to), port });
    }
    case 'capture':
      return new CaptureReplay(spec, hostOf(hosts, spec.from), await readCapturedPackets(resolve(spec.file)));
  }
}

function tcpListener(host: Host, port: number): TcpListener | null {
  const socket = host.socketAt(IpProtocol.TCP, port);
  return socket instanceof TcpListener ? socket : null;
}

function udpListener(host: Host, port: number): UdpListener | null {
  const socket = host.socketAt(IpProtocol.UDP, port);
  return socket instanceof UdpListener ? socket : null;
}

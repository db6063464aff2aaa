/** Traffic of scenarios for tests, with everything that is not said at a plain value. */
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import type { FloodSpec } from '../../../src/simulator/traffic/flood.js';
import type { PingSpec } from '../../../src/simulator/traffic/ping.js';
import type { TcpTrafficSpec } from '../../../src/simulator/traffic/tcp-traffic.js';
import type { TracerouteSpec } from '../../../src/simulator/traffic/traceroute.js';
import type { UdpTrafficSpec } from '../../../src/simulator/traffic/udp-traffic.js';

const TIMES = { at: 0, until: null } as const;

export function tcp(from: string, to: string, more: Partial<TcpTrafficSpec> = {}): TcpTrafficSpec {
  return {
    ...{ ...TIMES, name: 'pages', type: 'tcp', from, to, port: 443 },
    ...{ connections: 1, over: 0, upload: 0, download: 0 },
    ...more,
  };
}

export function udp(from: string, to: string, more: Partial<UdpTrafficSpec> = {}): UdpTrafficSpec {
  return {
    ...{ at: 0, until: SECOND, name: 'voice', type: 'udp', from, to, port: 5060 },
    ...{ flows: 1, rate: 50, size: 200, echo: false },
    ...more,
  };
}

export function ping(from: string, to: string, more: Partial<PingSpec> = {}): PingSpec {
  return {
    ...{ at: 0, until: SECOND, name: 'pings', type: 'ping', from, to },
    ...{ interval: 100 * MILLISECOND, size: 84, dont_fragment: true },
    ...more,
  };
}

export function traceroute(from: string, to: string): TracerouteSpec {
  return { ...TIMES, name: 'way', type: 'traceroute', from, to };
}

export function flood(kind: FloodSpec['kind'], from: readonly string[], to: string, rate: number): FloodSpec {
  return { at: 0, until: SECOND, name: 'attack', type: 'flood', kind, from, to, rate };
}

/** `traffic`: which keys belong to which kind, defaults, and that there is a way for it. */
import { parseAddress } from '../../config/address.js';
import { quote, type ConfigPath } from '../../config/problem.js';
import { packetRateOf, sizeOf } from '../../config/quantities.js';
import type { Nanoseconds } from '../../network/time.js';
import { SCENARIO_DEFAULTS } from './defaults.js';
import { flowOf, type Flow } from './flow.js';
import type { Names } from './names.js';
import { checkKeys, chosenKey } from './one-of.js';
import type { PrefixSet } from './prefix-set.js';
import type { RawTraffic } from './raw.js';
import { present, type Reading } from './reading.js';
import type { HostSpec, TrafficSpec } from './scenario.js';

const DEFAULTS = SCENARIO_DEFAULTS.traffic;
const HIGHEST_PORT = 65_535;

const KEYS = {
  tcp: ['connections', 'over', 'download', 'upload'],
  udp: ['flows', 'rate', 'size', 'echo'],
  ping: ['interval', 'size', 'dont_fragment'],
  traceroute: [],
  flood: ['rate', 'from', 'to'],
  capture: ['from'],
} as const;
type TrafficKind = keyof typeof KEYS;

export interface TrafficContext {
  readonly reading: Reading;
  readonly names: Names;
  readonly duration: Nanoseconds;
  readonly endpoints: readonly string[];
  /** What the edge advertises at some time. */
  readonly advertised: PrefixSet;
  /** By name. */
  readonly internetHosts: ReadonlyMap<string, HostSpec>;
  readonly siteHosts: ReadonlyMap<string, HostSpec>;
}

/** @returns null after a report */
export function readTraffic(name: string, raw: RawTraffic, context: TrafficContext): TrafficSpec | null {
  const { reading, duration } = context;
  const path = ['traffic', name];
  const kind = chosenKey(raw, Object.keys(KEYS) as TrafficKind[], path, reading);
  if (kind === null) return null;
  checkKeys(raw, kind, KEYS, ['at', 'until'], path, reading);
  const at = reading.duration(raw.at, [...path, 'at'], 0);
  const until = raw.until === undefined ? null : reading.duration(raw.until, [...path, 'until'], duration);
  if (at >= duration) {
    reading.source.mismatch([...path, 'at'], raw.at ?? '', 'a time before the end of the run (duration)');
  } else if (until !== null && until <= at) {
    reading.source.mismatch([...path, 'until'], raw.until ?? '', 'a time after `at`');
  }
  const base = { name, at, until };
  switch (kind) {
    case 'tcp': {
      const flow = readFlow(raw.tcp, [...path, kind], true, context);
      if (flow === null) return null;
      return {
        ...base,
        type: kind,
        ...flow,
        port: flow.port ?? 0,
        connections: raw.connections ?? DEFAULTS.tcp.connections,
        over: reading.duration(raw.over ?? DEFAULTS.tcp.over, [...path, 'over'], 0),
        download: sizeOf(raw.download ?? DEFAULTS.tcp.download),
        upload: sizeOf(raw.upload ?? DEFAULTS.tcp.upload),
      };
    }
    case 'udp': {
      const flow = readFlow(raw.udp, [...path, kind], true, context);
      if (flow === null) return null;
      return {
        ...base,
        type: kind,
        ...flow,
        port: flow.port ?? 0,
        flows: raw.flows ?? DEFAULTS.udp.flows,
        rate: readRate(raw.rate ?? DEFAULTS.udp.rate, [...path, 'rate'], reading),
        size: raw.size ?? DEFAULTS.udp.size,
        echo: raw.echo ?? DEFAULTS.udp.echo,
      };
    }
    case 'ping': {
      const flow = readFlow(raw.ping, [...path, kind], false, context);
      if (flow === null) return null;
      return {
        ...base,
        type: kind,
        from: flow.from,
        to: flow.to,
        interval: reading.span(raw.interval ?? DEFAULTS.ping.interval, [...path, 'interval'], 1),
        size: raw.size ?? DEFAULTS.ping.size,
        dont_fragment: raw.dont_fragment ?? DEFAULTS.ping.dont_fragment,
      };
    }
    case 'traceroute': {
      const flow = readFlow(raw.traceroute, [...path, kind], false, context);
      return flow === null ? null : { ...base, type: kind, from: flow.from, to: flow.to };
    }
    case 'flood': {
      const from = readSources(raw, path, context);
      const to = readTarget(raw.to, [...path, 'to'], context);
      if (from.length === 0 || to === null) return null;
      const rate = readRate(raw.rate ?? DEFAULTS.flood.rate, [...path, 'rate'], reading);
      return { ...base, type: kind, kind: raw.flood ?? 'syn', from, to, rate };
    }
    case 'capture': {
      const [from, ...others] = readSources(raw, path, context);
      if (others.length > 0) reading.source.mismatch([...path, 'from'], 'several hosts', 'one host');
      return from === undefined ? null : { ...base, type: kind, file: raw.capture ?? '', from };
    }
  }
}

function readRate(text: string, path: ConfigPath, { source }: Reading): number {
  const rate = packetRateOf(text);
  // An interval is a number of nanoseconds.
  if (rate > 0 && rate <= 1e9) return rate;
  source.mismatch(path, quote(text), 'more than 0pps, at most 1000Mpps');
  return 1;
}

function readFlow(
  text: string | undefined,
  path: ConfigPath,
  hasPort: boolean,
  context: TrafficContext,
): Flow | null {
  const { reading, names } = context;
  const { source } = reading;
  if (text === undefined) return null;
  const flow = flowOf(text);
  const { port } = flow;
  const isPort = port !== null && port >= 1 && port <= HIGHEST_PORT;
  if (hasPort && !isPort) {
    source.mismatch(
      path,
      quote(text),
      `a port behind the host, from 1 to ${HIGHEST_PORT}: "${flow.from} -> ${flow.to}:443"`,
    );
  } else if (!hasPort && port !== null) {
    source.mismatch(path, quote(text), `no port: "${flow.from} -> ${flow.to}"`);
  }
  const from = names.resolve(flow.from, path, 'host');
  const to = names.resolve(flow.to, path, 'host');
  if (from === null || to === null) return null;
  if (from === to) {
    source.mismatch(path, quote(text), 'two different hosts');
    return null;
  }
  checkWay(from, to, path, context);
  return { from, to, port };
}

/** Whether the hosts share an address family, and the Internet knows the way to the other one. */
function checkWay(from: string, to: string, path: ConfigPath, context: TrafficContext): void {
  const { internetHosts, siteHosts, advertised, reading } = context;
  const { source } = reading;
  const sender = internetHosts.get(from) ?? siteHosts.get(from);
  const receiver = internetHosts.get(to) ?? siteHosts.get(to);
  if (sender === undefined || receiver === undefined) return;
  const common = receiver.addresses.filter((address) =>
    sender.addresses.some((other) => other.includes(':') === address.includes(':')),
  );
  if (common.length === 0) {
    const expected = 'hosts with addresses of one family';
    source.mismatch(
      path,
      `${from} (${sender.addresses.join(', ')}) and ${to} (${receiver.addresses.join(', ')})`,
      expected,
    );
    return;
  }
  if (!internetHosts.has(from) || internetHosts.has(to)) return;
  const unknown = common.find((address) => advertised.around(address) === null);
  if (unknown === undefined || reading.isWrong(['sites'])) return;
  const message = `nothing from the Internet can reach ${to}: no advertised prefix (\`prefixes\`: ${advertised.toString()}) holds ${unknown}`;
  source.report(path, message);
}

function readSources(raw: RawTraffic, path: ConfigPath, { reading, names }: TrafficContext): string[] {
  const at = [...path, 'from'];
  if (raw.from === undefined) {
    if (!reading.source.has(at))
      reading.source.mismatch(at, 'nothing', 'the host or hosts that it comes from');
    return [];
  }
  const list = typeof raw.from === 'string' ? [raw.from] : raw.from;
  return present(list).flatMap(
    ([name, i]) => names.resolve(name, typeof raw.from === 'string' ? at : [...at, i], 'host') ?? [],
  );
}

function readTarget(
  text: string | undefined,
  path: ConfigPath,
  { reading, names, endpoints }: TrafficContext,
): string | null {
  if (text === undefined) {
    if (!reading.source.has(path))
      reading.source.mismatch(path, 'nothing', 'a host, or an endpoint of the edge');
    return null;
  }
  if (parseAddress(text) === null) return names.resolve(text, path, 'host');
  const address = reading.address(text, path);
  if (address === null || endpoints.includes(address)) return address;
  reading.source.mismatch(
    path,
    address,
    `an endpoint of the edge (${endpoints.join(', ')}), or the name of a host`,
  );
  return null;
}

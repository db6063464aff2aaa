/**
 * A made-up network of any number of tunnels. Everything about tunnel i follows from i, so that a million
 * of them take no memory:
 *
 * | tunnel i | has |
 * | --- | --- |
 * | our endpoint | 198.51.100.1; every eighth (i mod 8 = 7): 2001:db8::1 |
 * | customer's endpoint | 100.64.0.0 + i; every eighth: 2001:db8:1:: + i |
 * | options, i mod 4 | 0: none; 1: key i; 2: key i, checksum; 3: key i, sequence |
 * | routed and allowed inner prefixes | 10.0.0.0/8 in /24 (up to 65,536 tunnels) or /28, number i; fd00::/16 in /48, number i |
 */
import { formatAddress, isSameAddress } from '../config/address.js';
import { defaultMtu, overheadOf } from '../config/overhead.js';
import type { Prefix } from '../dataplane/tables.js';
import { be32, putBe32 } from '../wire/bytes.js';
import type { Family, TrafficNetwork, TrafficTunnel } from './network.js';

export const MAX_SYNTHETIC_TUNNELS = 1_000_000;

const LOCAL4 = Uint8Array.of(198, 51, 100, 1);
const LOCAL6 = address6(0x2001_0db8, 0, 1);
const REMOTES4 = 0x6440_0000;
const ROUTED4 = 0x0a00_0000;
const IPV6_EVERY = 8;
/** Up to so many tunnels are kept as objects; of more, each is made again when it is asked for. */
const MAX_KEPT_TUNNELS = 4096;

export class SyntheticNetwork implements TrafficNetwork {
  readonly maxNestingDepth = 1;
  readonly senders: number;
  private readonly prefixLength4: number;
  private readonly kept: (TrafficTunnel | undefined)[] = [];

  /** @param tunnels 1 to 1,000,000 */
  constructor(tunnels: number) {
    this.senders = tunnels;
    this.prefixLength4 = tunnels <= 65_536 ? 24 : 28;
  }

  sender(index: number): TrafficTunnel {
    const kept = this.kept[index];
    if (kept !== undefined) return kept;
    const tunnel = this.make(index);
    if (this.senders <= MAX_KEPT_TUNNELS) this.kept[index] = tunnel;
    return tunnel;
  }

  private make(index: number): TrafficTunnel {
    const family = index % IPV6_EVERY === IPV6_EVERY - 1 ? 6 : 4;
    const kind = index % 4;
    const key = kind === 0 ? null : index;
    const checksum = kind === 2;
    const sequence = kind === 3;
    const sources4 = [this.route(4, index)];
    const sources6 = [this.route(6, index)];
    return {
      name: `t${index}`,
      local: family === 4 ? LOCAL4 : LOCAL6,
      remote: family === 4 ? address4(REMOTES4 + index) : address6(0x2001_0db8, 0x0001_0000, index),
      key,
      checksum,
      sequence,
      gretap: false,
      mtu: defaultMtu(overheadOf({ family, key, checksum, sequence, mode: 'gre' })),
      clearDontFragment: false,
      allowedSources: [...sources4, ...sources6],
      sources4,
      sources6,
    };
  }

  routes(): number {
    return this.senders;
  }

  route(family: Family, index: number): Prefix {
    const size = 2 ** (32 - this.prefixLength4);
    return family === 4
      ? { address: address4(ROUTED4 + index * size), length: this.prefixLength4 }
      : { address: address6(0xfd00_0000 | (index >>> 16), index << 16, 0), length: 48 };
  }

  nexthops(destination: Uint8Array): readonly TrafficTunnel[] {
    const first = be32(destination, 0);
    const index =
      destination.length === 4
        ? Math.floor((first - ROUTED4) / 2 ** (32 - this.prefixLength4))
        : first >>> 16 === 0xfd00
          ? (first & 0xffff) * 65_536 + (be32(destination, 4) >>> 16)
          : -1;
    return index >= 0 && index < this.senders ? [this.sender(index)] : [];
  }

  hasEndpoints(source: Uint8Array, destination: Uint8Array): boolean {
    return this.between(source, destination) !== null;
  }

  hasKey(source: Uint8Array, destination: Uint8Array, key: number | null): boolean {
    return this.between(source, destination)?.key === key;
  }

  isLocal(address: Uint8Array): boolean {
    return isSameAddress(address, this.sender(0).local) || isSameAddress(address, LOCAL6);
  }

  /** The one tunnel that has these endpoints. */
  private between(source: Uint8Array, destination: Uint8Array): TrafficTunnel | null {
    const index = source.length === 4 ? be32(source, 0) - REMOTES4 : be32(source, 12);
    if (index < 0 || index >= this.senders) return null;
    const tunnel = this.sender(index);
    return isSameAddress(tunnel.remote, source) && isSameAddress(tunnel.local, destination) ? tunnel : null;
  }

  /** The configuration of this network, line by line (YAML, one tunnel or route a line). */
  *configLines(): Generator<string> {
    yield `# ${this.senders} synthetic tunnels, made by "grebe generate".`;
    yield 'node: { name: synthetic-1 }';
    yield 'tunnels:';
    for (let i = 0; i < this.senders; i++) {
      const tunnel = this.make(i);
      const parts = [
        `name: ${tunnel.name}`,
        `cloudflare_gre_endpoint: ${quoted(formatAddress(tunnel.local))}`,
        `customer_gre_endpoint: ${quoted(formatAddress(tunnel.remote))}`,
        ...(tunnel.key === null ? [] : [`key: ${tunnel.key}`]),
        ...(tunnel.checksum ? ['checksum: true'] : []),
        ...(tunnel.sequence ? ['sequence: true'] : []),
        `allowed_sources: [${(tunnel.allowedSources ?? []).map((p) => quoted(prefixText(p))).join(', ')}]`,
      ];
      yield `  - { ${parts.join(', ')} }`;
    }
    yield 'routes:';
    for (let i = 0; i < this.senders; i++) {
      for (const family of [4, 6] as const) {
        yield `  - { prefix: ${quoted(prefixText(this.route(family, i)))}, nexthop: t${i} }`;
      }
    }
  }
}

function prefixText(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/** Quotes what YAML might take for something else than text: IPv6 addresses. */
function quoted(text: string): string {
  return text.includes(':') ? `'${text}'` : text;
}

function address4(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** An IPv6 address of first, second and last word; the third is zero. */
function address6(first: number, second: number, last: number): Uint8Array {
  const bytes = new Uint8Array(16);
  putBe32(bytes, 0, first);
  putBe32(bytes, 4, second);
  putBe32(bytes, 12, last);
  return bytes;
}

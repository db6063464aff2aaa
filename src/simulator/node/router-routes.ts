/** Where a router's packets go: addresses at the other end of a link, prefixes, and what is behind neither. */
import { networkOf } from '../../config/address.js';
import { word } from '../../wire/bytes.js';
import { AddressTable } from './address-table.js';
import type { RouterInterface } from './router-interface.js';

interface PrefixRoute {
  readonly address: Uint8Array;
  readonly length: number;
  readonly isV4: boolean;
  /** IPv4: the address and its mask as they lie in packets, to be compared at once. */
  readonly network: number;
  readonly mask: number;
  readonly to: RouterInterface;
}

export class RouterRoutes {
  /** The IPv4 destination that was found last, and the one that was not: most routers have one of each. */
  private foundLast = 0;
  private lastTo: RouterInterface | null = null;
  private missedLast = 0;
  private hasMissed = false;
  private readonly neighbours = new AddressTable();
  private readonly neighbourInterfaces: RouterInterface[] = [];
  private peers = new AddressTable();
  private peerInterfaces: readonly RouterInterface[] = [];
  /** Longest first. */
  private readonly prefixes: PrefixRoute[] = [];

  /** The other ends of tunnels, in place of those before. */
  setPeers(peers: readonly { readonly address: Uint8Array; readonly to: RouterInterface }[]): void {
    this.forget();
    this.peers = new AddressTable();
    this.peerInterfaces = peers.map(({ to }) => to);
    peers.forEach(({ address }, i) => {
      this.peers.put(address, i);
    });
  }

  /** The address at the other end of a circuit; 4 or 16 bytes. */
  addNeighbour(address: Uint8Array, to: RouterInterface): void {
    this.forget();
    this.neighbours.put(address, this.neighbourInterfaces.push(to) - 1);
  }

  /** The same prefix twice: the first one stands. */
  addPrefix(address: Uint8Array, length: number, to: RouterInterface): void {
    this.forget();
    const at = this.prefixes.findIndex((route) => route.length < length);
    const { isV4, network, mask } = wordsOf(address, length);
    const route = { isV4, network, mask, to, address: networkOf(address, length), length };
    this.prefixes.splice(at < 0 ? this.prefixes.length : at, 0, route);
  }

  /** Interface to the address at `at`; null: there is none but the default. */
  find(bytes: Uint8Array, at: number, family: number): RouterInterface | null {
    if (family === 6) return this.search(bytes, at, family);
    const destination = word(bytes, at);
    if (this.lastTo !== null && destination === this.foundLast) return this.lastTo;
    if (this.hasMissed && destination === this.missedLast) return null;
    const to = this.search(bytes, at, family);
    if (to === null) {
      this.missedLast = destination;
      this.hasMissed = true;
    } else {
      this.foundLast = destination;
      this.lastTo = to;
    }
    return to;
  }

  private forget(): void {
    this.lastTo = null;
    this.hasMissed = false;
  }

  private search(bytes: Uint8Array, at: number, family: number): RouterInterface | null {
    const peer = this.peers.find(bytes, at, family);
    if (peer >= 0) return this.peerInterfaces[peer]!;
    const neighbour = this.neighbours.find(bytes, at, family);
    if (neighbour >= 0) return this.neighbourInterfaces[neighbour]!;
    const destination = word(bytes, at);
    for (const route of this.prefixes) {
      if (family === 6) {
        if (holds(route, bytes, at, family)) return route.to;
      } else if (route.isV4 && ((destination ^ route.network) & route.mask) === 0) {
        return route.to;
      }
    }
    return null;
  }
}

function wordsOf(address: Uint8Array, length: number): Pick<PrefixRoute, 'isV4' | 'network' | 'mask'> {
  if (address.length !== 4) return { isV4: false, network: 0, mask: 0 };
  const mask = word(networkOf(Uint8Array.of(255, 255, 255, 255), length), 0);
  return { isV4: true, network: word(address, 0), mask };
}

/** Whether an address lies in a prefix; `length` bits of `address` are looked at. */
export function holds(
  prefix: { readonly address: Uint8Array; readonly length: number },
  bytes: Uint8Array,
  at: number,
  family: number,
): boolean {
  const { address, length } = prefix;
  if (address.length !== (family === 4 ? 4 : 16)) return false;
  const whole = length >>> 3;
  for (let i = 0; i < whole; i++) if (bytes[at + i] !== address[i]) return false;
  const rest = length & 7;
  return rest === 0 || (bytes[at + whole]! ^ address[whole]!) >>> (8 - rest) === 0;
}

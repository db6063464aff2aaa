/**
 * Where daemons are measured: two namespaces, A and B, joined by a veth pair. Each case makes cables of its
 * own, one for each contender, so that all are up at the same time and take their turns.
 */
import { Netns } from '../../test/support/netns.js';

export const INTERFACE = 'u0';
/** Largest IP packet on the cable, bytes. */
const MTU = 1500;

/** Addresses of one end: of the cable, and inside the tunnel. */
export interface End {
  readonly namespace: Netns;
  readonly mac: string;
  readonly outer: string;
  readonly inner: string;
}

export interface Cable {
  readonly a: End;
  readonly b: End;
}

export function layCable(): Cable {
  const a = end(1);
  const b = end(2);
  Netns.connect(a.namespace, INTERFACE, b.namespace, INTERFACE, { mtu: MTU, macs: [a.mac, b.mac] });
  return { a, b };
}

function end(n: number): End {
  return {
    namespace: Netns.create('bench'),
    mac: `02:00:00:00:00:0${n}`,
    outer: `10.9.0.${n}`,
    inner: `10.8.0.${n}`,
  };
}

export function removeCable({ a, b }: Cable): void {
  a.namespace.delete();
  b.namespace.delete();
}

/** Gives both ends their outer addresses and each other's link address, on the interface of the cable. */
export function addressCable({ a, b }: Cable): void {
  for (const [own, other] of [
    [a, b],
    [b, a],
  ] as const) {
    own.namespace.addAddress(INTERFACE, `${own.outer}/24`);
    knows(own, other.outer, other.mac);
  }
}

/** Makes an address on the cable known, so that nothing has to be asked for. */
export function knows({ namespace }: End, address: string, mac: string): void {
  namespace.exec('ip', 'neighbour', 'replace', address, 'lladdr', mac, 'dev', INTERFACE, 'nud', 'permanent');
}

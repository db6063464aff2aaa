/** Between whom traffic runs. */
import { addressBytes } from '../../wire/build.js';
import type { Host } from '../node/host.js';

export interface Ends {
  readonly from: Host;
  readonly to: Host;
  /** Addresses of the two, of one family. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** @throws RangeError when there is no such host, or the two have no family in common */
export function endsOf(hosts: ReadonlyMap<string, Host>, fromName: string, toName: string): Ends {
  const from = hostOf(hosts, fromName);
  const to = hostOf(hosts, toName);
  for (const destination of to.addresses.addresses) {
    const source = from.addresses.ofFamily(destination.length === 4 ? 4 : 6);
    if (source !== null) return { from, to, source, destination };
  }
  throw new RangeError(`${fromName} and ${toName} have no family of addresses in common`);
}

export function hostOf(hosts: ReadonlyMap<string, Host>, name: string): Host {
  const host = hosts.get(name);
  if (host === undefined) throw new RangeError(`there is no host ${name}`);
  return host;
}

/** The bytes of the address that `to` is, or of the first address of the host that it names. */
export function addressOf(hosts: ReadonlyMap<string, Host>, to: string): Uint8Array {
  const host = hosts.get(to);
  return host === undefined ? addressBytes(to) : host.addresses.addresses[0]!;
}

/** Family of an address. */
export function familyOf(address: Uint8Array): 4 | 6 {
  return address.length === 4 ? 4 : 6;
}

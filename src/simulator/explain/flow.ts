/** The flow that is to be explained, as the user writes it: `client→web`, `client->web:443`, `client->192.0.2.10`. */
import { formatAddress, parseAddress } from '../../config/address.js';
import { suggest } from '../../config/problem.js';
import type { HostSpec, Scenario } from '../scenario/scenario.js';

export const EXPLAIN_PROTOCOLS = ['tcp', 'udp', 'icmp'] as const;
export type ExplainProtocol = (typeof EXPLAIN_PROTOCOLS)[number];

export interface ExplainFlow {
  readonly from: HostSpec;
  readonly source: string;
  /** Name of the host with the destination; null: an address that no host has. */
  readonly to: string | null;
  readonly destination: string;
  readonly protocol: ExplainProtocol;
  /** Destination port; 0 for ICMP. */
  readonly port: number;
}

/** A flow that cannot be understood, or names what is not there. */
export class FlowError extends Error {
  override readonly name = 'FlowError';
}

/** Where nobody listens. */
const DISCARD = 9;

/**
 * @param protocol null: TCP if the destination listens, else ICMP
 * @throws FlowError
 */
export function parseFlow(text: string, protocol: ExplainProtocol | null, scenario: Scenario): ExplainFlow {
  const ends = text.split(/\s*(?:→|->)\s*/);
  const [fromText = '', toText = ''] = ends.map((end) => end.trim());
  if (ends.length !== 2 || fromText === '' || toText === '') {
    throw new FlowError(`found the flow "${text}", expected FROM→TO or FROM->TO`);
  }
  const hosts = [...scenario.hosts, ...scenario.sites.flatMap((site) => site.hosts)];
  const fromName = canonical(unbracketed(fromText));
  const from = findHost(fromName, hosts);
  if (from === null)
    throw new FlowError(
      `no host ${fromText}${suggest(
        fromText,
        hosts.map(({ name }) => name),
      )}`,
    );
  const { name, port } = splitPort(toText, hosts);
  const to = findHost(name, hosts);
  if (to === null && parseAddress(name) === null) {
    throw new FlowError(
      `no host ${name}, and no address${suggest(
        name,
        hosts.map((host) => host.name),
      )}`,
    );
  }
  const wanted = parseAddress(name) === null ? to!.addresses : [name];
  const sources = parseAddress(fromName) === null ? from.addresses : [fromName];
  const pair = wanted.flatMap((destination) =>
    sources.flatMap((source) =>
      source.includes(':') === destination.includes(':') ? [{ source, destination }] : [],
    ),
  )[0];
  if (pair === undefined)
    throw new FlowError(`${fromText} and ${name} have no family of addresses in common`);
  const used = protocol ?? (port !== null || listening(to, 'tcp') !== null ? 'tcp' : 'icmp');
  const known = used === 'icmp' ? 0 : (port ?? listening(to, used) ?? DISCARD);
  return { from, ...pair, to: to?.name ?? null, protocol: used, port: known };
}

/** An address as the scenario has it; other text as it is. */
function canonical(text: string): string {
  const address = parseAddress(text);
  return address === null ? text : formatAddress(address.bytes);
}

function unbracketed(text: string): string {
  return text.replace(/^\[(.*)\]$/, '$1');
}

function findHost(text: string, hosts: readonly HostSpec[]): HostSpec | null {
  const named = hosts.find(({ name }) => name === text);
  return named ?? hosts.find(({ addresses }) => addresses.includes(text)) ?? null;
}

/** `web:443`, `192.0.2.10:443`, `[2001:db8::1]:443`. */
function splitPort(text: string, hosts: readonly HostSpec[]): { name: string; port: number | null } {
  const plain = canonical(unbracketed(text));
  if (parseAddress(plain) !== null || findHost(plain, hosts) !== null) return { name: plain, port: null };
  const match = /^(.*):(\d{1,5})$/.exec(text);
  if (match === null) return { name: text, port: null };
  const port = Number(match[2]);
  if (port < 1 || port > 65_535) throw new FlowError(`found port ${port}, expected 1 to 65535`);
  return { name: canonical(unbracketed(match[1]!)), port };
}

function listening(host: HostSpec | null, protocol: 'tcp' | 'udp'): number | null {
  return host?.listens.find((one) => one.protocol === protocol)?.port ?? null;
}

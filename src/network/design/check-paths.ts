/** Findings about paths: where there is none, and what must not fail. */
import { formatAddress, parseAddress } from '../../config/address.js';
import type { Findings } from '../finding.js';
import { edgeLosses, type Loss } from '../maintenance/losses.js';
import type { Stranded, Survival } from '../maintenance/survival.js';
import { Advertised, networkIn } from '../routing/prefix-rules.js';
import type { RouteEntry } from '../routing/route-entry.js';
import type { Design } from './design.js';

export function checkPaths(
  design: Design,
  entries: readonly RouteEntry[],
  survival: Survival,
  findings: Findings,
): void {
  checkRouted(design, entries, findings);
  checkHoles(design, survival, findings);
  checkLosses(design, survival, findings);
  checkBackup(design, entries, findings);
}

function checkRouted({ network }: Design, entries: readonly RouteEntry[], findings: Findings): void {
  const routed = new Advertised(entries.map(({ prefix }) => prefix));
  network.prefixes.forEach(({ prefix }, index) => {
    if (routed.meets(networkIn(prefix))) return;
    const message = `${prefix} is advertised and has no route: what comes for it is dropped`;
    findings.add('warning', 'prefix_without_route', ['prefixes', index], message);
  });
}

function checkHoles(design: Design, survival: Survival, findings: Findings): void {
  for (const { prefix, colos, everywhere } of survival.holes()) {
    if (everywhere) continue;
    const message = `no route to ${prefix} exists in ${listed(colos)}: packets that enter there are dropped`;
    findings.add('warning', 'no_route_in_colo', pathOfPrefix(design, prefix), message);
  }
}

/** Losses that strand the same prefixes in the same way are told of once, the smallest first. */
function checkLosses(design: Design, survival: Survival, findings: Findings): void {
  const { network, edge } = design;
  const reported = new Map<string, { whats: string[]; stranded: readonly Stranded[]; grave: boolean }>();
  const losses = [
    ...edgeLosses(
      network,
      edge.pops.map(({ name }) => name),
    ).map((loss) => ({ loss, grave: loss.colo === null })),
    ...customerLosses(design).map((loss) => ({ loss, grave: false })),
  ];
  for (const { loss, grave } of losses) {
    const stranded = survival.without(loss);
    if (stranded.length === 0) continue;
    const key = JSON.stringify(
      stranded.map(({ prefix, colos, everywhere }) => [prefix, everywhere || colos]),
    );
    const known = reported.get(key);
    if (known === undefined) reported.set(key, { whats: [loss.what], stranded, grave });
    else known.whats.push(loss.what);
  }
  for (const { whats, stranded, grave } of reported.values()) {
    const message = `the loss of ${whats.join(', or of ')} alone leaves no working path to ${describeStranded(stranded)}`;
    const path = pathOfPrefix(design, stranded[0]!.prefix);
    findings.add(grave ? 'warning' : 'info', 'single_point_of_failure', path, message);
  }
}

/** Routers and providers of the customer, with the tunnels and circuits that end there. */
function customerLosses({ network, routers }: Design): Loss[] {
  const endingAt = new Map<string, string[]>();
  for (const { name, interconnect, customer_gre_endpoint } of network.tunnels) {
    if (interconnect !== null) continue;
    const address = canonical(customer_gre_endpoint);
    endingAt.set(address, [...(endingAt.get(address) ?? []), name]);
  }
  const providers = new Map<string, string[]>();
  for (const { provider, address } of routers.flatMap(({ uplinks }) => uplinks)) {
    const tunnels = providers.get(provider) ?? [];
    tunnels.push(...(endingAt.get(canonical(address)) ?? []));
    providers.set(provider, tunnels);
  }
  return [
    ...routers.map(({ name, circuits, tunnels }) => ({
      what: `router ${name}`,
      nexthops: [...circuits.map(({ interconnect }) => interconnect), ...tunnels],
      colo: null,
    })),
    ...Array.from(providers, ([name, nexthops]) => ({ what: `provider ${name}`, nexthops, colo: null })),
  ];
}

/** One text for one address, however it is written. */
function canonical(address: string): string {
  const parsed = parseAddress(address);
  return parsed === null ? address : formatAddress(parsed.bytes);
}

/** There is no SLA on circuits: backup by another way is the customer's duty (behaviour §5). */
function checkBackup(design: Design, entries: readonly RouteEntry[], findings: Findings): void {
  const { tunnels, interconnects } = design.network;
  const overCircuit = new Set([
    ...interconnects.map(({ name }) => name),
    ...tunnels.filter(({ interconnect }) => interconnect !== null).map(({ name }) => name),
  ]);
  const only = new Map<string, boolean>();
  for (const { prefix, nexthop } of entries) {
    only.set(prefix, (only.get(prefix) ?? true) && overCircuit.has(nexthop));
  }
  for (const [prefix, circuits] of only) {
    if (!circuits) continue;
    const message = `${prefix} is reached over interconnects only, for which there is no SLA: a tunnel over the Internet with a higher priority number would be the backup`;
    findings.add('info', 'no_backup', pathOfPrefix(design, prefix), message);
  }
}

/** `192.0.2.0/24, 198.51.100.0/24 (in fra, ams)`. */
export function describeStranded(stranded: readonly Stranded[]): string {
  const shown = stranded
    .slice(0, 5)
    .map(({ prefix, colos, everywhere }) => (everywhere ? prefix : `${prefix} (in ${listed(colos)})`));
  const more = stranded.length > 5 ? ` and ${stranded.length - 5} more` : '';
  return shown.join(', ') + more;
}

function listed(names: readonly string[]): string {
  return names.length > 8
    ? `${names.slice(0, 8).join(', ')} and ${names.length - 8} more PoPs`
    : names.join(', ');
}

/** The first configured route of the prefix; without one, the first session that may bring it. */
function pathOfPrefix({ network }: Design, prefix: string): (string | number)[] {
  const route = network.routes.findIndex((candidate) => candidate.prefix === prefix);
  return route >= 0 ? ['routes', route] : ['bgp_sessions', 0];
}

/** Providers and sites: where they are, what they have, and that each tunnel, circuit and session ends somewhere. */
import type { Hosts } from './hosts.js';
import type { Names } from './names.js';
import { readPrefixes } from './prefixes.js';
import type { RawScenario, RawSite } from './raw.js';
import { PATH_DEFAULTS } from './defaults.js';
import { plainPath, present, type Reading } from './reading.js';
import type { RouterContext } from './router-context.js';
import { readRouter } from './router.js';
import type { Coordinates, ProviderSpec, SiteSpec } from './scenario.js';

export function readSites(
  raw: RawScenario,
  hosts: Hosts,
  context: RouterContext,
): { providers: ProviderSpec[]; sites: SiteSpec[] } {
  const { reading, names } = context;
  declareProviders(raw, names);
  for (const [site, { routers = {} }] of Object.entries(raw.sites ?? {})) {
    for (const router of Object.keys(routers))
      names.add('router', router, ['sites', site, 'routers', router], 'key');
  }
  const sites = Object.entries(raw.sites ?? {}).flatMap(
    ([name, site]) => readSite(name, site, hosts, context) ?? [],
  );
  return { providers: readProviders(raw, sites, reading), sites };
}

function declareProviders({ providers = [] }: RawScenario, names: Names): void {
  if (Array.isArray(providers)) {
    for (const [name, i] of present(providers)) names.add('provider', name, ['providers', i], 'value');
  } else {
    for (const name of Object.keys(providers)) names.add('provider', name, ['providers', name], 'key');
  }
}

/** A provider without a place is where the first site that uses it is; one that nobody uses is nowhere. */
function readProviders(
  { providers = [] }: RawScenario,
  sites: readonly SiteSpec[],
  reading: Reading,
): ProviderSpec[] {
  const entries = Array.isArray(providers)
    ? present(providers).map(([name, i]) => ({ name, at: undefined, path: ['providers', i] }))
    : Object.entries(providers).map(([name, { at }]) => ({ name, at, path: ['providers', name, 'at'] }));
  return entries.flatMap(({ name, at, path }) => {
    if (at !== undefined) {
      const location = reading.location(at, path);
      return location === null ? [] : [{ name, location }];
    }
    const user = sites.find(({ routers }) =>
      routers.some(({ uplinks }) => uplinks.some(({ provider }) => provider === name)),
    );
    return user === undefined ? [] : [{ name, location: user.location }];
  });
}

function readSite(name: string, raw: RawSite, hosts: Hosts, context: RouterContext): SiteSpec | null {
  const { reading } = context;
  const path = ['sites', name];
  const location: Coordinates | null =
    raw.at === undefined ? null : reading.location(raw.at, [...path, 'at']);
  const prefixes = readPrefixes(raw.prefixes, [...path, 'prefixes'], reading);
  const routers = Object.entries(raw.routers ?? {}).map(([router, spec]) =>
    readRouter(router, spec, [...path, 'routers', router], prefixes, context),
  );
  if (raw.routers !== undefined && routers.length === 0 && !reading.isWrong([...path, 'routers'])) {
    reading.source.mismatch([...path, 'routers'], 'no router', 'one at least: nothing else leads to a site');
  }
  const lan = reading.path(raw.lan ?? {}, [...path, 'lan'], plainPath(PATH_DEFAULTS.lan_delay));
  const inside = hosts.readSite(raw.hosts ?? {}, path, location ?? [0, 0], prefixes);
  return location === null ? null : { name, location, routers, hosts: inside, lan };
}

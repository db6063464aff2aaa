/** Makes the tables of a disagreement smaller while the disagreement stays. */
import type { TablesSpec, TunnelSpec } from '../../src/dataplane/tables.js';

type Test = (spec: TablesSpec) => boolean;

/** The specification without some tunnels and all that leads to them. */
function withoutTunnels(spec: TablesSpec, from: number, count: number): TablesSpec {
  const isOut = (index: number): boolean => index >= from && index < from + count;
  const routes = spec.routes
    .map((route) => ({
      ...route,
      nexthops: route.nexthops
        .filter((hop) => !isOut(hop.tunnel))
        .map((hop) => ({ ...hop, tunnel: hop.tunnel < from ? hop.tunnel : hop.tunnel - count })),
    }))
    .filter((route) => route.nexthops.length > 0);
  // Whose address it is makes no difference.
  const locals = spec.locals.map((local) => ({ ...local, tunnel: 0 }));
  return { ...spec, tunnels: spec.tunnels.filter((_, i) => !isOut(i)), routes, locals };
}

function withoutRoutes(spec: TablesSpec, from: number, count: number): TablesSpec {
  return { ...spec, routes: spec.routes.filter((_, i) => i < from || i >= from + count) };
}

function withoutLocals(spec: TablesSpec, from: number, count: number): TablesSpec {
  return { ...spec, locals: spec.locals.filter((_, i) => i < from || i >= from + count) };
}

/** Takes out halves, quarters and so on of a list, as long as the test still holds. */
function thin(
  spec: TablesSpec,
  list: 'routes' | 'locals' | 'tunnels',
  without: (spec: TablesSpec, from: number, count: number) => TablesSpec,
  test: Test,
): TablesSpec {
  let current = spec;
  for (let size = spec[list].length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = current[list].length - size; from >= 0; from -= size) {
      const candidate = without(current, from, size);
      if (test(candidate)) current = candidate;
    }
  }
  return current;
}

const SIMPLE: Partial<TunnelSpec>[] = [
  { checksum: false },
  { sequence: false },
  { key: null },
  { dscp: null },
  { clearDontFragment: false },
  { allowedSources: null },
  { clampFrom: { v4: 0, v6: 0 } },
  { clampTo: { v4: 0, v6: 0 } },
];

/** Puts plain values in place of the tunnels' special ones. */
function plainer(spec: TablesSpec, test: Test): TablesSpec {
  let current = spec;
  for (let i = 0; i < spec.tunnels.length; i++) {
    for (const change of SIMPLE) {
      const tunnels = current.tunnels.map((tunnel, j) => (j === i ? { ...tunnel, ...change } : tunnel));
      if (test({ ...current, tunnels })) current = { ...current, tunnels };
    }
  }
  return current;
}

export function shrink(spec: TablesSpec, stillDisagrees: Test): TablesSpec {
  const fewerRoutes = thin(spec, 'routes', withoutRoutes, stillDisagrees);
  const fewerLocals = thin(fewerRoutes, 'locals', withoutLocals, stillDisagrees);
  const fewerTunnels = thin(fewerLocals, 'tunnels', withoutTunnels, stillDisagrees);
  return plainer(fewerTunnels, stillDisagrees);
}

/** A specification as JSON, its addresses in hex. */
export function printSpec(spec: TablesSpec): string {
  return JSON.stringify(spec, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );
}

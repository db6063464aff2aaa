/** The packets with which a new worker warms up (warm-up.ts). */
import type { RouteSpec, TablesSpec } from '../dataplane/tables.js';
import { makeFrames } from './synthetic-frames.js';
import type { WarmUpFrames } from './warm-up.js';

const FRAMES = 256;
/** Fewer than packets: each costs as much as several of them. */
const FLOWS = 128;
/** Tunnels and routes that the packets are made for: enough for every way through the pipeline. */
const TUNNELS = 64;
const ROUTES = 256;

/** Packets for both sides. Tunnels with sequence numbers are left out if there are others. */
export function warmUpFrames(spec: TablesSpec): WarmUpFrames {
  const small = someOf(spec);
  const options = { count: FRAMES, flows: FLOWS, faultShare: 0.1, seed: 1 };
  return {
    underlay: makeFrames(small, { ...options, kind: 'mixed' }),
    overlay: makeFrames(small, { ...options, kind: 'overlay' }),
  };
}

function someOf(spec: TablesSpec): TablesSpec {
  const plain = spec.tunnels.flatMap(({ sequence }, i) => (sequence ? [] : [i]));
  const chosen = (plain.length > 0 ? plain : spec.tunnels.map((_, i) => i)).slice(0, TUNNELS);
  const place = new Map(chosen.map((tunnel, i) => [tunnel, i]));
  const routes: RouteSpec[] = [];
  for (const route of spec.routes) {
    const nexthops = route.nexthops.flatMap(({ tunnel, weight }) => {
      const i = place.get(tunnel);
      return i === undefined ? [] : [{ tunnel: i, weight }];
    });
    if (nexthops.length > 0) routes.push({ ...route, nexthops });
    if (routes.length === ROUTES) break;
  }
  return { ...spec, tunnels: chosen.map((i) => spec.tunnels[i]!), routes, locals: [] };
}

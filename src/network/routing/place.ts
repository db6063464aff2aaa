/** Where a routing table is used, and which scoped routes exist there (behaviour §3). */
import type { Region, RouteScope } from '../../config/config.js';

/** A PoP, or a node. What is null is not known: routes scoped by it do not exist there. */
export interface Place {
  readonly region: Region | null;
  /** Compared with `scope.colo_names` without regard to case. */
  readonly colo: string | null;
}

/** Whether a route exists at the place: its region or its PoP is named, or nothing is. */
export function isInScope(scope: RouteScope | null, { region, colo }: Place): boolean {
  if (scope === null) return true;
  const here = colo?.toLowerCase();
  return (
    (region !== null && scope.colo_regions.includes(region)) ||
    scope.colo_names.some((name) => name.toLowerCase() === here)
  );
}

/** What the health of a next hop adds to the priority of its routes (behaviour §3): lower priorities win. */
export const PENALTIES = { healthy: 0, degraded: 500_000, down: 1_000_000 } as const;

/** For a health check that is off, and where nobody has looked yet. */
export function noPenalty(): number {
  return PENALTIES.healthy;
}

/** From what a BGP announcement carries to the priority of its route (behaviour §3). */

/** Of a route learned without one of the communities below. */
export const BGP_PRIORITY = 100;

/** Communities (RFC 1997, `ASN:value`) by which a customer chooses the priority. */
export const PRIORITY_COMMUNITIES: ReadonlyMap<string, number> = new Map([
  ['13335:60010', 10],
  ['13335:60050', 50],
  ['13335:60150', 150],
  ['13335:60200', 200],
  ['13335:60901', 501_000],
  ['13335:60902', 1_001_000],
]);

/** What each extra prepend of the peer's own ASN adds. */
const PREPEND = 10;

export interface AnnouncedPath {
  /** `13335:60050`; unknown ones say nothing about priority. */
  readonly communities: readonly string[];
  /** How often the peer's own ASN stands in the path beyond the first time. */
  readonly prepend: number;
}

/** Lower wins: of several communities the lowest counts. */
export function priorityOf({ communities, prepend }: AnnouncedPath): number {
  const asked = communities.flatMap((community) => PRIORITY_COMMUNITIES.get(community) ?? []);
  return (asked.length === 0 ? BGP_PRIORITY : Math.min(...asked)) + PREPEND * prepend;
}

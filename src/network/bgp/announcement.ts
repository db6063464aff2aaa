/** What a customer's router tells the edge of a prefix, and what the edge makes of it. */

/** A prefix in an UPDATE of the customer's router. */
export interface Announcement {
  /** Canonical text without host bits: `203.0.113.0/24`. */
  readonly prefix: string;
  /** `13335:60050`. */
  readonly communities: readonly string[];
  /** Times that the own ASN stands in the path beyond the first, from 0 up. */
  readonly prepend: number;
}

/** A route in the edge's table that came by BGP. Routing makes its priority of communities and prepends. */
export interface LearnedRoute extends Announcement {
  /** Name of the tunnel or interconnect that the session runs over. */
  readonly nexthop: string;
  readonly session: string;
  /** Kept for a peer that restarts (RFC 4724); forwarding goes on as before. */
  readonly stale: boolean;
}

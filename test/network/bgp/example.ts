/** A BGP session over an interconnect, and short words for what happens in it. */
import type { Announcement } from '../../../src/network/bgp/announcement.js';
import { BgpSession, type BgpSessionOptions } from '../../../src/network/bgp/session.js';
import { SECOND } from '../../../src/network/time.js';

export interface Sides {
  readonly edge?: Partial<BgpSessionOptions['edge']>;
  readonly customer?: Partial<BgpSessionOptions['customer']>;
}

/** AS 13335 with AS 65010, hold times 240 and 90 s, no MD5, graceful restart on both sides. */
export function sessionWith(sides: Sides = {}, more: Partial<BgpSessionOptions> = {}): BgpSession {
  return new BgpSession({
    name: 'acme',
    nexthop: 'cni1',
    edge: { asn: 13335, md5Key: null, holdTime: 240, address: '192.0.2.0', ...sides.edge },
    customer: {
      asn: 65010,
      md5Key: null,
      holdTime: 90,
      gracefulRestart: true,
      address: '192.0.2.1',
      ...sides.customer,
    },
    customerAsn: 65010,
    bfd: null,
    latency: 0,
    filter: () => null,
    ...more,
  });
}

export function prefix(text: string, more: Partial<Announcement> = {}): Announcement {
  return { prefix: text, communities: [], prepend: 0, ...more };
}

/** Established at 0 with two prefixes. */
export function establishedWith(sides: Sides = {}, more: Partial<BgpSessionOptions> = {}): BgpSession {
  const session = sessionWith(sides, more);
  session.announce(0, prefix('203.0.113.0/24'));
  session.announce(0, prefix('198.51.100.0/24'));
  session.start(0);
  session.advance(0);
  session.takeEvents();
  return session;
}

/** The time in seconds at which the condition begins to hold, looked at whenever something happens; null: it never does. */
export function when(session: BgpSession, until: number, holds: () => boolean): number | null {
  for (let due = session.next; !holds(); due = session.next) {
    if (due > until * SECOND) return null;
    session.advance(due);
    if (holds()) return due / SECOND;
  }
  return 0;
}

/** `seconds kind side: text` */
export function eventsOf(session: BgpSession): string[] {
  return session.takeEvents().map(({ at, side, kind, text }) => `${at / SECOND} ${kind} ${side}: ${text}`);
}

export function prefixesOf(session: BgpSession): string[] {
  return session.routes().map((route) => `${route.prefix}${route.stale ? ' stale' : ''}`);
}

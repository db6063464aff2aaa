/** The router's side of BGP sessions. Where the file says nothing, it is what the edge expects. */
import { readHoldTime } from '../../config/bgp-session.js';
import type { BgpSessionConfig } from '../../config/network.js';
import { readPrefix } from '../../config/prefix.js';
import { quote, type ConfigPath } from '../../config/problem.js';
import { SCENARIO_DEFAULTS } from './defaults.js';
import { suggestFew } from './names.js';
import type { RawAnnouncement, RawNamed, RawRouterBgp } from './raw.js';
import { present, type Reading } from './reading.js';
import type { RouterContext } from './router-context.js';
import type { AnnouncementSpec, RouterBgpSpec } from './scenario.js';

interface BgpContext extends RouterContext {
  readonly router: string;
  /** Tunnels and interconnects that end on the router. */
  readonly nexthops: readonly string[];
  readonly prefixes: readonly string[];
}

export function readRouterBgp(
  raw: RawNamed<RawRouterBgp>,
  path: ConfigPath,
  context: BgpContext,
): RouterBgpSpec[] {
  const { reading, network, nexthops, router } = context;
  const { source } = reading;
  const sessions = network.bgp_sessions;
  for (const name of Object.keys(raw)) {
    const session = sessions.find((one) => one.name === name);
    if (session !== undefined && nexthops.includes(session.nexthop)) continue;
    const at = [...path, name];
    if (session !== undefined) {
      const message = `${name} runs over ${session.nexthop}, which does not end on ${router}`;
      source.report(at, message, { of: 'key' });
      continue;
    }
    const names = sessions.map((one) => one.name);
    const known = names.length === 0 ? '; there is none' : suggestFew(name, names);
    const found = `key ${quote(name)}`;
    source.report(at, `found ${found}, expected the name of a BGP session${known}`, { of: 'key', found });
  }
  return sessions
    .filter(({ nexthop }) => nexthops.includes(nexthop))
    .map((session) => readOne(session, raw[session.name] ?? {}, [...path, session.name], context));
}

function readOne(
  session: BgpSessionConfig,
  raw: RawRouterBgp,
  path: ConfigPath,
  { reading, prefixes }: BgpContext,
): RouterBgpSpec {
  return {
    session: session.name,
    asn: raw.asn ?? session.customer_asn,
    md5_key: raw.md5_key === undefined ? session.md5_key : raw.md5_key || null,
    hold_time: readHoldTime(raw.hold_time, [...path, 'hold_time'], reading.source) ?? session.hold_time,
    graceful_restart: raw.graceful_restart ?? SCENARIO_DEFAULTS.router.graceful_restart,
    announces:
      raw.announces === undefined
        ? prefixes.map((prefix) => ({ prefix, communities: [], prepend: 0 }))
        : present(raw.announces).flatMap(([entry, i]) => {
            const at = [...path, 'announces', i];
            if (typeof entry !== 'string') return readAnnouncement(entry, [...at, 'prefix'], reading) ?? [];
            return readAnnouncement({ prefix: entry }, at, reading) ?? [];
          }),
  };
}

/** @param path of the prefix */
export function readAnnouncement(
  raw: RawAnnouncement,
  path: ConfigPath,
  { source }: Reading,
): AnnouncementSpec | null {
  const prefix = raw.prefix === undefined ? null : readPrefix(raw.prefix, path, source);
  if (prefix === null) return null;
  return { prefix, communities: present(raw.communities).map(([text]) => text), prepend: raw.prepend ?? 0 };
}

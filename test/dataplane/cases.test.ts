/** Runs the golden cases, each through the flat loops and through the careful path. */
import { test } from 'tap';
import {
  COUNTERS_PER_TUNNEL,
  Misc,
  MISC_COUNTERS,
  TUNNEL_COUNTERS,
  TunnelCounter,
} from '../../src/dataplane/counters.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { Side } from '../../src/dataplane/packet-vector.js';
import { VERDICTS } from '../../src/dataplane/verdicts.js';
import { buildPacket, type FrameSpec } from '../../src/wire/build.js';
import { network, type Case, type ExpectedFrame } from './cases/case.js';
import { encapCases } from './cases/encap.js';
import { forwardCases } from './cases/forward.js';
import { fragmentCases } from './cases/fragment.js';
import { frameCases } from './cases/frame.js';
import { greCases } from './cases/gre.js';
import { innerCases } from './cases/inner.js';
import { ipCases } from './cases/ip.js';
import { localCases } from './cases/local.js';
import { mssCases } from './cases/mss.js';
import { mtuCases } from './cases/mtu.js';
import { run } from './harness.js';

const groups: Record<string, Case[]> = {
  frame: frameCases,
  ip: ipCases,
  gre: greCases,
  inner: innerCases,
  encap: encapCases,
  forward: forwardCases,
  mtu: mtuCases,
  fragment: fragmentCases,
  mss: mssCases,
  local: localCases,
};

const LINKS = {
  ethernet: LinkType.ETHERNET,
  raw: LinkType.RAW,
  sll: LinkType.LINUX_SLL,
  sll2: LinkType.LINUX_SLL2,
  null: LinkType.NULL,
  loop: LinkType.LOOP,
} as const;

function linkOf(frame: FrameSpec | Uint8Array, given: number | undefined): number {
  return given ?? (frame instanceof Uint8Array ? LinkType.RAW : LINKS[frame.link ?? 'raw']);
}

function bytesOf(frame: FrameSpec | Uint8Array): Uint8Array {
  return frame instanceof Uint8Array ? frame : buildPacket(frame);
}

/** A frame as text, with the digits that a hash decides struck out. */
function show(
  side: number,
  link: number,
  bytes: Uint8Array,
  hashed: readonly (readonly [number, number])[],
): string {
  let hex = Buffer.from(bytes).toString('hex');
  for (const [first, digits] of hashed)
    hex = hex.slice(0, first) + '?'.repeat(digits) + hex.slice(first + digits);
  return `${side === Side.OVERLAY ? 'overlay' : 'underlay'} link ${link} ${hex}`;
}

function hashedIn(entry: Case, frame: number): [number, number][] {
  return (entry.hashed ?? []).filter(([i]) => i === frame).map(([, first, digits]) => [first, digits]);
}

function expectedFrames(entry: Case): string[] {
  return (entry.out ?? []).map(({ side, frame, linkType }: ExpectedFrame, i) =>
    show(side, linkOf(frame, linkType), bytesOf(frame), hashedIn(entry, i)),
  );
}

function tunnelCounters(entry: Case, counters: Float64Array): Record<string, [number, number]> {
  const seen: Record<string, [number, number]> = {};
  (entry.config ?? network).tunnels.forEach(({ name }, i) => {
    const at = TUNNEL_COUNTERS + i * COUNTERS_PER_TUNNEL;
    const pair = (packets: number, bytes: number): [number, number] => [
      counters[at + packets]!,
      counters[at + bytes]!,
    ];
    const decapsulated = pair(TunnelCounter.DECAPSULATED_PACKETS, TunnelCounter.DECAPSULATED_BYTES);
    const encapsulated = pair(TunnelCounter.ENCAPSULATED_PACKETS, TunnelCounter.ENCAPSULATED_BYTES);
    if (decapsulated[0] + decapsulated[1] > 0) seen[`out of ${name}`] = decapsulated;
    if (encapsulated[0] + encapsulated[1] > 0) seen[`into ${name}`] = encapsulated;
  });
  return seen;
}

function expectedTunnelCounters(entry: Case): Record<string, unknown> {
  return Object.fromEntries([
    ...Object.entries(entry.decapsulated ?? {}).map(([name, pair]) => [`out of ${name}`, pair] as const),
    ...Object.entries(entry.encapsulated ?? {}).map(([name, pair]) => [`into ${name}`, pair] as const),
  ]);
}

for (const [group, cases] of Object.entries(groups)) {
  void test(`golden cases: ${group}`, (t) => {
    for (const entry of cases) {
      for (const carefulOnly of [false, true]) {
        const input = {
          bytes: bytesOf(entry.packet),
          link: linkOf(entry.packet, entry.linkType),
          side: entry.side ?? Side.UNDERLAY,
        };
        const { outcomes, counters } = run(entry.config ?? network, [input], { carefulOnly });
        const outcome = outcomes[0]!;
        const misc = MISC_COUNTERS.filter(
          (name) => !name.startsWith('received') && counters[Misc[name]] !== 0,
        );
        t.strictSame(
          {
            verdict: outcome.verdict,
            out: outcome.outputs.map(({ side, link, hex }, i) =>
              show(side, link, Buffer.from(hex, 'hex'), hashedIn(entry, i)),
            ),
            counters: Object.fromEntries(misc.map((name) => [name, counters[Misc[name]]])),
            tunnels: tunnelCounters(entry, counters),
          },
          {
            verdict: entry.verdict,
            out: expectedFrames(entry),
            counters: entry.counters ?? {},
            tunnels: expectedTunnelCounters(entry),
          },
          `${entry.name}${carefulOnly ? ' (careful path)' : ''}`,
        );
      }
    }
    t.end();
  });
}

void test('every verdict has a case', (t) => {
  const seen = new Set<string>(Object.values(groups).flatMap((cases) => cases.map(({ verdict }) => verdict)));
  t.same(
    VERDICTS.map(({ name }) => name).filter((name) => !seen.has(name)),
    [],
  );
  const names = Object.values(groups).flatMap((cases) => cases.map(({ name }) => name));
  t.equal(new Set(names).size, names.length, 'names are unique');
  t.end();
});

/** The text of docs/verdicts.md, made from the table of verdicts so that the two cannot differ. */
import { STAGES, VERDICTS, type Stage, type VerdictEntry } from '../src/dataplane/verdicts.js';

const stageTitles: Record<Stage, string> = {
  deliver: 'the packet reached a side',
  answer: 'grebe itself is meant',
  frame: 'link header',
  ip: 'outermost IP header',
  gre: 'GRE header',
  endpoint: 'which tunnel',
  inner: 'what the tunnel carried',
  route: 'where to',
  forward: 'time to live',
  encap: 'into a tunnel',
};

const drawing = `
        underlay                         overlay
            │                               │
          frame                           frame
            │                               │
            ip                              ip
            │                               │
   GRE for one of our                       │
       endpoints? ──── no ───┐              │
            │ yes            │              │
           gre  ◀──────┐     │              │
            │          │     │              │
        endpoint     GRE     │              │
            │       again    │              │
          inner ───────┘     │              │   a keepalive ──▶ answer  (answered_keepalive)
            │                │              │
            └────────────────┼──────────────┘
                             │
                           route ── no match, out of a tunnel ──▶ deliver  (delivered_overlay)
                             │   ── our own address, ping ──────▶ answer   (answered_echo)
                             │
                          forward     (what came from the underlay; grebe is its router)
                             │
                           encap ───────────────────────────────▶ deliver  (delivered_underlay)
`;

const introduction = `# Verdicts

Every packet that enters the dataplane ends with exactly one verdict. Two of them deliver, two say that grebe has
answered itself, all others are drop reasons. The names below are the same words in counters, \`grebe replay\` tables
and JSON, \`grebe trace\` and the comments of \`--out-dropped\` captures. Numbers are stable: a new verdict takes a
free one, none is used again.

For any input: **received = delivered_overlay + delivered_underlay + answered_echo + answered_keepalive + the sum of
all drops**, exactly.

This page is written by \`npm run generated\` from [src/dataplane/verdicts.ts](../src/dataplane/verdicts.ts), and a
test fails when it is stale. The rules behind the names, in the order of the checks, are in
[dataplane.md](dataplane.md).

## The stages

A packet walks this way and may be dropped at every stage.
`;

function row(verdict: VerdictEntry): string {
  return `| ${verdict.number} | \`${verdict.name}\` | ${verdict.explanation} | ${verdict.rfc || '—'} |`;
}

function section(stage: Stage): string {
  const rows = VERDICTS.filter((verdict) => verdict.stage === stage).map(row);
  const head = ['| number | name | meaning | source |', '| ---: | --- | --- | --- |'];
  return [`## ${stage}: ${stageTitles[stage]}`, '', ...head, ...rows, ''].join('\n');
}

/** The whole page. */
export function verdictsDocument(): string {
  return [introduction, '```text' + drawing + '```\n', ...STAGES.map(section)].join('\n');
}

/** What the fuzzer prints. */
import { Misc } from '../../src/dataplane/counters.js';
import { VERDICTS } from '../../src/dataplane/verdicts.js';
import { hex } from '../oracle/bytes.js';
import type { Frame } from '../oracle/outcome.js';
import type { Arena } from './arena.js';
import type { Failure } from './session.js';
import { printSpec, shrink } from './shrink.js';
import { tryOne } from './trial.js';

const SHOWN_BYTES = 160;

function describeOutputs(outputs: readonly Frame[]): string {
  const line = ({ side, link, bytes }: Frame): string => {
    const more = bytes.length > SHOWN_BYTES ? `… (${bytes.length} bytes)` : '';
    return `\n    ${side}, link ${link}: ${hex(bytes.slice(0, SHOWN_BYTES))}${more}`;
  };
  return outputs.map(line).join('');
}

function describeWay({ over, pin }: Frame): string {
  return `${over === undefined ? '' : `, over ${over}`}${pin === undefined ? '' : `, pinned to ${pin}`}`;
}

/** The first difference without its numbers: what stays the same while tables shrink. */
function kindOf(differences: readonly string[]): string {
  return (differences[0] ?? '').replaceAll(/\b[0-9a-f]*\d[0-9a-f]*\b/g, '#');
}

/** A disagreement with everything needed to see it again. */
export function describeFailure(seed: number, failure: Failure, arena: Arena): string {
  const { frame, expected, observed, carefulOnly } = failure;
  const lines = [
    `seed ${seed}, session ${failure.session}, vector ${failure.vector}, packet ${failure.packet ?? 'all'}` +
      (carefulOnly ? ', carefulOnly' : ''),
    ...failure.differences.map((difference) => `  ${difference}`),
    `again: npm run fuzz -- --seed ${seed} --session ${failure.session} --oracle-share 1`,
  ];
  if (frame !== null && expected !== null && observed !== null) {
    const differences = (spec: Failure['spec']): string[] =>
      tryOne(arena, spec, frame, { carefulOnly }).differences;
    const symptom = kindOf(failure.differences);
    const leastTunnels = Math.max(frame.over ?? 0, frame.pin ?? 0) + 1;
    const disagrees = (spec: Failure['spec']): boolean =>
      spec.tunnels.length >= leastTunnels && kindOf(differences(spec)) === symptom;
    const isAlone = disagrees(failure.spec);
    const spec = isAlone ? shrink(failure.spec, disagrees) : failure.spec;
    lines.push(
      `frame (${frame.side}, link ${frame.link}${describeWay(frame)}): ${hex(frame.bytes)}`,
      `expected ${expected.verdict}, in ${expected.tunnelIn}, out ${expected.tunnelOut}${describeOutputs(expected.outputs)}`,
      `got ${observed.verdict}, in ${observed.tunnelIn}, out ${observed.tunnelOut}${describeOutputs(observed.outputs)}`,
      isAlone
        ? `with fewer tables (numbers of tunnels change): ${differences(spec).join('; ')}`
        : 'the frame alone, through a fresh pipeline, agrees',
      `tables: ${printSpec(spec)}`,
    );
  } else {
    lines.push(`tables: ${printSpec(failure.spec)}`);
  }
  return lines.join('\n');
}

/** Packets by verdict, and the counters beside. */
export function describeCoverage(counters: Float64Array): string {
  const total = counters[Misc.received_packets]!;
  const rows = VERDICTS.map(({ name, number }) => [name, counters[number]!] as const);
  const misc = (
    ['mss_clamped', 'mss_malformed', 'fragmented', 'icmp_errors', 'icmp_suppressed'] as const
  ).map((name) => [name, counters[Misc[name]]!] as const);
  return [...rows, ...misc]
    .map(
      ([name, count]) =>
        `${name.padEnd(26)}${String(count).padStart(12)} ${((100 * count) / total).toFixed(3).padStart(8)} %`,
    )
    .join('\n');
}

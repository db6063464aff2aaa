/** Tables for people. */
import Table from 'cli-table3';
import type { Machine } from '../machine.js';
import { isMet, type Claim, type Results } from './results.js';

const PLAIN = { head: [], border: [], compact: true };

function figures({ figures: all }: Results): string {
  const table = new Table({
    head: ['case', 'contender', 'underlay', 'median', 'lowest', 'highest', ''],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'left'],
    style: PLAIN,
  });
  for (const f of all)
    table.push([f.case, f.contender, f.underlay, f.value, f.lowest, f.highest, f.unit] as const);
  return table.toString();
}

function verdict(claim: Claim): string {
  if (claim.value === null) return 'not measured';
  return isMet(claim) ? 'met' : 'NOT MET';
}

function claims({ claims: all }: Results): string {
  const table = new Table({
    head: ['case', 'claim', 'value', 'limit', ''],
    colAligns: ['left', 'left', 'right', 'left', 'left'],
    style: PLAIN,
  });
  for (const claim of all) {
    const limit = `${claim.bound === 'below' ? '<' : '≥'} ${claim.limit}`;
    table.push([claim.case, claim.claim, claim.value?.toFixed(2) ?? '–', limit, verdict(claim)]);
  }
  return table.toString();
}

export function reportText(machine: Machine, results: Results): string {
  const { cpu, cores, memoryGb, node, platform, cc } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node}, ${cc ?? 'no compiler'}`,
    ...(results.figures.length > 0 ? [figures(results)] : []),
    ...(results.claims.length > 0 ? [claims(results)] : []),
    ...results.gaps.map(({ case: name, what, reason }) => `${name}: without ${what}: ${reason}`),
  ].join('\n');
}

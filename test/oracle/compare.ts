/** Compares what an implementation did with what the oracle says. */
import type { TablesSpec } from '../../src/dataplane/tables.js';
import { hex } from './bytes.js';
import { judge } from './oracle.js';
import type { Frame, Outcome, Sent } from './outcome.js';
import { type Memory, type Observed, ObservedChoices } from './observed.js';

export interface Comparison {
  expected: Outcome;
  /** Empty when both agree. */
  differences: string[];
}

function differenceOfBytes(expected: Uint8Array, got: Uint8Array): string {
  if (expected.length !== got.length) return `${expected.length} bytes expected, got ${got.length}`;
  const at = expected.findIndex((byte, i) => byte !== got[i]);
  const from = Math.max(0, at - 4);
  const show = (bytes: Uint8Array): string => hex(bytes.slice(from, at + 12));
  return `byte ${at}: from ${from} on expected ${show(expected)}, got ${show(got)}`;
}

function compareOutputs(expected: readonly Sent[], got: readonly Sent[], differences: string[]): void {
  if (expected.length !== got.length) {
    differences.push(`${expected.length} outputs expected, got ${got.length}`);
  }
  for (let i = 0; i < Math.min(expected.length, got.length); i++) {
    const e = expected[i]!;
    const g = got[i]!;
    if (e.side !== g.side) differences.push(`output ${i}: side ${e.side} expected, got ${g.side}`);
    if (e.link !== g.link) differences.push(`output ${i}: link type ${e.link} expected, got ${g.link}`);
    if (e.through !== g.through) {
      differences.push(`output ${i}: through ${e.through} expected, got ${g.through}`);
    }
    if (Buffer.compare(e.bytes, g.bytes) !== 0) {
      differences.push(`output ${i}: ${differenceOfBytes(e.bytes, g.bytes)}`);
    }
  }
}

export function compare(spec: TablesSpec, frame: Frame, observed: Observed, memory: Memory): Comparison {
  const choices = new ObservedChoices(observed, memory);
  const expected = judge(spec, frame, choices);
  const differences = [...choices.complaints];
  if (expected.verdict !== observed.verdict) {
    differences.push(`verdict ${expected.verdict} expected, got ${observed.verdict}`);
  } else {
    if (expected.tunnelIn !== observed.tunnelIn) {
      differences.push(`tunnelIn ${expected.tunnelIn} expected, got ${observed.tunnelIn}`);
    }
    if (expected.tunnelOut !== observed.tunnelOut) {
      differences.push(`tunnelOut ${expected.tunnelOut} expected, got ${observed.tunnelOut}`);
    }
  }
  compareOutputs(expected.outputs, observed.outputs, differences);
  return { expected, differences };
}

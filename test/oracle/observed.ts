/** What an implementation did with one frame, and the choices that the oracle reads out of it. */
import type { VerdictName } from '../../src/dataplane/verdicts.js';
import { read16, read32 } from './bytes.js';
import type { Choices, NextHop, Sent } from './outcome.js';

export interface Observed {
  verdict: VerdictName;
  tunnelIn: number;
  tunnelOut: number;
  outputs: Sent[];
}

/**
 * What must stay the same from packet to packet over one set of tables: a flow's next hop and its flow
 * label. A packet judged twice changes nothing.
 */
export class Memory {
  private readonly values = new Map<string, number>();
  /** Sequence numbers seen, by tunnel. */
  readonly sequences = new Map<number, number[]>();

  /** Returns the value first seen under this name, which is `value` when there was none. */
  agree(name: string, value: number): number {
    const first = this.values.get(name);
    if (first !== undefined) return first;
    this.values.set(name, value);
    return value;
  }

  sawSequence(tunnel: number, value: number): void {
    const list = this.sequences.get(tunnel) ?? [];
    list.push(value);
    this.sequences.set(tunnel, list);
  }
}

/** Takes over the implementation's choices where they are allowed; complaints say where they are not. */
export class ObservedChoices implements Choices {
  readonly complaints: string[] = [];

  constructor(
    private readonly observed: Observed,
    private readonly memory: Memory,
  ) {}

  tunnel(nexthops: readonly NextHop[], flow: string): number {
    const chosen = this.observed.tunnelOut;
    const members = nexthops.filter((hop) => hop.weight > 0).map((hop) => hop.tunnel);
    if (!members.includes(chosen)) {
      this.complaints.push(`next hop ${chosen} is none of ${members.join(', ')}`);
      return members[0] ?? -1;
    }
    const group = nexthops.map((hop) => `${hop.tunnel}*${hop.weight}`).join(' ');
    const first = this.memory.agree(`nexthop ${group} for ${flow}`, chosen);
    if (first !== chosen) this.complaints.push(`flow ${flow} went to tunnel ${first} before, now ${chosen}`);
    return chosen;
  }

  flowLabel(output: number, at: number, flow: string): number {
    const word = this.read(output, at, 4);
    if (word === undefined) return 0;
    const label = word % 0x10_0000;
    const first = this.memory.agree(`label for ${flow}`, label);
    if (first !== label) this.complaints.push(`flow ${flow} had flow label ${first} before, now ${label}`);
    return label;
  }

  sequence(output: number, at: number, tunnel: number): number {
    const sequence = this.read(output, at, 4);
    if (sequence === undefined) return 0;
    this.memory.sawSequence(tunnel, sequence);
    return sequence;
  }

  fragmentId(output: number, at: number): number {
    return this.read(output, at, 2) ?? 0;
  }

  private read(output: number, at: number, size: 2 | 4): number | undefined {
    const bytes = this.observed.outputs[output]?.bytes;
    if (bytes === undefined || bytes.length < at + size) return undefined;
    return size === 2 ? read16(bytes, at) : read32(bytes, at);
  }
}

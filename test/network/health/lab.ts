/** A prober in front of customers that answer after a while, or not: virtual time without a simulator. */
import { parseAddress } from '../../../src/config/address.js';
import type { HealthCheckType } from '../../../src/config/network.js';
import {
  HEALTH_STATES,
  type HealthReason,
  type HealthState,
} from '../../../src/network/health/health-state.js';
import { writeProbe, type Probe } from '../../../src/network/health/probe.js';
import {
  Prober,
  type AnswerOutcome,
  type HealthTransition,
  type ProberSink,
  type ProbeTarget,
} from '../../../src/network/health/prober.js';
import { sipKey } from '../../../src/network/health/siphash.js';
import { SECOND } from '../../../src/network/time.js';
import { buildPacket } from '../../../src/wire/build.js';

export const key = sipKey(Uint8Array.from({ length: 16 }, (_, i) => 3 * i));

export function target(number: number, options: Partial<ProbeTarget> = {}): ProbeTarget {
  return {
    name: `tunnel ${number}`,
    nexthop: number,
    type: 'reply',
    addresses: {
      ours: parseAddress('198.51.100.1')!.bytes,
      theirs: Uint8Array.of(203, 0, 113 + (number >> 8), number & 0xff),
    },
    isBidirectional: false,
    interval: SECOND,
    kind: 'tunnel',
    ...options,
  };
}

/** A transition as tests like to read it. */
export interface Told {
  readonly at: number;
  readonly name: string;
  readonly from: HealthState;
  readonly to: HealthState;
  readonly reason: HealthReason;
}

export interface Result {
  readonly at: number;
  readonly name: string;
  readonly ok: boolean;
  readonly state: HealthState;
}

interface Flying {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly via: number;
}

export class Lab implements ProberSink {
  readonly prober: Prober;
  readonly told: Told[] = [];
  readonly results: Result[] = [];
  /** Probes as they were sent. */
  readonly probes: { readonly name: string; readonly probe: Probe; readonly bytes: Uint8Array }[] = [];
  now = 0;
  /** Nanoseconds from probe to answer; Infinity: no answer. */
  delay: (probe: Probe, target: ProbeTarget) => number = () => 0.02 * SECOND;
  /** What becomes of the answer to a probe on its way. */
  alter: (answer: Uint8Array) => Uint8Array = (answer) => answer;
  private flying: Flying[] = [];

  constructor(targets: readonly ProbeTarget[], pop = 0) {
    this.prober = new Prober({ pop, key, targets, sink: this, now: 0 });
  }

  send(target: ProbeTarget, probe: Probe): void {
    const bytes = new Uint8Array(100);
    const length = writeProbe(bytes, 0, target.type, target.addresses, probe, key);
    const sent = bytes.subarray(0, length);
    this.probes.push({ name: target.name, probe: { ...probe }, bytes: sent });
    const delay = this.delay(probe, target);
    if (delay === Infinity) return;
    const via = target.isBidirectional ? target.nexthop : -1;
    this.flying.push({ at: this.now + delay, bytes: this.alter(answerTo(sent, target.type)), via });
  }

  transition({ at, target, from, to, reason }: HealthTransition): void {
    this.told.push({ at, name: target.name, from: HEALTH_STATES[from]!, to: HEALTH_STATES[to]!, reason });
  }

  result({ name }: ProbeTarget, at: number, ok: boolean, state: number): void {
    this.results.push({ at, name, ok, state: HEALTH_STATES[state]! });
  }

  /** Answers, time-outs and probes up to a time, in order. */
  run(until: number): void {
    for (;;) {
      const next = this.flying.reduce<Flying | null>(
        (first, one) => (first === null || one.at < first.at ? one : first),
        null,
      );
      this.now = Math.min(next?.at ?? Infinity, this.prober.next);
      if (this.now > until) break;
      if (next !== null && next.at === this.now) {
        this.flying = this.flying.filter((one) => one !== next);
        this.receive(next.bytes, next.via);
      } else {
        this.prober.advance(this.now);
      }
    }
    this.now = until;
  }

  receive(bytes: Uint8Array, via = -1): AnswerOutcome {
    return this.prober.receive(this.now, bytes, 0, bytes.length, via);
  }

  state(number = 0): HealthState {
    return HEALTH_STATES[this.prober.stateOf(number)]!;
  }
}

/** What a customer's router sends back: the probe itself, or the answer to the echo request. */
export function answerTo(probe: Uint8Array, type: HealthCheckType): Uint8Array {
  if (type === 'reply') return probe;
  const isFour = probe[0]! >> 4 === 4;
  const [header, size] = isFour ? [20, 4] : [40, 16];
  const source = header - 2 * size;
  return buildPacket({
    ip: {
      source: probe.slice(source + size, header),
      destination: probe.slice(source, source + size),
    },
    icmp: {
      type: isFour ? 0 : 129,
      id: (probe[header + 4]! << 8) | probe[header + 5]!,
      sequence: (probe[header + 6]! << 8) | probe[header + 7]!,
    },
    payload: probe.slice(header + 8),
  });
}

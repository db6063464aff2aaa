/** What happened in a run besides packets: states and how they changed, alerts, events, each with its time. */
import type { Nanoseconds } from '../../network/time.js';
import type { BgpState, InterconnectStatus, TunnelState } from './results.js';

interface At {
  readonly at: Nanoseconds;
}

export interface Transition extends At {
  readonly tunnel: string;
  readonly colo: string;
  readonly from: TunnelState;
  readonly to: TunnelState;
}

export interface BgpChange extends At {
  readonly state: BgpState;
  readonly reason: string;
}

export interface StatusChange extends At {
  readonly status: InterconnectStatus;
}

export interface Alert extends At {
  readonly name: string;
  readonly raised: boolean;
  readonly text: string;
}

export interface Happening extends At {
  readonly kind: string;
  readonly text: string;
}

export interface TimelineOutcome extends At {
  readonly note: string;
  readonly text: string;
  readonly outcome: 'done' | 'refused';
  readonly lines: readonly string[];
}

export class Chronicle {
  readonly transitions: Transition[] = [];
  /** PoPs that probe each tunnel. */
  readonly probed = new Map<string, string[]>();
  readonly statuses = new Map<string, StatusChange[]>();
  readonly sessions = new Map<string, BgpChange[]>();
  readonly alerts: Alert[] = [];
  readonly happenings: Happening[] = [];
  readonly timeline: TimelineOutcome[] = [];

  private isOpen = true;

  constructor(private readonly clock: { readonly now: Nanoseconds }) {}

  /** Nothing is written down any more. */
  close(): void {
    this.isOpen = false;
  }

  /** A PoP begins to probe a tunnel, which is healthy so far. */
  probes(tunnel: string, colo: string): void {
    const colos = this.probed.get(tunnel);
    if (colos === undefined) this.probed.set(tunnel, [colo]);
    else if (!colos.includes(colo)) colos.push(colo);
  }

  health(tunnel: string, colo: string, from: TunnelState, to: TunnelState): void {
    if (this.isOpen && from !== to) this.transitions.push({ at: this.clock.now, tunnel, colo, from, to });
  }

  status(interconnect: string, status: InterconnectStatus): void {
    const list = this.statuses.get(interconnect) ?? [];
    if (!this.isOpen || list.at(-1)?.status === status) return;
    if (list.length > 0) this.event('status', `interconnect ${interconnect} is ${status}`);
    this.statuses.set(interconnect, [...list, { at: this.clock.now, status }]);
  }

  bgp(session: string, state: BgpState, reason: string): void {
    const list = this.sessions.get(session) ?? [];
    if (!this.isOpen || list.at(-1)?.state === state) return;
    this.sessions.set(session, [...list, { at: this.clock.now, state, reason }]);
  }

  alert(name: string, raised: boolean, text: string): void {
    if (this.isOpen) this.alerts.push({ at: this.clock.now, name, raised, text });
    this.event('alert', text);
  }

  event(kind: string, text: string): void {
    if (this.isOpen) this.happenings.push({ at: this.clock.now, kind, text });
  }

  /** Something of the scenario's timeline was done, or was not to be done. */
  did(note: string, text: string, outcome: 'done' | 'refused', lines: readonly string[]): void {
    if (this.isOpen) this.timeline.push({ at: this.clock.now, note, text, outcome, lines });
  }

  /** States of a tunnel at a time, by PoP. */
  healthAt(tunnel: string, time: Nanoseconds): Map<string, TunnelState> {
    const states = new Map<string, TunnelState>(this.probed.get(tunnel)?.map((colo) => [colo, 'healthy']));
    for (const { at, tunnel: of, colo, to } of this.transitions) {
      if (at <= time && of === tunnel) states.set(colo, to);
    }
    return states;
  }

  statusAt(interconnect: string, time: Nanoseconds): InterconnectStatus | null {
    return this.statuses.get(interconnect)?.findLast(({ at }) => at <= time)?.status ?? null;
  }

  bgpAt(session: string, time: Nanoseconds): BgpChange | null {
    return this.sessions.get(session)?.findLast(({ at }) => at <= time) ?? null;
  }
}

/** States over time as bands: what each tunnel, circuit and BGP session was at each place of the axis. */
import type {
  BgpResult,
  HealthResult,
  InterconnectResult,
  Results,
  Seconds,
  TunnelState,
} from '../run/results.js';
import { counted } from './words.js';

/** Shares of the height, 0 to 1; the rest is healthy. */
export interface Share {
  readonly down: number;
  readonly degraded: number;
}

export interface Band {
  readonly name: string;
  /** One for each place of the axis. Where several states share a place, the worst of each is shown. */
  readonly shares: readonly Share[];
  readonly changes: number;
  /** The state at the end: `healthy`, `down in 3 of 4`. */
  readonly end: string;
  /** All that it says, in words. */
  readonly words: string;
}

/** From one moment on, up to the next one. */
interface Step extends Share {
  readonly at: Seconds;
}

/** @param places how many parts of the axis are to be told apart */
export function bandsOf({ health, interconnects, bgp, scenario }: Results, places: number): Band[] {
  const { duration } = scenario;
  const band = (name: string, steps: readonly Step[], words: Pick<Band, 'end' | 'words'>): Band => ({
    ...{ name, shares: sharesOf(steps, duration, places), changes: steps.length - 1, ...words },
  });
  return [
    ...health.map((one) => band(one.tunnel, healthSteps(one), healthBand(one))),
    ...interconnects.map((one) =>
      band(`${one.name} (circuit)`, one.statuses.map(statusStep), statusWords(one)),
    ),
    ...bgp.map((one) => band(`${one.session} (BGP)`, one.states.map(sessionStep), sessionWords(one))),
  ];
}

const ALL: Share = { down: 1, degraded: 0 };
const SOME: Share = { down: 0, degraded: 1 };
const NONE: Share = { down: 0, degraded: 0 };

function sharesOf(steps: readonly Step[], end: Seconds, places: number): Share[] {
  const shares: Share[] = Array.from({ length: places }, () => NONE);
  steps.forEach(({ at, down, degraded }, i) => {
    const until = steps[i + 1]?.at ?? end;
    const first = Math.min(places - 1, Math.floor((at / end) * places));
    const last = Math.max(first, Math.ceil((until / end) * places) - 1);
    for (let place = first; place <= last && place < places; place++) {
      const before = shares[place]!;
      const most = Math.max(before.down, down);
      shares[place] = { down: most, degraded: Math.min(1 - most, Math.max(before.degraded, degraded)) };
    }
  });
  return shares;
}

function healthSteps({ colos, transitions }: HealthResult): Step[] {
  const numbers = { healthy: colos, degraded: 0, down: 0 };
  const share = (at: Seconds): Step => ({
    at,
    down: numbers.down / colos,
    degraded: numbers.degraded / colos,
  });
  const steps = [{ at: 0, ...NONE }];
  for (const { at, from, to } of transitions) {
    numbers[from]--;
    numbers[to]++;
    steps.push(share(at));
  }
  return steps;
}

function healthBand({ transitions, end }: HealthResult): Pick<Band, 'end' | 'words'> {
  const changes = transitions.length === 0 ? 'no change' : counted(transitions.length, 'change');
  return { end: endWords(end), words: `${changes}, at the end ${healthWords(end)}` };
}

const WORST_FIRST: readonly TunnelState[] = ['down', 'degraded', 'healthy'];

/** How many PoPs see a tunnel in which state. */
type Numbers = HealthResult['end'];

/** The worst state that a PoP sees. */
export function worstOf(numbers: Numbers): TunnelState {
  return WORST_FIRST.find((state) => numbers[state] > 0) ?? 'healthy';
}

/** In short: `healthy`, `down in 3 of 4`. */
export function endWords(numbers: Numbers): string {
  const worst = worstOf(numbers);
  const all = numbers.down + numbers.degraded + numbers.healthy;
  return numbers[worst] === all ? worst : `${worst} in ${numbers[worst]} of ${all}`;
}

/** `healthy in all PoPs`, `down in 3, healthy in 1 of 4 PoPs`. */
export function healthWords(numbers: Numbers): string {
  const states = WORST_FIRST.filter((state) => numbers[state] > 0);
  const all = numbers.down + numbers.degraded + numbers.healthy;
  if (states.length === 0) return 'not probed';
  if (states.length === 1) return `${states[0]!} in ${all === 1 ? 'its PoP' : 'all PoPs'}`;
  return `${states.map((state) => `${state} in ${numbers[state]}`).join(', ')} of ${all} PoPs`;
}

function statusStep({ at, status }: InterconnectResult['statuses'][number]): Step {
  return { at, ...(status === 'active' ? NONE : status === 'pending' ? SOME : ALL) };
}

function statusWords({ statuses }: InterconnectResult): Pick<Band, 'end' | 'words'> {
  const all = statuses.map(({ status }) => status);
  return { end: all.at(-1) ?? '', words: all.join(', then ') };
}

function sessionStep({ at, state }: BgpResult['states'][number]): Step {
  return { at, ...(state === 'established' ? NONE : ALL) };
}

function sessionWords({ states }: BgpResult): Pick<Band, 'end' | 'words'> {
  const all = states.map(({ state }) => state);
  return { end: all.at(-1) ?? '', words: all.join(', then ') };
}

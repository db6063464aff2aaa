/** Expectations about the network's states: health, status, BGP, alerts. */
import type { Chronicle } from '../run/chronicle.js';
import { SECOND } from '../../network/time.js';
import type { TunnelState } from '../run/results.js';
import { listed, time } from './words.js';
import type { Of, Watch, Watched } from './watch.js';

export function watchHealth(
  { tunnel, colo, state, span }: Of<'health'>,
  { recorder, scenario }: Watched,
): Watch {
  const where = colo === null ? 'every PoP' : colo;
  const isCircuit = scenario.network.interconnects.some(({ name }) => name === tunnel);
  const kind = isCircuit ? 'interconnect' : 'tunnel';
  const expected = `${kind} ${tunnel} is ${state} in ${where} at ${time(span.to)}`;
  return () => {
    const states = recorder.chronicle.healthAt(tunnel, span.to);
    if (colo !== null) {
      const found = states.get(colo);
      if (found === undefined) return { passed: false, expected, found: `${colo} does not probe it` };
      return {
        passed: found === state,
        expected,
        found: `it is ${found}${since(recorder.chronicle, tunnel, colo, span.to)}`,
      };
    }
    if (states.size === 0) return { passed: false, expected, found: 'no PoP probes it' };
    const passed = [...states.values()].every((found) => found === state);
    return { passed, expected, found: statesText(states) };
  };
}

function since(chronicle: Chronicle, tunnel: string, colo: string, time_: number): string {
  const last = chronicle.transitions.findLast((t) => t.at <= time_ && t.tunnel === tunnel && t.colo === colo);
  return last === undefined ? '' : ` since ${time(last.at)}`;
}

/** `it is down in all PoPs`, `it is healthy in fra and ams, down in lhr`. */
function statesText(states: ReadonlyMap<string, TunnelState>): string {
  const colos = new Map<TunnelState, string[]>();
  for (const [colo, state] of states) colos.set(state, [...(colos.get(state) ?? []), colo]);
  if (colos.size === 1) return `it is ${[...colos.keys()][0]!} in all PoPs`;
  return `it is ${Array.from(colos, ([state, names]) => `${state} in ${listed(names)}`).join(', ')}`;
}

export function watchStatus({ interconnect, status, span }: Of<'status'>, { recorder }: Watched): Watch {
  const expected = `interconnect ${interconnect} is ${status} at ${time(span.to)}`;
  return () => {
    const found = recorder.chronicle.statusAt(interconnect, span.to);
    return {
      passed: found === status,
      expected,
      found: found === null ? 'nothing is known of it' : `it is ${found}`,
    };
  };
}

export function watchBgp({ session, state, span }: Of<'bgp'>, { recorder }: Watched): Watch {
  const expected = `BGP session ${session} is ${state} at ${time(span.to)}`;
  return () => {
    const found = recorder.chronicle.bgpAt(session, span.to);
    if (found === null) return { passed: false, expected, found: 'nothing is known of it' };
    const why = found.reason === '' ? '' : `: ${found.reason}`;
    return {
      passed: found.state === state,
      expected,
      found: `it is ${found.state} since ${time(found.at)}${why}`,
    };
  };
}

export function watchAlert({ alert, raised, span }: Of<'alert'>, { recorder, scenario }: Watched): Watch {
  const wholeRun = span.from === 0 && span.to >= scenario.duration;
  const when = wholeRun ? '' : ` from ${time(span.from)} to ${time(span.to)}`;
  const expected = `alert ${alert} is ${raised ? '' : 'not '}raised${when}`;
  return () => {
    const found = recorder.chronicle.alerts.filter((a) => a.name === alert && a.raised);
    const times = found.map(({ at }) => at).filter((at) => at >= span.from && at <= span.to);
    const said = times.length > 0 ? times : found.map(({ at }) => at);
    const text =
      said.length === 0
        ? 'it was never raised'
        : `it was raised at ${listed(said.map((at) => `${at / SECOND} s`))}`;
    return { passed: times.length > 0 === raised, expected, found: text };
  };
}

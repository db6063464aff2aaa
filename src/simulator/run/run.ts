/** Runs a scenario: built, watched, run in virtual time, and told. The same scenario and seed give the same results. */
import { SECOND, type Nanoseconds } from '../../network/time.js';
import { watch } from '../expect/expect.js';
import { NetworkCapture, type EthernetOptions } from '../capture/network-capture.js';
import { capturePath } from './capture-files.js';
import { positionOf } from '../scenario/load.js';
import type { Scenario, TrafficSpec } from '../scenario/scenario.js';
import { createTraffic } from '../traffic/create-traffic.js';
import { collect, type Place } from './collect.js';
import type { Results } from './results.js';
import { shortened } from './shortened.js';
import { Simulation } from './simulation.js';
import { Timeline } from './timeline.js';

/** Packets of a link to be written to a file (pcapng). */
export interface CaptureRequest {
  /** Name of a link one way (`r1.isp.up`), or of both (`r1.isp`). */
  readonly link: string;
  readonly path: string;
}

export interface RunProgress {
  readonly now: Nanoseconds;
  readonly duration: Nanoseconds;
  readonly packetHops: number;
}

export interface RunOptions {
  /** As the user named the scenario. */
  readonly file: string;
  /** Instead of the scenario's. */
  readonly seed?: number;
  /** End of the run, instead of the scenario's duration. */
  readonly until?: Nanoseconds;
  readonly captures?: readonly CaptureRequest[];
  /** Called some hundred times; the run waits for what it returns, and ends when it throws. */
  readonly onProgress?: (progress: RunProgress) => void | Promise<void>;
}

/** A link to be captured that the scenario does not have. */
export class UnknownLink extends Error {
  override readonly name = 'UnknownLink';

  constructor(link: string, links: readonly string[]) {
    super(`no link is called ${link}; there are ${links.join(', ')}`);
  }
}

const STEPS = 400;
/** More than packets take to the other side of the world and back. */
const DRAIN = 2 * SECOND;

/** @throws UnknownLink, CaptureError */
export async function runScenario(loaded: Scenario, options: RunOptions): Promise<Results> {
  const places = loaded.expect.map((_, i): Place | null => positionOf(loaded, ['expect', i]));
  const { scenario, kept } = shortened(
    { ...loaded, seed: options.seed ?? loaded.seed },
    options.until ?? null,
  );
  const simulation = new Simulation(scenario);
  const { recorder, world } = simulation;
  const captures = await openCaptures(simulation, options.captures ?? []);
  try {
    const watches = scenario.expect.map((expectation) => watch(expectation, { scenario, recorder }));
    new Timeline(simulation).schedule(scenario.timeline);
    simulation.begin();
    const resolve = (path: string): string => capturePath(options.file, path);
    const specs = scenario.traffic.map((spec) => endingWith(spec, scenario.duration));
    for (const traffic of await createTraffic(specs, simulation.places.hosts, { resolve })) traffic.start();
    await advance(simulation, options);
    recorder.stop();
    for (const link of simulation.links.values()) link.capture = null;
    const work = { events: world.scheduler.fired, packet_hops: world.hops };
    // What was sent at the last moment may still arrive.
    world.scheduler.run(scenario.duration + DRAIN);
    recorder.finish();
    for (const capture of captures) capture.commit();
    return collect({
      ...{ scenario, recorder, file: options.file },
      work,
      verdicts: watches.map((verdict) => verdict()),
      places: kept.map((i) => places[i]!),
    });
  } catch (error) {
    for (const capture of captures) capture.abort();
    throw error;
  }
}

/** Packets that are sent when the time is up are of no use; connections go on, for their end would be a failure. */
function endingWith(spec: TrafficSpec, duration: Nanoseconds): TrafficSpec {
  if (spec.type !== 'udp' && spec.type !== 'ping' && spec.type !== 'flood') return spec;
  return { ...spec, until: Math.min(spec.until ?? duration, duration) };
}

/** In steps, so that somebody may look on, and stop it. */
async function advance({ scenario, world }: Simulation, { onProgress }: RunOptions): Promise<void> {
  const { duration } = scenario;
  for (let step = 1; step <= STEPS; step++) {
    const now = Math.floor((duration / STEPS) * step);
    world.scheduler.run(step === STEPS ? duration : now);
    await onProgress?.({ now, duration, packetHops: world.hops });
  }
}

/** One file for all requests of a path; nothing of them stays if one of them cannot be opened. */
async function openCaptures(
  { links, scenario }: Simulation,
  requests: readonly CaptureRequest[],
): Promise<NetworkCapture[]> {
  const ethernet = new Map(
    scenario.network.interconnects.map(({ name, vlan, colo }): [string, EthernetOptions] => [
      name,
      { source: colo, destination: name, vlan },
    ]),
  );
  const files = new Map<string, NetworkCapture>();
  try {
    for (const { link, path } of requests) {
      const found = [links.get(link), links.get(`${link}.down`), links.get(`${link}.up`)];
      const tapped = found.filter((one) => one !== undefined);
      if (tapped.length === 0) throw new UnknownLink(link, [...links.keys()]);
      const file = files.get(path) ?? (await NetworkCapture.create(path, scenario.start));
      files.set(path, file);
      for (const one of tapped) {
        const circuit = one.name.replace(/\.(up|down)$/, '');
        one.capture = file.tap(one.name, towards(ethernet.get(circuit) ?? null, one.name.endsWith('.up')));
      }
    }
  } catch (error) {
    for (const file of files.values()) file.abort();
    throw error;
  }
  return [...files.values()];
}

function towards(ethernet: EthernetOptions | null, up: boolean): EthernetOptions | null {
  if (ethernet === null || !up) return ethernet;
  return { ...ethernet, source: ethernet.destination, destination: ethernet.source };
}

/**
 * A scenario built: the world, and all that is in it.
 *
 *   hosts ─ Internet ─ edge (PoPs, servers) ─ Internet or circuit ─ routers ─ LAN ─ hosts
 *                        ↑ rows of groups              ↑ links up and down
 *              routing ◀─┴─ health, BGP, relay      circuits, timeline
 */
import type { NetworkConfig } from '../../config/network.js';
import type { ResourceKind } from '../../network/change/change-set.js';
import { policersOf } from '../../network/interconnect/policer.js';
import { World } from '../core/world.js';
import { EdgeNetwork } from '../node/edge-network.js';
import { Internet } from '../node/internet.js';
import { EdgeHealth } from '../node/pop-health.js';
import { updateTunnels } from '../node/router-plan.js';
import type { Scenario } from '../scenario/scenario.js';
import { AlertDesk } from './alert-desk.js';
import type { Chronicle } from './chronicle.js';
import { Circuits } from './circuits.js';
import { changed, Control } from './control.js';
import { everything, laterRoutes } from './later.js';
import type { Moments } from './moments.js';
import type { TunnelState } from './results.js';
import { Paths } from './paths.js';
import { Peerings } from './peerings.js';
import { buildPlaces, type Capturable, type Places } from './places.js';
import { RunRecorder } from './recorder.js';
import { ReturnSteering } from './return-steering.js';
import { Routing } from './routing.js';
import { Upkeep } from './upkeep.js';

export class Simulation {
  readonly recorder: RunRecorder;
  readonly world: World;
  readonly control: Control;
  readonly routing: Routing;
  readonly edge: EdgeNetwork;
  readonly places: Places;
  readonly circuits: Circuits;
  readonly peerings: Peerings;
  private readonly internet: Internet;
  private readonly paths: Paths;
  private readonly alerts: AlertDesk;
  private readonly steering: ReturnSteering | null;
  private readonly upkeep: Upkeep;
  private readonly health: EdgeHealth;

  /** @throws RangeError for a scenario that the loader would have refused */
  constructor(readonly scenario: Scenario) {
    const { edge: spec, network } = scenario;
    const ever = everything(scenario);
    this.recorder = new RunRecorder(scenario);
    const world = new World(scenario.seed, this.recorder);
    this.world = world;
    this.recorder.begin(world);
    this.control = new Control(network);
    this.internet = new Internet(world);
    this.routing = new Routing(world, spec, network, laterRoutes(scenario));
    const steers = ever.tunnels.some(({ automatic_return_routing }) => automatic_return_routing);
    this.steering = steers ? new ReturnSteering(world.packets.pool, network) : null;
    this.edge = new EdgeNetwork(world, this.internet, {
      spec,
      tables: this.routing.tablesSpec,
      ...(this.steering === null ? {} : { steer: this.steering.stage }),
    });
    this.routing.begin(this.edge);
    this.places = buildPlaces(world, this.internet, scenario, ever);
    this.circuits = new Circuits(world, this.edge, this.places, ever, network, this.chronicle);
    this.peerings = new Peerings(world, spec, this.places.routers, this.routing, this.chronicle);
    this.paths = new Paths(this);
    this.upkeep = new Upkeep(world, this.moments, this.circuits, this.chronicle);
    this.alerts = new AlertDesk(world, this.chronicle, network);
    this.health = new EdgeHealth(world, this.edge, network, {
      transition: (pop, nexthop, from, to) => {
        this.healthChanged(pop, nexthop, from, to);
      },
      result: (nexthop, at, good) => {
        this.alerts.record(nexthop, at, good);
      },
      endpoint: (pop, name, from, to) => {
        const colo = spec.pops[pop]!.name;
        this.chronicle.event('health', `endpoint ${name} as ${colo} sees it: ${from} -> ${to}`);
      },
    });
    this.control.follow((after, before, kinds) => {
      this.changeTo(after, before, kinds);
    });
  }

  get chronicle(): Chronicle {
    return this.recorder.chronicle;
  }

  get moments(): Moments {
    return this.recorder.moments;
  }

  /** All links by name, for captures. */
  get links(): ReadonlyMap<string, Capturable> {
    const circuits = [...this.circuits.all.values()].flatMap(({ down, up }) => [down, up]);
    return new Map([...this.places.links, ...circuits].map((link) => [link.name, link]));
  }

  /** After anything that may let packets through, or not any more: BGP notices. */
  refreshPaths(): void {
    this.paths.refresh();
  }

  /** Everything that is there at time 0 begins; after what is to come before all else is in the scheduler. */
  begin(): void {
    const { network } = this.control;
    for (const { prefix } of network.prefixes) this.edge.announce(prefix);
    this.circuits.onChange = () => {
      this.refreshPaths();
    };
    this.peerings.onState = (nexthop) => {
      const { tunnels } = this.control.network;
      this.tellCircuit(tunnels.find(({ name }) => name === nexthop)?.interconnect ?? nexthop);
    };
    this.police(network);
    for (const config of network.bgp_sessions) this.peerings.put(network, config);
    for (const name of this.circuits.all.keys()) this.tellCircuit(name);
    this.upkeep.plan(network);
    this.noteProbed();
    this.health.start();
  }

  private changeTo(network: NetworkConfig, before: NetworkConfig, kinds: ReadonlySet<ResourceKind>): void {
    const structural = kinds.has('tunnels') || kinds.has('interconnects');
    if (structural || kinds.has('routes')) this.routing.setNetwork(network, structural);
    if (structural) {
      this.steering?.setNetwork(network);
      this.police(network);
      this.circuits.setNetwork(network);
      for (const { router, spec } of this.places.routers.values()) {
        updateTunnels(this.world, router, spec, network);
      }
    }
    if (structural || kinds.has('endpoint_health_checks')) {
      this.health.setNetwork(network);
      this.noteProbed();
    }
    const prefixes = changed('prefixes', before, network);
    for (const { prefix } of prefixes.put) this.edge.announce(prefix);
    for (const prefix of prefixes.gone) this.edge.withdraw(prefix);
    const sessions = changed('bgp_sessions', before, network);
    for (const name of sessions.gone) this.peerings.remove(name);
    for (const config of sessions.put) this.peerings.put(network, config);
    // A window that is on, or comes, also takes a circuit that is there since later.
    if (kinds.has('maintenance') || kinds.has('interconnects')) this.upkeep.plan(network);
    this.alerts.setNetwork(network, structural || kinds.has('alerts'));
  }

  /** Dataplane 1 carries nothing without a BGP session, over the circuit or over a tunnel that takes it. */
  private tellCircuit(name: string): void {
    if (!this.circuits.all.has(name)) return;
    const { tunnels } = this.control.network;
    const inside = tunnels.filter(({ interconnect }) => interconnect === name).map((tunnel) => tunnel.name);
    this.circuits.change(name, (state) => {
      state.setBgp(this.peerings.isEstablishedOver([name, ...inside]));
    });
  }

  private healthChanged(pop: number, nexthop: string, from: TunnelState, to: TunnelState): void {
    this.routing.setHealth(pop, nexthop, to);
    this.steering?.setHealth(pop, nexthop, to === 'down');
    this.chronicle.health(nexthop, this.scenario.edge.pops[pop]!.name, from, to);
  }

  private noteProbed(): void {
    for (const name of this.health.probed) {
      for (const { name: colo } of this.scenario.edge.pops) this.chronicle.probes(name, colo);
    }
  }

  private police(network: NetworkConfig): void {
    const policers = policersOf(network);
    const { scheduler } = this.world;
    this.edge.policer = policers.some((policer) => policer !== null)
      ? (_pop, nexthop, bytes) => policers[nexthop]?.take(bytes, scheduler.now) ?? true
      : null;
  }
}

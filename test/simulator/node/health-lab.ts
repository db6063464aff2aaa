/** A simulated edge with one customer, its health checks, and nothing else. */
import type { NetworkConfig } from '../../../src/config/network.js';
import type { HealthState } from '../../../src/network/health/health-state.js';
import { CountingRecorder } from '../../../src/simulator/core/recorder.js';
import { SECOND } from '../../../src/network/time.js';
import { World } from '../../../src/simulator/core/world.js';
import { EdgeNetwork } from '../../../src/simulator/node/edge-network.js';
import { Internet } from '../../../src/simulator/node/internet.js';
import { EdgeHealth } from '../../../src/simulator/node/pop-health.js';
import { buildPlaces, type Places } from '../../../src/simulator/run/places.js';
import { Routing } from '../../../src/simulator/run/routing.js';
import { parseScenario } from '../../../src/simulator/scenario/load.js';
import type { Scenario } from '../../../src/simulator/scenario/scenario.js';

export interface Told {
  readonly at: number;
  readonly pop: string;
  readonly nexthop: string;
  readonly from: HealthState;
  readonly to: HealthState;
}

export class HealthLab {
  readonly scenario: Scenario;
  readonly recorder = new CountingRecorder();
  readonly world: World;
  readonly edge: EdgeNetwork;
  readonly places: Places;
  readonly health: EdgeHealth;
  readonly routing: Routing;
  readonly told: Told[] = [];
  readonly endpoints: Told[] = [];
  readonly checks = { good: 0, bad: 0 };

  /** @param yaml a scenario; its traffic and timeline are left out */
  constructor(yaml: string) {
    this.scenario = parseScenario(yaml, 'test.yaml');
    const { edge: spec, network, seed } = this.scenario;
    this.world = new World(seed, this.recorder);
    const internet = new Internet(this.world);
    this.routing = new Routing(this.world, spec, network, []);
    this.edge = new EdgeNetwork(this.world, internet, { spec, tables: this.routing.tablesSpec });
    this.routing.begin(this.edge);
    this.places = buildPlaces(this.world, internet, this.scenario, network);
    for (const { prefix } of network.prefixes) this.edge.announce(prefix);
    const name = (pop: number): string => spec.pops[pop]!.name;
    this.health = new EdgeHealth(this.world, this.edge, network, {
      transition: (pop, nexthop, from, to, at) => {
        this.told.push({ at: at / SECOND, pop: name(pop), nexthop, from, to });
        this.routing.setHealth(pop, nexthop, to);
      },
      result: (_nexthop, _at, good) => {
        this.checks[good ? 'good' : 'bad']++;
      },
      endpoint: (pop, nexthop, from, to, at) => {
        this.endpoints.push({ at: at / SECOND, pop: name(pop), nexthop, from, to });
      },
    });
    this.health.start();
  }

  /** Until so many seconds of virtual time. */
  run(until: number): void {
    this.world.scheduler.run(until * SECOND);
  }

  setNetwork(network: NetworkConfig): void {
    this.routing.setNetwork(network, true);
    this.health.setNetwork(network);
  }

  setUplink(up: boolean): void {
    for (const uplink of this.places.uplinks.values()) {
      uplink.up.up = up;
      uplink.down.up = up;
    }
  }

  /** Of an outcome (prober.ts), over all PoPs. */
  outcomes(outcome: 'answered' | 'for_other' | 'late' | 'not_awaited'): number {
    return this.edge.pops.reduce((sum, _, pop) => sum + this.health.proberOf(pop).outcomes[outcome], 0);
  }

  get sent(): number {
    return this.edge.pops.reduce((sum, _, pop) => sum + this.health.proberOf(pop).sent, 0);
  }
}

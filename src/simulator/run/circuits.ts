/** Interconnects: the circuits between PoPs and routers, and what their state does to the links of both ways. */
import { isDeepStrictEqual } from 'node:util';
import type { InterconnectConfig, NetworkConfig } from '../../config/network.js';
import { CircuitState } from '../../network/interconnect/circuit-state.js';
import { rulesOf } from '../../network/interconnect/rules.js';
import type { World } from '../core/world.js';
import { Link } from '../link/link.js';
import type { CircuitUse, EdgeNetwork } from '../node/edge-network.js';
import type { CircuitSpec, PathSpec } from '../scenario/scenario.js';
import type { Chronicle } from './chronicle.js';
import type { Places, PlacedRouter } from './places.js';

export interface Circuit {
  readonly spec: CircuitSpec;
  readonly router: string;
  config: InterconnectConfig;
  state: CircuitState;
  /** All that was done to the state, for another one to have it done too. */
  readonly acts: ((state: CircuitState) => void)[];
  readonly down: Link;
  readonly up: Link;
  /** As `degrade` has it; the circuit's own rate comes on top. */
  path: PathSpec;
  /** Whether the network has it: not before a change brings it, nor after one has taken it away. */
  isThere: boolean;
}

export class Circuits {
  readonly all: ReadonlyMap<string, Circuit>;
  /** Told of every circuit after its state may have changed. */
  onChange: (circuit: Circuit) => void = () => undefined;

  /**
   * @param ever all interconnects that there may ever be
   * @param network those that there are at first
   */
  constructor(
    world: World,
    private readonly edge: EdgeNetwork,
    { routers }: Places,
    ever: NetworkConfig,
    network: NetworkConfig,
    private readonly chronicle: Chronicle,
  ) {
    const all = new Map<string, Circuit>();
    for (const placed of routers.values()) {
      for (const spec of placed.spec.circuits) {
        const config = ever.interconnects.find(({ name }) => name === spec.interconnect);
        if (config === undefined)
          throw new RangeError(`the network has no interconnect ${spec.interconnect}`);
        all.set(config.name, connect(world, edge, placed, spec, config, network));
      }
    }
    this.all = all;
  }

  get(name: string): Circuit {
    const circuit = this.all.get(name);
    if (circuit === undefined) throw new RangeError(`no router has the circuit ${name}`);
    return circuit;
  }

  /** Changes the state of a circuit, and its links with it. */
  change(name: string, act: (state: CircuitState) => void): void {
    const circuit = this.get(name);
    circuit.acts.push(act);
    act(circuit.state);
    this.refresh(circuit);
  }

  setPath(name: string, path: PathSpec): void {
    const circuit = this.get(name);
    circuit.path = path;
    this.refresh(circuit);
  }

  /** Takes up another configuration of the circuits; what has befallen them has befallen them still. */
  setNetwork(network: NetworkConfig): void {
    for (const circuit of this.all.values()) {
      const { name } = circuit.config;
      const config = network.interconnects.find((one) => one.name === name);
      this.edge.useCircuit(name, useOf(config ?? circuit.config, network));
      const isThere = config !== undefined;
      if (isThere === circuit.isThere && (!isThere || isDeepStrictEqual(config, circuit.config))) continue;
      circuit.isThere = isThere;
      if (isThere) circuit.config = config;
      circuit.state = new CircuitState(circuit.config, { pending: !isThere });
      for (const act of circuit.acts) act(circuit.state);
      this.refresh(circuit);
    }
  }

  private refresh(circuit: Circuit): void {
    const { state, path, up, down, config, spec } = circuit;
    down.tags = { sent: config.vlan, taken: spec.vlan };
    up.tags = { sent: spec.vlan, taken: config.vlan };
    // Of two reasons the tags are the deeper one: BGP does not come up because of them.
    const works = state.nexthop.up || (state.isUp && config.vlan !== spec.vlan);
    const { rate, mtu } = state.link;
    const both = { ...path, rate: Math.min(path.rate ?? Infinity, rate), mtu: Math.min(path.mtu, mtu) };
    for (const link of [up, down]) {
      link.up = works;
      link.bundle = config.links > 1 ? state.bundle : null;
      if (state.isUp) link.setPath(both);
    }
    this.chronicle.status(config.name, state.status);
    this.onChange(circuit);
  }
}

function connect(
  world: World,
  edge: EdgeNetwork,
  { router }: PlacedRouter,
  spec: CircuitSpec,
  config: InterconnectConfig,
  network: NetworkConfig,
): Circuit {
  const { name } = config;
  const pop = edge.pops.findIndex((pop) => pop.name.toLowerCase() === config.colo.toLowerCase());
  if (pop < 0) throw new RangeError(`interconnect ${name}: the edge has no PoP ${config.colo}`);
  const inside = { node: edge.pops[pop]!, port: edge.circuits.length + 1 };
  const outside = { node: router, port: router.port(name) };
  const down = new Link(world, `${name}.down`, spec.path, inside, outside);
  const up = new Link(world, `${name}.up`, spec.path, outside, inside);
  edge.attachCircuit(name, pop, { ...useOf(config, network), out: down });
  router.connect(outside.port, up);
  const isThere = network.interconnects.some((one) => one.name === name);
  const state = new CircuitState(config, { pending: !isThere });
  return { spec, router: router.name, config, state, acts: [], down, up, path: spec.path, isThere };
}

function useOf(config: InterconnectConfig, { tunnels }: NetworkConfig): CircuitUse {
  const { name } = config;
  const inside = tunnels.filter(({ interconnect }) => interconnect === name).map((tunnel) => tunnel.name);
  const plain = rulesOf(config).delivery.toEdge === 'plain' ? name : null;
  return { nexthops: [name, ...inside], plain };
}

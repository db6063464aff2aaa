/** Maintenance windows: circuits go down for them and come up again, also when the plan changes meanwhile. */
import type { NetworkConfig } from '../../config/network.js';
import { circuitChanges, isActive, type CircuitChange } from '../../network/maintenance/window.js';
import { SECOND } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { Chronicle } from './chronicle.js';
import type { Circuits } from './circuits.js';
import type { Moments } from './moments.js';

export class Upkeep {
  /** What an older plan wanted does not happen. */
  private version = 0;
  /** Causes for which circuits are down now: circuit and cause. */
  private readonly active = new Map<string, CircuitChange>();

  constructor(
    private readonly world: World,
    private readonly moments: Moments,
    private readonly circuits: Circuits,
    private readonly chronicle: Chronicle,
  ) {}

  plan({ maintenance, interconnects }: NetworkConfig): void {
    const version = ++this.version;
    const now = this.world.scheduler.now / SECOND;
    const lasting = circuitChanges(
      maintenance.filter((window) => isActive(window, now)),
      interconnects,
    ).filter(({ down }) => down);
    const keys = new Set(lasting.map(keyOf));
    for (const change of [...this.active.values()])
      if (!keys.has(keyOf(change))) this.apply({ ...change, down: false });
    for (const change of lasting) this.apply(change);
    for (const change of circuitChanges(maintenance, interconnects)) {
      if (change.at <= now) continue;
      this.moments.at(change.at * SECOND, () => {
        if (version === this.version) this.apply(change);
      });
    }
  }

  private apply(change: CircuitChange): void {
    const { interconnect, down, cause } = change;
    if (!this.circuits.all.has(interconnect) || this.active.has(keyOf(change)) === down) return;
    if (down) this.active.set(keyOf(change), change);
    else this.active.delete(keyOf(change));
    this.chronicle.event('maintenance', `${cause} ${down ? 'begins' : 'ends'} for ${interconnect}`);
    this.circuits.change(interconnect, (state) => {
      if (down) state.fail(cause);
      else state.restore(cause);
    });
  }
}

function keyOf({ interconnect, cause }: CircuitChange): string {
  return `${interconnect} ${cause}`;
}

/** Events of the timeline, each done at its time. */
import type { TimelineEvent } from '../scenario/scenario.js';
import { actionText } from './action-text.js';
import { Causes } from './causes.js';
import type { ChangeOutcome } from './control.js';
import type { Simulation } from './simulation.js';

const DONE: ChangeOutcome = { outcome: 'done', lines: [] };

export class Timeline {
  private readonly causes = new Causes();

  constructor(private readonly simulation: Simulation) {}

  /** Puts all events into the scheduler. */
  schedule(events: readonly TimelineEvent[]): void {
    const { moments, chronicle } = this.simulation;
    for (const event of events) {
      moments.at(event.at, () => {
        const { outcome, lines } = this.act(event);
        this.simulation.refreshPaths();
        chronicle.did(event.note, actionText(event), outcome, lines);
      });
    }
  }

  private act(event: TimelineEvent): ChangeOutcome {
    const { simulation } = this;
    switch (event.action) {
      case 'fail':
      case 'restore':
        this.set(event.kind, event.target, event.action === 'fail');
        return DONE;
      case 'degrade':
        this.degrade(event);
        return DONE;
      case 'light_level':
        simulation.circuits.change(event.target, (state) => {
          state.setLight(event.dbm);
        });
        return DONE;
      case 'bgp_announce':
        simulation.peerings.with(event.session, (session, now) => {
          session.announce(now, event.announcement);
        });
        return DONE;
      case 'bgp_withdraw':
        simulation.peerings.with(event.session, (session, now) => {
          session.withdraw(now, event.announcement.prefix);
        });
        return DONE;
      case 'bgp_restart':
        simulation.peerings.with(event.session, (session, now) => {
          session.restart(now, event.duration);
        });
        return DONE;
      case 'relay_lost':
        simulation.routing.loseRelay();
        return DONE;
      case 'relay_restored':
        simulation.routing.restoreRelay();
        return DONE;
      case 'change':
        return simulation.control.change(event.change);
    }
  }

  private set(kind: (TimelineEvent & { action: 'fail' })['kind'], target: string, failed: boolean): void {
    const { places, circuits, edge, peerings } = this.simulation;
    switch (kind) {
      case 'tunnel':
        for (const { spec, router } of places.routers.values()) {
          if (spec.tunnels.includes(target)) router.setBroken(target, failed);
        }
        break;
      case 'uplink':
        this.setUplink(target, target, failed);
        break;
      case 'provider':
        for (const { spec } of places.uplinks.values()) {
          if (spec.provider === target) this.setUplink(spec.name, `provider ${target}`, failed);
        }
        break;
      case 'circuit':
        circuits.change(target, (state) => {
          if (failed) state.fail('cut');
          else state.restore('cut');
        });
        if (!failed) circuits.setPath(target, circuits.get(target).spec.path);
        break;
      case 'link': {
        const { name, number } = numbered(target);
        circuits.change(name, (state) => {
          state.bundle.setLink(number, !failed);
        });
        break;
      }
      case 'router':
        places.routers.get(target)!.router.up = !failed;
        peerings.setRouter(target, !failed);
        break;
      case 'server': {
        const { name, number } = numbered(target);
        edge.pops.find((pop) => pop.name === name)!.setServer(number, !failed);
        break;
      }
      case 'pop':
        edge.pops.find(({ name }) => name === target)!.setUp(!failed);
        break;
    }
  }

  /** Restoring an uplink by its own name also ends what `degrade` made of its path. */
  private setUplink(name: string, cause: string, failed: boolean): void {
    const { up, down, spec } = this.simulation.places.uplinks.get(name)!;
    const works = this.causes.set(name, cause, failed);
    up.up = works;
    down.up = works;
    if (failed || cause !== name) return;
    up.setPath(spec.up);
    down.setPath(spec.down);
  }

  private degrade({ kind, target, path }: TimelineEvent & { action: 'degrade' }): void {
    const { places, circuits } = this.simulation;
    if (kind === 'circuit') {
      circuits.setPath(target, { ...circuits.get(target).path, ...path });
      return;
    }
    const { up, down } = places.uplinks.get(target)!;
    for (const link of [up, down]) link.setPath({ ...link.currentPath, ...path });
  }
}

/** `fra/2`: the second one, number 1. */
function numbered(target: string): { name: string; number: number } {
  const slash = target.lastIndexOf('/');
  return { name: target.slice(0, slash), number: Number(target.slice(slash + 1)) - 1 };
}

/** Events of the timeline, each done at its time. */
import type { FailureKind, NetworkChange, TimelineEvent } from '../scenario/scenario.js';
import { actionText } from './action-text.js';
import type { ChangeOutcome } from './control.js';
import type { Simulation } from './simulation.js';
import { Troubles } from './troubles.js';

const DONE: ChangeOutcome = { outcome: 'done', lines: [] };
const RELAY = 'relay';

/** What befalls a thing, and what ends it. */
type TroubleEvent = TimelineEvent & { readonly action: 'fail' | 'restore' | 'degrade' | 'over' };

export class Timeline {
  private readonly troubles = new Troubles();

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
      case 'degrade':
      case 'over':
        return this.befall(event);
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
        this.troubles.fail(RELAY, event.cause);
        simulation.routing.loseRelay();
        return DONE;
      case 'relay_restored':
        if (event.cause === null) this.troubles.restore(RELAY);
        else this.troubles.end(RELAY, event.cause);
        if (this.troubles.hasFailed(RELAY)) return still('lost');
        simulation.routing.restoreRelay();
        return DONE;
      case 'change':
        return this.change(event.change);
    }
  }

  private change(change: NetworkChange): ChangeOutcome {
    const { control } = this.simulation;
    const outcome = control.change(change);
    for (const { name } of control.network.tunnels)
      if (this.troubles.hasFailed(`tunnel ${name}`)) this.set('tunnel', name, true);
    return outcome;
  }

  private befall(event: TroubleEvent): ChangeOutcome {
    const { troubles } = this;
    const { action, kind, target } = event;
    const thing = `${kind} ${target}`;
    const hadFailed = troubles.hasFailed(thing);
    if (action === 'fail') troubles.fail(thing, event.cause);
    else if (action === 'degrade') troubles.degrade(thing, event.cause, event.path);
    else if (action === 'over') troubles.end(thing, event.cause);
    else troubles.restore(thing);
    const failed = troubles.hasFailed(thing);
    if (failed !== hadFailed) this.set(kind, target, failed);
    if (action !== 'fail') this.setPath(kind, target);
    return failed && action === 'over' ? still('failed') : DONE;
  }

  private set(kind: FailureKind, target: string, failed: boolean): void {
    const { places, circuits, edge, peerings } = this.simulation;
    switch (kind) {
      case 'tunnel':
        // One that a change brings later is broken then.
        for (const { router } of places.routers.values()) {
          if (router.tunnel(target) !== null) router.setBroken(target, failed);
        }
        break;
      case 'uplink':
      case 'provider':
        this.setUplinks(kind, target);
        break;
      case 'circuit':
        circuits.change(target, (state) => {
          if (failed) state.fail('cut');
          else state.restore('cut');
        });
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

  /** An uplink works when neither it nor its provider has failed. */
  private setUplinks(kind: 'uplink' | 'provider', target: string): void {
    const { troubles } = this;
    for (const { up, down, spec } of this.simulation.places.uplinks.values()) {
      if (target !== (kind === 'uplink' ? spec.name : spec.provider)) continue;
      const works =
        !troubles.hasFailed(`uplink ${spec.name}`) && !troubles.hasFailed(`provider ${spec.provider}`);
      up.up = works;
      down.up = works;
    }
  }

  /** As the file gives it, less what it was degraded to. */
  private setPath(kind: FailureKind, target: string): void {
    const { troubles } = this;
    const { places, circuits } = this.simulation;
    const thing = `${kind} ${target}`;
    if (kind === 'circuit') {
      circuits.setPath(target, troubles.path(thing, circuits.get(target).spec.path));
    } else if (kind === 'uplink') {
      const { up, down, spec } = places.uplinks.get(target)!;
      up.setPath(troubles.path(thing, spec.up));
      down.setPath(troubles.path(thing, spec.down));
    }
  }
}

/** Of an event that is over while another one of the kind is not. */
function still(what: 'failed' | 'lost'): ChangeOutcome {
  return { outcome: 'done', lines: [`still ${what}: another event is not over`] };
}

/** `fra/2`: the second one, number 1. */
function numbered(target: string): { name: string; number: number } {
  const slash = target.lastIndexOf('/');
  return { name: target.slice(0, slash), number: Number(target.slice(slash + 1)) - 1 };
}

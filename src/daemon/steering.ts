/** Health to routes: the next hops of the tables in effect follow the states of the tunnels. */
import type { Tables } from '../dataplane/tables.js';
import type { PenaltyOf } from '../network/routing/place-routes.js';
import { PlaceRoutes } from '../network/routing/place-routes.js';
import { putGroups } from '../network/routing/put-groups.js';
import { RouteClasses } from '../network/routing/route-classes.js';
import type { Plan } from './plan.js';

export class Steering {
  private readonly routes: PlaceRoutes | null;

  /**
   * Puts what the states say in effect at once.
   *
   * @param tables of the plan; nobody else steers them
   * @param penaltyOf by number of the tunnel
   */
  constructor(
    { names, steered, config }: Pick<Plan, 'names' | 'steered' | 'config'>,
    private readonly tables: Tables,
    penaltyOf: PenaltyOf,
  ) {
    if (steered.length === 0) {
      this.routes = null;
      return;
    }
    const classes = new RouteClasses({ nexthops: names, entries: steered, later: [], connected: [] });
    this.routes = new PlaceRoutes(classes, config.node, penaltyOf);
    putGroups(tables, 0, this.routes, classes.list.keys());
  }

  /** The penalty of a tunnel is another. */
  changed(tunnel: number): void {
    if (this.routes !== null) putGroups(this.tables, 0, this.routes, this.routes.penaltyChanged(tunnel));
  }

  /** The next hops of a group of the tables, in effect now. */
  nexthopsOf(group: number): { readonly tunnel: number; readonly weight: number }[] {
    const members = this.routes?.groupOf(group) ?? [];
    return members.flatMap(({ member, weight, isOut }) => (isOut === true ? [] : { tunnel: member, weight }));
  }
}

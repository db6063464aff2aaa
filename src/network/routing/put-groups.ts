/** From the routes of a place to its row of groups in the dataplane's tables. */
import type { Tables } from '../../dataplane/tables.js';
import type { PlaceRoutes } from './place-routes.js';

/**
 * Puts what classes lead to in effect; group and class have one number.
 *
 * @param view row of the place
 * @param classes those that have changed
 */
export function putGroups(
  tables: Tables,
  view: number,
  routes: PlaceRoutes,
  classes: Iterable<number>,
): void {
  for (const number of classes) tables.setGroup(view, number, routes.groupOf(number));
}

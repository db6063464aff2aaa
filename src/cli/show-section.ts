/** The sections of `grebe show`: what is asked of the daemon for each, and how it is written. */
import { DROP_REASONS, type VerdictName } from '../dataplane/verdicts.js';
import type { RouteSnapshot, Snapshot } from '../observability/snapshot.js';
import { counterTable, dropTables, DEVICE_DROP_COUNTERS } from './show-counters.js';
import { deviceTable } from './show-devices.js';
import { Interval } from './show-interval.js';
import { overview } from './show-overview.js';
import type { Paint } from './show-paint.js';
import { routeTable } from './show-routes.js';
import { tunnelTable } from './show-tunnels.js';
import { workerTable } from './show-workers.js';

export const SECTIONS = ['tunnels', 'routes', 'counters', 'drops', 'workers', 'devices'] as const;
export type Section = (typeof SECTIONS)[number];

/** What the daemon said. */
export interface State {
  readonly snapshot: Snapshot;
  /** Only asked for where they are shown. */
  readonly routes: readonly RouteSnapshot[];
}

export interface Shown {
  /** What was shown before, to compute rates from; null: nothing. */
  readonly before: Snapshot | null;
  readonly isWatched: boolean;
  /** Lines that there is room for; only tunnels are left out for want of it. */
  readonly lines: number;
}

/** @param section undefined: the overview */
export function sectionText(
  section: Section | undefined,
  { snapshot, routes }: State,
  { before, isWatched, lines }: Shown,
  paint: Paint,
): string {
  const interval = new Interval(snapshot, before, isWatched);
  switch (section) {
    case undefined:
      return overview(interval, lines, paint);
    case 'tunnels':
      return headed(tunnelTable(interval, lines), paint);
    case 'routes':
      return headed(routeTable(routes), paint);
    case 'counters':
      return headed(counterTable(interval), paint);
    case 'drops':
      return headed(dropTables(interval), paint);
    case 'workers':
      return headed(workerTable(interval, paint), paint);
    case 'devices':
      return headed(deviceTable(interval), paint);
  }
}

/** The same for programs: the whole snapshot, or node, time and the section. */
export function sectionJson(section: Section | undefined, { snapshot, routes }: State): object {
  const { node, takenAt, tunnels, workers, devices, counters, verdicts, workerLost } = snapshot;
  const head = { node, takenAt };
  switch (section) {
    case undefined:
      return snapshot;
    case 'tunnels':
      return { ...head, tunnels };
    case 'routes':
      return { ...head, routes };
    case 'counters':
      return { ...head, counters, verdicts, workerLost };
    case 'drops':
      return {
        ...head,
        drops: Object.fromEntries(DROP_REASONS.map(({ name }) => [name, verdicts[name as VerdictName]])),
        workerLost,
        devices: devices.map(({ name, side, counters: counted }) => ({
          name,
          side,
          drops: Object.fromEntries(DEVICE_DROP_COUNTERS.map((counter) => [counter, counted[counter]])),
        })),
      };
    case 'workers':
      return { ...head, workers };
    case 'devices':
      return { ...head, devices };
  }
}

/** The first line, the head of a table, stands out. */
function headed(text: string, paint: Paint): string {
  const end = text.indexOf('\n');
  return end < 0 ? text : paint.key(text.slice(0, end)) + text.slice(end);
}

/** `grebe show`: the state of a running daemon, in the manner of `wg show`. */
import { setTimeout } from 'node:timers/promises';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { controlSocketPath, request } from '../daemon/control-client.js';
import type { RouteSnapshot, Snapshot } from '../observability/snapshot.js';
import { integer } from './arguments.js';
import { UsageError } from './errors.js';
import { paintFor } from './show-paint.js';
import { SECTIONS, type Section, type State } from './show-section.js';
import { blockView, jsonView, screenView, type View } from './show-view.js';
import { untilSignal } from './signals.js';

interface Options {
  watch?: true | number;
  count?: number;
  json?: true;
  socket?: string;
}

const EXAMPLES = `
Sections: tunnels, routes, counters, drops, workers, devices; without one, the node and its tunnels.

Examples:
  $ grebe show
  $ grebe show drops
  $ grebe show tunnels --watch
  $ grebe show drops --watch 10 --count 6
  $ grebe show --watch 5 --json | jq '.tunnels[] | {name, effectiveMtu}'

Exit codes: 0 fine, 1 the work failed (no daemon listens, permission refused), 2 wrong usage.
See docs/show.md.`;

export function showCommand(): Command {
  return new Command('show')
    .description('Show the state of the running daemon: tunnels, routes, counters, drops, workers, devices.')
    .addArgument(new Argument('[section]', 'what to show').choices(SECTIONS))
    .option('--watch [seconds]', 'show it again and again, with rates (default: every second)', watchSeconds)
    .option('--count <views>', 'with --watch: end after so many views', integer(1, Number.MAX_SAFE_INTEGER))
    .option('--json', 'print one JSON object instead of text; with --watch one a line')
    .option('--socket <path>', "the daemon's control socket (default: $GREBE_SOCKET, or the user's own)")
    .addHelpText('after', EXAMPLES)
    .action(run);
}

function watchSeconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value >= 0.1 && value <= 3600) return value;
  throw new InvalidArgumentError('Expected seconds, 0.1 to 3600; a section goes in front of --watch.');
}

async function run(section: Section | undefined, { watch, count, json, socket }: Options): Promise<void> {
  if (watch === undefined && count !== undefined) throw new UsageError('--count needs --watch');
  const path = controlSocketPath(socket);
  const ask = async (): Promise<State> => ({
    snapshot: (await request(path, 'GET', '/v1/snapshot')) as Snapshot,
    routes: section === 'routes' ? ((await request(path, 'GET', '/v1/routes')) as RouteSnapshot[]) : [],
  });
  const first = await ask();
  const view = viewFor(section, json === true, watch !== undefined);
  if (watch === undefined) {
    view.show(first, null);
    return;
  }
  const milliseconds = (watch === true ? 1 : watch) * 1000;
  await untilSignal((signal) => watching(first, ask, view, { milliseconds, count }, signal));
}

function viewFor(section: Section | undefined, isJson: boolean, isWatched: boolean): View {
  const { stdout, stderr, env } = process;
  const write = (text: string): boolean => stdout.write(text);
  const complain = (text: string): boolean => stderr.write(text);
  if (isJson) return jsonView(section, write, complain);
  const paint = paintFor(stdout, env);
  return isWatched && stdout.isTTY
    ? screenView(section, paint, stdout)
    : blockView(section, isWatched, paint, write, complain);
}

interface Turns {
  /** From one view to the next. */
  readonly milliseconds: number;
  /** Views in all; undefined: no end. */
  readonly count: number | undefined;
}

/**
 * Shows the daemon's state at each turn until the signal or the last view; goes on when the daemon goes and comes
 * again.
 */
async function watching(
  first: State,
  ask: () => Promise<State>,
  view: View,
  { milliseconds, count = Infinity }: Turns,
  signal: AbortSignal,
): Promise<void> {
  let before = first.snapshot;
  let next = performance.now();
  try {
    view.show(first, null);
    for (let shown = 1; shown < count;) {
      if (!(await pause((next += milliseconds) - performance.now(), signal))) return;
      try {
        const state = await ask();
        view.show(state, before);
        before = state.snapshot;
        shown++;
      } catch (error) {
        view.fail(error as Error);
      }
      // Turns that were missed while the process stood still are not made up for.
      next = Math.max(next, performance.now() - milliseconds);
    }
  } finally {
    view.close();
  }
}

/** Waits; answers false when the signal came. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  await setTimeout(Math.max(0, milliseconds), undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

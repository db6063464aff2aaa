/** `grebe reload`: lets a running daemon read its configuration again, or tell what that would change. */
import { Command } from 'commander';
import { formatProblem, type ConfigProblem } from '../config/problem.js';
import type { ChangeReport } from '../daemon/change-report.js';
import { ControlError, controlSocketPath, request } from '../daemon/control-client.js';
import { formatCounts, formatDiff } from '../network/change/format-diff.js';
import { ExitCode, ExitError } from './errors.js';
import { paintFor, type Paint } from './show-paint.js';

interface Options {
  socket?: string;
  json?: true;
  diff?: true;
  dryRun?: true;
}

interface Answer {
  readonly ok: boolean;
  readonly generation?: number;
  readonly gapMs?: number;
  readonly tookMs?: number;
  readonly changes?: ChangeReport;
  readonly problems?: readonly ConfigProblem[];
}

const EXAMPLES = `
Examples:
  $ grebe reload
  $ grebe reload --dry-run
  $ grebe reload --diff --socket /run/grebe/fra-1.sock

Exit codes: 0 the new configuration is in effect (or would be), 1 no daemon was reached, 2 the daemon refused
the configuration and goes on with the old one. See docs/reload.md.`;

export function reloadCommand(): Command {
  return new Command('reload')
    .description('Let the running daemon take up its changed configuration, without losing a packet.')
    .option('--diff', 'print what has changed: + new, ~ changed, - removed')
    .option('--dry-run', 'only print what would change; the daemon goes on as it is')
    .option('--json', 'print one JSON object instead of text')
    .option('--socket <path>', "the daemon's control socket (default: $GREBE_SOCKET, or the user's own)")
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run({ socket, json, diff, dryRun }: Options): Promise<void> {
  const answer = await reload(controlSocketPath(socket), dryRun === true);
  if (json === true) process.stdout.write(`${JSON.stringify(answer)}\n`);
  else if (answer.ok) tell(answer, diff === true, dryRun === true);
  if (answer.ok) return;
  if (json !== true) {
    for (const problem of answer.problems ?? []) process.stderr.write(`grebe: ${formatProblem(problem)}\n`);
    const verdict = dryRun === true ? 'a reload would be refused' : 'refused';
    process.stderr.write(`grebe: ${verdict}, the daemon goes on with the configuration that it has\n`);
  }
  throw new ExitError(ExitCode.USAGE);
}

function tell(
  { generation = 0, gapMs = 0, tookMs = 0, changes }: Answer,
  diff: boolean,
  dryRun: boolean,
): void {
  const { entries = [], more = 0 } = changes ?? {};
  const summary = changes === undefined ? '' : formatCounts(changes);
  if ((diff || dryRun) && entries.length > 0) {
    const painted = paintDiff(formatDiff(entries), paintFor(process.stdout, process.env));
    process.stdout.write(`${painted}\n${more > 0 ? `… and ${more} more\n` : ''}`);
  }
  process.stdout.write(
    dryRun
      ? `dry run: ${summary}\n`
      : `reloaded: configuration ${generation} is in effect (${tookMs.toFixed(0)} ms, workers changed over in ${gapMs.toFixed(1)} ms): ${summary}\n`,
  );
}

function paintDiff(text: string, { heading, key, bad }: Paint): string {
  const paints: Readonly<Record<string, (line: string) => string>> = { '+': heading, '~': key, '-': bad };
  return text
    .split('\n')
    .map((line) => paints[line.charAt(0)]?.(line) ?? line)
    .join('\n');
}

async function reload(path: string, dryRun: boolean): Promise<Answer> {
  try {
    return (await request(path, 'POST', `/v1/reload${dryRun ? '?dry_run=true' : ''}`)) as Answer;
  } catch (error) {
    if (error instanceof ControlError && error.answer?.status === REFUSED) return error.answer.body as Answer;
    throw error;
  }
}

const REFUSED = 422;

/** `grebe reload`: lets a running daemon read its configuration again. */
import { Command } from 'commander';
import { formatProblem, type ConfigProblem } from '../config/problem.js';
import { ControlError, controlSocketPath, request } from '../daemon/control-client.js';
import { ExitCode, ExitError } from './errors.js';

interface Options {
  socket?: string;
  json?: true;
}

interface Answer {
  readonly ok: boolean;
  readonly generation?: number;
  readonly gapMs?: number;
  readonly tookMs?: number;
  readonly problems?: readonly ConfigProblem[];
}

const EXAMPLES = `
Examples:
  $ grebe reload
  $ grebe reload --socket /run/grebe/fra-1.sock
  $ grebe check --config /etc/grebe/edge.yaml && grebe reload

Exit codes: 0 the new configuration is in effect, 1 no daemon was reached, 2 the daemon refused the
configuration and goes on with the old one. See docs/reload.md.`;

export function reloadCommand(): Command {
  return new Command('reload')
    .description('Let the running daemon take up its changed configuration, without losing a packet.')
    .option('--json', 'print one JSON object instead of text')
    .option('--socket <path>', "the daemon's control socket (default: $GREBE_SOCKET, or the user's own)")
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run({ socket, json }: Options): Promise<void> {
  const answer = await reload(controlSocketPath(socket));
  if (json === true) process.stdout.write(`${JSON.stringify(answer)}\n`);
  if (answer.ok) {
    const { generation = 0, gapMs = 0, tookMs = 0 } = answer;
    const text = `reloaded: configuration ${generation} is in effect (${tookMs.toFixed(0)} ms, workers changed over in ${gapMs.toFixed(1)} ms)`;
    if (json !== true) process.stdout.write(`${text}\n`);
    return;
  }
  if (json !== true) {
    for (const problem of answer.problems ?? []) process.stderr.write(`grebe: ${formatProblem(problem)}\n`);
    process.stderr.write('grebe: refused, the daemon goes on with the configuration that it has\n');
  }
  throw new ExitError(ExitCode.USAGE);
}

async function reload(path: string): Promise<Answer> {
  try {
    return (await request(path, 'POST', '/v1/reload')) as Answer;
  } catch (error) {
    if (error instanceof ControlError && error.answer?.status === REFUSED) return error.answer.body as Answer;
    throw error;
  }
}

const REFUSED = 422;

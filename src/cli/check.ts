/** `grebe check`: validates a configuration and tells what follows from it. */
import { Command } from 'commander';
import { loadConfig } from '../config/load.js';
import { ConfigError, type ConfigProblem } from '../config/problem.js';
import { checkConfig } from '../network/check.js';
import { required } from './arguments.js';
import { checkReport } from './check-report.js';
import { ExitCode, ExitError } from './errors.js';

interface Options {
  config?: string;
  json?: true;
}

const CONFIG = '--config <file>';

const EXAMPLES = `
Examples:
  $ grebe check --config edge.yaml
  $ grebe check --config edge.yaml --json | jq '.tunnels[] | {name, mtu, mss_clamp}'

Exit codes: 0 fine (there may be warnings), 1 the work failed, 2 wrong usage or configuration.
See docs/check.md.`;

export function checkCommand(): Command {
  return new Command('check')
    .description('Validate a configuration and show what follows from it: overhead, MTU, MSS, routes.')
    .option(CONFIG, 'configuration (YAML), required')
    .option('--json', 'print one JSON object instead of tables')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

function run(options: Options): void {
  const path = required(options.config, CONFIG);
  if (options.json === true) {
    printJson(path);
    return;
  }
  const config = loadConfig(path);
  const report = checkConfig(config);
  process.stdout.write(`${checkReport(path, report)}\n`);
  if (report.counts.error > 0) throw new ExitError(ExitCode.USAGE);
}

/** Valid or not, a program gets an object: `valid`, the problems that keep it from being so, the report. */
function printJson(path: string): void {
  let problems: readonly ConfigProblem[] = [];
  let report = null;
  try {
    report = checkConfig(loadConfig(path));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems = error.problems;
  }
  const valid = report !== null && report.counts.error === 0;
  process.stdout.write(`${JSON.stringify({ valid, problems, ...report })}\n`);
  if (!valid) throw new ExitError(ExitCode.USAGE);
}

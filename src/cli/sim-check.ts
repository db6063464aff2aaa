/** `grebe sim check`: scenarios validated, and what is to be said of their designs, without running them. */
import { Command } from 'commander';
import { ConfigError, formatProblem, type ConfigProblem } from '../config/problem.js';
import { checkDesign } from '../network/design/check-design.js';
import type { Finding } from '../network/finding.js';
import { captureProblems } from '../simulator/run/capture-files.js';
import { loadScenario, positionOf, warningsOf } from '../simulator/scenario/load.js';
import type { Scenario } from '../simulator/scenario/scenario.js';
import { ExitCode, ExitError } from './errors.js';
import { plural } from './format.js';

interface Options {
  json?: true;
}

/** One file, for JSON. */
interface Checked {
  readonly file: string;
  readonly valid: boolean;
  /** What keeps it from being valid. */
  readonly problems: readonly ConfigProblem[];
  /** What is odd about the file, and about the network that it describes. */
  readonly warnings: readonly ConfigProblem[];
  readonly findings: readonly Finding[];
}

const EXAMPLES = `
Examples:
  $ grebe sim check scenarios/*.yaml
  $ grebe sim check failover.yaml --json | jq '.[].findings[].message'

Exit codes: 0 fine (there may be warnings), 2 a scenario is not valid. See docs/scenario.md.`;

export function simCheckCommand(): Command {
  return new Command('check')
    .description('Validate scenarios and their designs without running them.')
    .argument('<files...>', 'scenarios (YAML)')
    .option('--json', 'print one JSON array instead of text')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(files: string[], { json }: Options): Promise<void> {
  const all: Checked[] = [];
  for (const file of files) all.push(await check(file));
  process.stdout.write(`${json === true ? JSON.stringify(all) : all.map(text).join('\n')}\n`);
  if (all.some(({ valid }) => !valid)) throw new ExitError(ExitCode.USAGE);
}

async function check(file: string): Promise<Checked> {
  try {
    const scenario = loadScenario(file);
    const problems = await captureProblems(scenario, file);
    const findings = findingsOf(scenario);
    const valid = problems.length === 0 && findings.every(({ severity }) => severity !== 'error');
    return { file, valid, problems, warnings: warningsOf(scenario), findings };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { file, valid: false, problems: error.problems, warnings: [], findings: [] };
  }
}

function findingsOf(scenario: Scenario): Finding[] {
  const { network, edge, start, sites } = scenario;
  const routers = sites.flatMap((site) => site.routers);
  return checkDesign({ network, edge, start, routers }, (path) => positionOf(scenario, path));
}

function text({ file, valid, problems, warnings, findings }: Checked): string {
  const lines = [
    ...problems.map((problem) => formatProblem(problem)),
    ...warnings.map((problem) => `${formatProblem(problem)} [warning]`),
    ...findings.map(findingText),
  ];
  const count = lines.length - problems.length;
  const verdict = valid ? 'ok' : 'not ok';
  const notes = [
    problems.length > 0 ? plural(problems.length, 'problem') : '',
    count > 0 ? plural(count, 'finding') : '',
  ];
  return [...lines, `${file}: ${[verdict, ...notes.filter((note) => note !== '')].join(', ')}`].join('\n');
}

function findingText({ severity, code, path, file, line, column, message }: Finding): string {
  const place = file === null ? '' : `${file}:${line ?? 1}:${column ?? 1}: `;
  return `${place}${severity}: ${path === '' ? '' : `${path}: `}${message} [${code}]`;
}

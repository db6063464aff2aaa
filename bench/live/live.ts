/**
 * `npm run bench:live`: the daemon on real devices beside its twin in C and Open vSwitch, in the same run.
 * Progress goes to stderr; tables, or with --json one object, go to stdout. docs/benchmarks.md says how to read
 * the numbers.
 */
import { spawnSync } from 'node:child_process';
import { Command, Option } from 'commander';
import { findCompiler } from '#compile-addon';
import { requireRoot } from '../../test/support/netns.js';
import { describeMachine } from '../machine.js';
import { makeCast, type Cast } from './cast.js';
import { footprint } from './cases/footprint.js';
import { forward } from './cases/forward.js';
import { latency } from './cases/latency.js';
import { tcp } from './cases/tcp.js';
import { udp } from './cases/udp.js';
import type { Context } from './context.js';
import { whyNoOpenVSwitch } from './openvswitch-contender.js';
import { compilePrograms } from './programs.js';
import { reportText } from './report.js';
import { Results } from './results.js';

interface Options {
  json?: true;
  quick?: true;
  check?: true;
  only?: string;
}

const CASES = { tcp, udp, forward, latency, footprint } as const;
type CaseName = keyof typeof CASES;
const NAMES = Object.keys(CASES) as CaseName[];

const options = new Command('npm run bench:live --')
  .description('Measures the daemon on real devices beside its C twin. Needs root.')
  .option('--json', 'print one JSON object')
  .option('--quick', 'fewer and shorter turns')
  .option('--check', 'exit with 1 when a claim is not met')
  .addOption(new Option('--only <case>', 'one case').choices(NAMES))
  .parse()
  .opts<Options>();

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

const results = new Results();
const compiler = findCompiler();
const machine = describeMachine(compiler);

function leaveOut(name: string, what: string, reason: string): void {
  results.gap({ case: name, what, reason, excused: true });
}

function whyNoIperf(): string | null {
  return spawnSync('iperf3', ['--version']).status === 0 ? null : 'needs iperf3';
}

async function run(context: Context, cast: Cast): Promise<void> {
  for (const name of NAMES) {
    if (options.only !== undefined && options.only !== name) continue;
    const missing = name === 'tcp' ? whyNoIperf() : null;
    if (missing !== null) {
      leaveOut(name, 'everything', missing);
      continue;
    }
    try {
      await CASES[name](context, cast);
    } catch (error) {
      results.gap({ case: name, what: 'everything', reason: (error as Error).message, excused: false });
    }
  }
}

const noRoot = requireRoot();
if (noRoot !== false) {
  leaveOut('all', 'everything', noRoot);
} else if (compiler === null) {
  leaveOut('all', 'everything', 'needs a C compiler (cc, gcc, clang)');
} else {
  const noOpenVSwitch = whyNoOpenVSwitch();
  if (noOpenVSwitch !== null) leaveOut('tcp, udp', 'Open vSwitch', noOpenVSwitch);
  const programs = compilePrograms(compiler);
  const effort = options.quick === true ? { turns: 3, seconds: 1 } : { turns: 7, seconds: 2 };
  await run({ programs, results, progress, ...effort }, makeCast(programs, noOpenVSwitch === null));
}

const text =
  options.json === true
    ? JSON.stringify(
        { machine, figures: results.figures, claims: results.claims, gaps: results.gaps },
        null,
        2,
      )
    : reportText(machine, results);
process.stdout.write(`${text}\n`);
process.exitCode = options.check === true && !results.good ? 1 : 0;

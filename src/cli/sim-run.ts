/** `grebe sim run`: scenarios in virtual time, and a verdict on each of their expectations. */
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { ConfigError, type ConfigProblem } from '../config/problem.js';
import { OutputFile } from '../device/capture/output-file.js';
import { captureProblems } from '../simulator/run/capture-files.js';
import { htmlReport } from '../simulator/report/html.js';
import { junitXml } from '../simulator/run/junit.js';
import type { Results } from '../simulator/run/results.js';
import { runFiles } from '../simulator/run/run-files.js';
import { runScenario, UnknownLink, type CaptureRequest } from '../simulator/run/run.js';
import { loadScenario } from '../simulator/scenario/load.js';
import type { Scenario } from '../simulator/scenario/scenario.js';
import { integer } from './arguments.js';
import { ExitCode, ExitError, UsageError } from './errors.js';
import { refuseSameFiles } from './same-file.js';
import { SimProgress } from './sim-progress.js';
import { simBrief, simReport, simSummary } from './sim-report.js';
import { span } from './sim-time.js';
import { untilSignal } from './signals.js';

interface Options {
  seed?: number;
  until?: number;
  json?: true;
  report?: string;
  junit?: string;
  pcap?: CaptureRequest[];
  workers?: number;
}

const MOST_WORKERS = 64;

const EXAMPLES = `
Examples:
  Do all scenarios hold, on all cores, with a report for CI?
    $ grebe sim run scenarios/*.yaml --junit results.xml

  What happens in one of them, as a page, and with the packets of an uplink?
    $ grebe sim run failover.yaml --report failover.html --pcap r1.isp=isp.pcapng

  The first ten seconds with other random numbers:
    $ grebe sim run failover.yaml --until 10s --seed 7 --json | jq .results[0].traffic

The same scenario and seed give the same bytes, on any machine and with any number of workers.
Exit codes: 0 all expectations hold, 1 one failed (or the work did), 2 wrong usage or scenario. See docs/sim.md.`;

export function simRunCommand(): Command {
  return new Command('run')
    .description('Run scenarios in virtual time and check their expectations.')
    .argument('<files...>', 'scenarios (YAML)')
    .option('--seed <n>', "instead of the scenarios' own", integer(0, 0xffffffff))
    .option('--until <time>', 'end after so much virtual time, such as 30s', span)
    .option('--json', 'print one JSON object instead of text')
    .option('--report <file>', 'write a page (HTML, all in one file)')
    .option('--junit <file>', 'write the verdicts as JUnit XML')
    .option('--pcap <link=file>', 'write the packets of a link (pcapng); may be repeated', capture)
    .option('--workers <n>', 'scenarios at a time (default: one for each core)', integer(1, MOST_WORKERS))
    .addHelpText('after', EXAMPLES)
    .action(run);
}

function capture(text: string, before: CaptureRequest[] = []): CaptureRequest[] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1)
    throw new InvalidArgumentError('Expected LINK=FILE, such as r1.isp=isp.pcapng.');
  return [...before, { link: text.slice(0, at), path: text.slice(at + 1) }];
}

async function run(files: string[], options: Options): Promise<void> {
  checkUsage(files, options);
  // All of them are read before one is run: a mistake in the last shows at once.
  const scenarios = await loadAll(files);
  const limit = options.until ?? Infinity;
  const progress = new SimProgress(scenarios.map((scenario) => Math.min(scenario.duration, limit)));
  const toText = options.json !== true;
  const onResults = (results: Results): void => {
    progress.stop();
    if (toText)
      process.stdout.write(files.length === 1 ? `${simReport(results)}\n\n` : `${simBrief(results)}\n`);
  };
  const all = await untilSignal((signal) =>
    withOutputs(options, () =>
      runAll(files, scenarios, options, progress, onResults, signal).finally(() => {
        progress.stop();
      }),
    ),
  );
  const passed = all.every((results) => results.passed);
  process.stdout.write(`${toText ? simSummary(all) : JSON.stringify({ passed, results: all })}\n`);
  progress.summary();
  if (!passed) throw new ExitError(ExitCode.FAILED);
}

/** One scenario runs in this thread, which may write captures; several in threads of their own. */
async function runAll(
  files: readonly string[],
  scenarios: readonly Scenario[],
  { seed, until, pcap, workers = availableParallelism() }: Options,
  progress: SimProgress,
  onResults: (results: Results) => void,
  signal: AbortSignal,
): Promise<Results[]> {
  const changes = { ...(seed === undefined ? {} : { seed }), ...(until === undefined ? {} : { until }) };
  if (scenarios.length > 1) {
    return runFiles(files, {
      ...{ ...changes, workers, signal, onResults },
      onProgress: (file, done) => {
        progress.show(file, done);
      },
    });
  }
  const results = await named(() =>
    runScenario(scenarios[0]!, {
      ...{ ...changes, file: files[0]!, captures: pcap ?? [] },
      onProgress: async (done) => {
        progress.show(0, done);
        // Signals are heard of between two turns of the event loop.
        await setImmediate();
        signal.throwIfAborted();
      },
    }),
  );
  onResults(results);
  return [results];
}

async function named<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnknownLink) throw new UsageError(`--pcap: ${error.message}`);
    throw error;
  }
}

function checkUsage(files: readonly string[], { pcap = [], report, junit }: Options): void {
  if (files.length > 1 && pcap.length > 0) throw new UsageError('--pcap takes one scenario');
  for (const [option, path] of [
    ...pcap.map(({ path }) => ['--pcap', path]),
    ['--report', report],
    ['--junit', junit],
  ]) {
    if (path === '-') throw new UsageError(`${option} cannot write to standard output`);
  }
  const paths = [...new Set(pcap.map(({ path }) => path))];
  refuseSameFiles(
    files.map((path) => ({ option: 'the scenario', path })),
    [
      { option: '--report', path: report },
      { option: '--junit', path: junit },
      ...paths.map((path) => ({ option: '--pcap', path })),
    ],
  );
}

/** @throws ConfigError with the problems of all files */
async function loadAll(files: readonly string[]): Promise<Scenario[]> {
  const problems: ConfigProblem[] = [];
  const scenarios: Scenario[] = [];
  for (const file of files) {
    try {
      const scenario = loadScenario(file);
      problems.push(...(await captureProblems(scenario, file)));
      scenarios.push(scenario);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return scenarios;
}

/** The files are opened before the work, which may be long, and appear whole behind it or not at all. */
async function withOutputs({ report, junit }: Options, work: () => Promise<Results[]>): Promise<Results[]> {
  const outputs: { readonly file: OutputFile; readonly text: (all: readonly Results[]) => string }[] = [];
  try {
    if (report !== undefined)
      outputs.push({ file: await OutputFile.open(report, 'leave'), text: htmlReport });
    if (junit !== undefined) outputs.push({ file: await OutputFile.open(junit, 'leave'), text: junitXml });
    const all = await work();
    for (const { file, text } of outputs) {
      const bytes = Buffer.from(text(all));
      file.write(bytes, 0, bytes.length);
    }
    for (const { file } of outputs) file.commit();
    return all;
  } catch (error) {
    for (const { file } of outputs) file.abort();
    throw error;
  }
}

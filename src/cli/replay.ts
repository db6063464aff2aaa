/** `grebe replay`: captures through the dataplane. */
import { Command, Option } from 'commander';
import { loadConfig } from '../config/load.js';
import { DISTRIBUTIONS, type Distribution } from '../replay/distribution.js';
import { MAX_WORKERS, replay } from '../replay/replay.js';
import { integer, required } from './arguments.js';
import { refuseSameFiles } from './same-file.js';
import { UsageError } from './errors.js';
import { ProgressBar } from './progress.js';
import { replayReport } from './replay-report.js';
import { untilSignal } from './signals.js';

interface Options {
  config?: string;
  in?: string[];
  inOverlay?: string[];
  outOverlay?: string;
  outUnderlay?: string;
  outDropped?: string;
  workers: number;
  distribution: Distribution;
  seed: number;
  loop: number;
  json?: true;
}

const CONFIG = '--config <file>';
const STDIO = '-';

const EXAMPLES = `
Examples:
  What becomes of the packets of a capture:
    $ grebe replay --config edge.yaml --in underlay.pcap

  The inner packets to one file, what was dropped (with the reason as packet comment) to another:
    $ grebe replay --config edge.yaml --in underlay.pcap \\
        --out-overlay inner.pcap --out-dropped bad.pcapng

  Both directions, merged by time, on two workers, as JSON:
    $ grebe replay --config edge.yaml --in underlay.pcap --in-overlay lan.pcap.gz --workers 2 --json

  From a live capture:
    $ tcpdump -i eth0 -w - proto gre | grebe replay --config edge.yaml --in -

Exit codes: 0 fine, 1 the work failed, 2 wrong usage or configuration. See docs/replay.md.`;

export function replayCommand(): Command {
  return new Command('replay')
    .description('Take captures through the dataplane and show what became of every packet.')
    .option(CONFIG, 'configuration (YAML), required')
    .option(
      '--in <file...>',
      'captures that arrive on the underlay (pcap, pcapng, gzip; - is standard input)',
    )
    .option('--in-overlay <file...>', 'captures that arrive on the overlay')
    .option('--out-overlay <file>', 'write what is delivered to the overlay (.pcapng in the name: pcapng)')
    .option('--out-underlay <file>', 'write what is sent to the underlay')
    .option('--out-dropped <file>', 'write what is dropped, the reason as packet comment (always pcapng)')
    .option(
      '--workers <n>',
      `threads that run the dataplane, 1 to ${MAX_WORKERS}`,
      integer(1, MAX_WORKERS),
      1,
    )
    .addOption(
      new Option('--distribution <kind>', 'how packets are dealt to workers; results do not depend on it')
        .choices(DISTRIBUTIONS)
        .default('flow'),
    )
    .option('--seed <n>', 'for --distribution random', integer(0, 0xffffffff), 1)
    .option('--loop <n>', 'play the captures so many times', integer(1, Number.MAX_SAFE_INTEGER), 1)
    .option('--json', 'print one JSON object instead of tables')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const path = required(options.config, CONFIG);
  checkUsage(options);
  const { in: underlay = [], inOverlay: overlay = [], workers, distribution, seed, loop: loops } = options;
  const outputs = { overlay: options.outOverlay, underlay: options.outUnderlay, dropped: options.outDropped };
  const config = loadConfig(path);
  const bar = new ProgressBar();
  const result = await untilSignal((signal) =>
    replay({
      ...{ config, underlay, overlay, outputs, workers, distribution, seed, loops, signal },
      onProgress: (progress) => {
        bar.show(progress);
      },
    }).finally(() => {
      bar.stop();
    }),
  );
  const text = options.json === true ? JSON.stringify(result) : replayReport(result, outputs);
  const toStdout = Object.values(outputs).includes(STDIO);
  (toStdout ? process.stderr : process.stdout).write(`${text}\n`);
}

function checkUsage({ in: underlay = [], inOverlay = [], loop, json, ...options }: Options): void {
  const inputs = [...underlay, ...inOverlay];
  if (inputs.length === 0) throw new UsageError('no input: give --in FILE or --in-overlay FILE');
  const stdins = inputs.filter((path) => path === STDIO).length;
  if (stdins > 1) throw new UsageError('standard input (-) can be given once');
  if (stdins > 0 && loop > 1)
    throw new UsageError('standard input (-) cannot be played more than once: --loop');
  const outputs = [
    { option: '--out-overlay', path: options.outOverlay },
    { option: '--out-underlay', path: options.outUnderlay },
    { option: '--out-dropped', path: options.outDropped },
  ];
  if (json === true && outputs.some(({ path }) => path === STDIO)) {
    throw new UsageError('--json and a capture cannot both go to standard output');
  }
  refuseSameFiles(
    [{ option: '--config', path: options.config }, ...inputs.map((path) => ({ option: '--in', path }))],
    outputs,
  );
}

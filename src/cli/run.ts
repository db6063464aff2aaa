/** `grebe run`: the daemon. */
import { Command, Option } from 'commander';
import { DAEMON_LIMITS, LOG_FORMATS, LOG_LEVELS } from '../config/daemon-config.js';
import { runDaemon, type DaemonOptions } from '../daemon/daemon.js';
import { makePlan } from '../daemon/plan.js';
import { integer, required } from './arguments.js';
import { plural } from './format.js';

interface Options extends Omit<DaemonOptions, 'file'> {
  config?: string;
  check?: true;
}

const CONFIG = '--config <file>';

const EXAMPLES = `
Examples:
  Forward between tunnels and a kernel interface, on the devices that the configuration names:
    # grebe run --config /etc/grebe/edge.yaml

  Whether it would start with this file:
    $ grebe run --config edge.yaml --check

  Two workers, whatever the file says, and a log for programs:
    # grebe run --config edge.yaml --workers 2 --log-format json

Signals: SIGHUP reloads the configuration, SIGTERM and SIGINT end it in good order, a second one at once.

Exit codes: 0 ended by a signal, 1 the work failed, 2 wrong usage or configuration. See docs/run.md.`;

export function runCommand(): Command {
  const [least, most] = DAEMON_LIMITS.workers;
  return new Command('run')
    .description('Run the daemon: forward packets between tunnels and the network of this machine.')
    .option(CONFIG, 'configuration (YAML), required')
    .option(
      '--workers <n>',
      `threads that forward, ${least} to ${most} (default: daemon.workers)`,
      integer(least, most),
    )
    .option('--check', 'only check the configuration, and end')
    .option('--socket <path>', 'control socket (default: daemon.control.socket)')
    .addOption(
      new Option('--log-level <level>', 'least level that is written (default: daemon.log.level)').choices(
        LOG_LEVELS,
      ),
    )
    .addOption(
      new Option('--log-format <format>', 'form of the log (default: daemon.log.format)').choices(
        LOG_FORMATS,
      ),
    )
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run({ config, check, ...options }: Options): Promise<void> {
  const file = required(config, CONFIG);
  if (check !== true) {
    await runDaemon({ file, ...options });
    return;
  }
  const { warnings, workers, spec } = makePlan(file, options.workers);
  for (const warning of warnings) process.stdout.write(`${warning}\n`);
  const { tunnels, routes } = spec;
  process.stdout.write(
    `${file} holds: ${plural(tunnels.length, 'tunnel')}, ${plural(routes.length, 'route')}, ${plural(workers, 'worker')}\n`,
  );
}

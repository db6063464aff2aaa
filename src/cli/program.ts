/** The command line as a whole: commands, help, version, exit codes. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { captureCommand } from './capture.js';
import { checkCommand } from './check.js';
import { ExitCode, exitCodeOf, failureLines } from './errors.js';
import { generateCommand } from './generate.js';
import { reloadCommand } from './reload.js';
import { replayCommand } from './replay.js';
import { runCommand } from './run.js';
import { showCommand } from './show.js';
import { simCommand } from './sim.js';
import { traceCommand } from './trace.js';

const EXAMPLES = `
Examples:
  # grebe run --config edge.yaml
  $ grebe show tunnels --watch
  $ grebe reload
  $ grebe capture -w - | wireshark -k -i -
  $ grebe check --config edge.yaml
  $ grebe replay --config edge.yaml --in underlay.pcap
  $ grebe replay --config edge.yaml --in a.pcap b.pcap.gz --out-overlay inner.pcap --workers 2
  $ grebe trace --config edge.yaml --in underlay.pcap --packet 17
  $ grebe sim run scenarios/two-isps-ecmp.yaml --report two-isps.html
  $ grebe help replay

Exit codes: 0 fine, 1 the work failed, 2 wrong usage or configuration.`;

/** All commands, ready to parse; errors are thrown, not exited with. */
export function createProgram(): Command {
  const program = new Command('grebe')
    .description('A GRE edge in user space: takes captures of tunnel traffic through its dataplane.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText('after', EXAMPLES)
    .addCommand(runCommand())
    .addCommand(reloadCommand())
    .addCommand(replayCommand())
    .addCommand(checkCommand())
    .addCommand(traceCommand())
    .addCommand(generateCommand())
    .addCommand(showCommand())
    .addCommand(captureCommand())
    .addCommand(simCommand());
  for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])]) {
    command
      .exitOverride()
      .helpOption('-h, --help', 'print help')
      .configureHelp({ helpWidth: Math.min(process.stdout.columns || 100, 100), showGlobalOptions: false })
      .configureOutput({
        outputError: (text, write) => {
          write(`${oneLine(text)}\n`);
        },
      });
  }
  return program;
}

/** Runs the command line; answers the exit code. Errors go to standard error, a line each. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv, { from: 'user' });
    return ExitCode.FINE;
  } catch (error) {
    for (const line of failureLines(error)) process.stderr.write(`grebe: ${line}\n`);
    return exitCodeOf(error);
  }
}

/** "error: unknown option '--x'\n(Did you mean …?)" as one line of grebe's. */
function oneLine(text: string): string {
  return text
    .trim()
    .replace(/^error: /, 'grebe: ')
    .replace(/\s*\n\s*/g, ' ');
}

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

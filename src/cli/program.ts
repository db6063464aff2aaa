/** The command line as a whole: commands, help, version, exit codes. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { ExitCode, exitCodeOf, failureLines } from './errors.js';

/** In the order of the help. What a command does not need is not loaded: a daemon lives long with it. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.js')).runCommand(),
  reload: async () => (await import('./reload.js')).reloadCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  check: async () => (await import('./check.js')).checkCommand(),
  trace: async () => (await import('./trace.js')).traceCommand(),
  generate: async () => (await import('./generate.js')).generateCommand(),
  show: async () => (await import('./show.js')).showCommand(),
  capture: async () => (await import('./capture.js')).captureCommand(),
  sim: async () => (await import('./sim.js')).simCommand(),
};

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

/**
 * The command that the arguments begin with, or all of them, ready to parse; errors are thrown, not exited with.
 *
 * @param word the first argument
 */
async function createProgram(word: string): Promise<Command> {
  const known = Object.entries(COMMANDS);
  const named = known.filter(([name]) => name === word);
  const commands = await Promise.all((named.length > 0 ? named : known).map(([, load]) => load()));
  const program = new Command('grebe')
    .description('A GRE edge in user space: a daemon, replay of captures, and a simulated tunnel network.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText('after', EXAMPLES);
  for (const command of commands) program.addCommand(command);
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
    const program = await createProgram(argv[0] ?? '');
    await program.parseAsync(argv, { from: 'user' });
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

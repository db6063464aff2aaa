/** `grebe sim explain`: the way of one packet through a scenario's network, hop by hop. */
import { Command, Option } from 'commander';
import { explain } from '../simulator/explain/explain.js';
import { EXPLAIN_PROTOCOLS, FlowError, type ExplainProtocol } from '../simulator/explain/flow.js';
import { explanationText } from '../simulator/explain/text.js';
import { SECOND } from '../network/time.js';
import { loadScenario } from '../simulator/scenario/load.js';
import { integer, required } from './arguments.js';
import { ExitCode, ExitError, UsageError } from './errors.js';
import { duration } from './sim-time.js';

interface Options {
  flow?: string;
  protocol?: ExplainProtocol;
  size?: number;
  df?: true;
  at?: number;
  seed?: number;
  json?: true;
}

const FLOW = '--flow <from->to>';
/** By then sessions are established, and all tunnels have been probed. */
const DEFAULT_TIME = 30 * SECOND;

const EXAMPLES = `
Examples:
  Does a client's SYN reach the server, and by which way does the answer come back?
    $ grebe sim explain dsr.yaml --flow 'client->web:443'

  Where does a full-sized packet die that must not be fragmented?
    $ grebe sim explain black-hole.yaml --flow 'client->web' --protocol icmp --size 1500 --df

  After the failure of the timeline:
    $ grebe sim explain failover.yaml --flow 'client->web' --at 90s --json

Hosts are named, or given by an address; a port may stand behind: web:443.
Exit codes: 0 it arrives, 1 it does not, 2 wrong usage or scenario. See docs/sim.md.`;

export function simExplainCommand(): Command {
  return new Command('explain')
    .description("Show one packet's way through a scenario's network, hop by hop, with headers and MTUs.")
    .argument('<file>', 'scenario (YAML)')
    .option(FLOW, 'hosts by name or address, required')
    .addOption(
      new Option('--protocol <name>', 'default: tcp if the destination listens, else icmp').choices(
        EXPLAIN_PROTOCOLS,
      ),
    )
    .option(
      '--size <bytes>',
      'bytes of the IP packet (default: a SYN, or a small packet)',
      integer(20, 65_535),
    )
    .option('--df', "set Don't Fragment")
    .option('--at <time>', 'when it is sent (default: 30s, or the end if that is earlier)', duration)
    .option('--seed <n>', "instead of the scenario's", integer(0, 0xffffffff))
    .option('--json', 'print one JSON object instead of text')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

function run(file: string, options: Options): void {
  const flow = required(options.flow, FLOW);
  const loaded = loadScenario(file);
  const scenario = { ...loaded, seed: options.seed ?? loaded.seed };
  const { at = Math.min(DEFAULT_TIME, scenario.duration), protocol = null, size = null, df, json } = options;
  if (at > scenario.duration)
    throw new UsageError(
      `--at: found ${at / SECOND} s, expected a time of the scenario, which ends at ${scenario.duration / SECOND} s`,
    );
  const explanation = explained(() =>
    explain(scenario, { flow, protocol, size, dontFragment: df === true, at }),
  );
  process.stdout.write(`${json === true ? JSON.stringify(explanation) : explanationText(explanation)}\n`);
  if (!explanation.arrived) throw new ExitError(ExitCode.FAILED);
}

function explained<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FlowError) throw new UsageError(error.message);
    throw error;
  }
}

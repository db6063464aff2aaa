/** `grebe sim`: scenarios of an anycast tunnel network, run in virtual time. */
import { Command } from 'commander';
import { simCheckCommand } from './sim-check.js';
import { simExplainCommand } from './sim-explain.js';
import { simListCommand } from './sim-list.js';
import { simRunCommand } from './sim-run.js';

const EXAMPLES = `
Examples:
  $ grebe sim run scenarios/*.yaml
  $ grebe sim run failover.yaml --report failover.html --pcap r1.isp=isp.pcapng
  $ grebe sim explain failover.yaml --flow 'client->web' --size 1500 --df
  $ grebe sim check failover.yaml
  $ grebe help sim

Exit codes: 0 all expectations hold, 1 one failed (or the work did), 2 wrong usage or scenario.
See docs/sim.md.`;

export function simCommand(): Command {
  return new Command('sim')
    .description('Run scenarios of an anycast tunnel network in virtual time, and check what they expect.')
    .addHelpText('after', EXAMPLES)
    .addCommand(simRunCommand())
    .addCommand(simExplainCommand())
    .addCommand(simCheckCommand())
    .addCommand(simListCommand());
}

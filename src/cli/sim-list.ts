/** `grebe sim list`: what scenarios there are, and what they are about. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { ConfigError } from '../config/problem.js';
import { loadScenario } from '../simulator/scenario/load.js';
import { UsageError } from './errors.js';
import { wrap } from './format.js';

const EXAMPLES = `
Examples:
  $ grebe sim list
  $ grebe sim list scenarios/ mine.yaml

Without paths: of the folder scenarios, or where there is none, those that come with grebe.
Exit codes: 0 fine, 2 a file or folder is not there.`;

const DEFAULT_FOLDER = 'scenarios';
/** Those of the package. */
const LIBRARY = fileURLToPath(new URL('../../../scenarios', import.meta.url));

export function simListCommand(): Command {
  return new Command('list')
    .description('List scenarios with their descriptions.')
    .argument('[paths...]', 'files and folders')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

function run(paths: string[]): void {
  const given = paths.length > 0 ? paths : [existsSync(DEFAULT_FOLDER) ? DEFAULT_FOLDER : LIBRARY];
  const files = given.flatMap(filesOf);
  const blocks = files.map((file) => `${file}\n${wrap(`    ${about(file)}`, 4)}`);
  process.stdout.write(blocks.length === 0 ? 'no scenarios\n' : `${blocks.join('\n')}\n`);
}

function filesOf(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new UsageError(`${path}: there is no such file or folder`);
  if (!found.isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /\.ya?ml$/.test(name));
  return names.sort().map((name) => join(path, name));
}

function about(file: string): string {
  try {
    return loadScenario(file).description;
  } catch (error) {
    if (error instanceof ConfigError) return `not valid: ${error.problems[0]?.message ?? ''}`;
    throw error;
  }
}

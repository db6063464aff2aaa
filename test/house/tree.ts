/** The repository as the house tests see it. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository (this file runs as dist/test/house/tree.js). */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

const notOurs = new Set(['node_modules', 'dist', '.git', '.tap']);

/** Paths below `folder` whose name matches, relative to the repository, in order. */
export function filesBelow(folder: string, name: RegExp): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (notOurs.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(path, name));
    else if (name.test(entry.name)) found.push(relative('.', path));
  }
  return found.sort();
}

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export interface Manifest {
  name: string;
  version: string;
  scripts: Record<string, string>;
}

export const manifest = JSON.parse(read('package.json')) as Manifest;

/** Runs node with these arguments, in the repository or in `cwd`, with these variables beside the test's own. */
export function runNode(
  args: string[],
  { cwd = root, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): { status: number | null; output: string; errors: string } {
  const run = spawnSync(process.execPath, args, {
    ...{ cwd, encoding: 'utf8', maxBuffer: 1 << 26 },
    env: { ...process.env, ...env },
  });
  return { status: run.status, output: run.stdout, errors: run.stderr };
}

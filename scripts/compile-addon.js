// Compiles C sources into a Node-API addon with the machine's own C compiler: no node-gyp, no Python, and no
// headers but those of the `node-api-headers` package. Plain JavaScript, as the install step runs it before
// anything is built.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';

const require = createRequire(import.meta.url);

/** Node-API is found in the process that loads the addon. */
const LATE_BINDING = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];

/**
 * A compiler that answers `--version`: its command and the first line of the answer; null without one.
 *
 * @returns {{ command: string, version: string } | null}
 */
export function findCompiler() {
  for (const command of [process.env['CC'] ?? '', 'cc', 'gcc', 'clang']) {
    if (command === '') continue;
    const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    if (status === 0) return { command, version: stdout.split('\n', 1)[0] ?? '' };
  }
  return null;
}

/**
 * Compiles `sources` to the shared object `target`, which appears whole or not at all.
 *
 * @param {{ command: string }} compiler
 * @param {{ sources: readonly string[], flags: readonly string[], target: string }} options
 * @throws {Error} with the compiler's messages when the sources do not compile
 */
export function compileAddon(compiler, { sources, flags, target }) {
  mkdirSync(dirname(target), { recursive: true });
  const headers = require('node-api-headers').include_dir;
  const unfinished = `${target}.${process.pid}`;
  const { status, stderr } = spawnSync(
    compiler.command,
    [...flags, '-shared', '-fPIC', ...LATE_BINDING, '-I', headers, '-o', unfinished, ...sources],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${compiler.command} cannot compile ${sources.join(', ')}:\n${stderr}`);
  renameSync(unfinished, target);
}

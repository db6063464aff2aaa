// `npm run build`: TypeScript to dist/, incrementally, with nothing left there that has lost its source
// (a test that was removed must not run again). Plain JavaScript, as it makes what all else runs from.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const command = 'dist/src/cli/grebe.js';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

if (existsSync('dist')) {
  for (const entry of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    const [stem, ...extension] = entry.split(/(?=\.(?:js|d\.ts)(?:\.map)?$)/);
    const sources = [`${stem}.ts`, `${stem}.d.ts`];
    if (extension.length > 0 && !sources.some((source) => existsSync(source))) rmSync(join('dist', entry));
  }
}

const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const options = ['-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', 'dist/.tsbuildinfo'];
const run = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
const compiled = run(compiler, ...options);
const validated = run('dist/scripts/write-validator.js');
if (existsSync(command)) chmodSync(command, 0o755);
process.exitCode = compiled || validated;

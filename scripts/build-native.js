// The install step: compiles native/src/*.c to native/build/grebe.node, unless that was made of these very
// sources. Without a C compiler, or on another system than Linux, it says what is missing and succeeds:
// everything but the daemon's kernel devices works without the addon.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { addonFiles, addonSources, nativeFolder, prebuiltPath, WARNINGS } from './addon-sources.js';
import { compileAddon, findCompiler } from './compile-addon.js';

const target = join(nativeFolder, 'build', 'grebe.node');
const stamp = join(nativeFolder, 'build', 'grebe.sha256');
const FLAGS = [...WARNINGS, '-O2'];

function note(text) {
  console.log(`grebe: ${text}`);
}

function build() {
  if (process.platform !== 'linux') {
    note('the native addon is for Linux; captures, traces and synthetic devices work without it');
    return;
  }
  // In a clone (the tests are there) the sources may be newer than what was once prebuilt.
  if (existsSync(prebuiltPath()) && !existsSync(join(nativeFolder, '..', 'test'))) return;
  const compiler = findCompiler();
  if (compiler === null) {
    note(
      'no C compiler (cc, gcc, clang or $CC): the native addon is not built, `grebe run` has no kernel devices',
    );
    return;
  }
  const hash = createHash('sha256').update(compiler.version).update(FLAGS.join(' '));
  for (const path of addonFiles()) hash.update(basename(path)).update(readFileSync(path));
  const digest = hash.digest('hex');
  if (existsSync(target) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  compileAddon(compiler, { sources: addonSources(), flags: FLAGS, target });
  writeFileSync(stamp, digest);
}

try {
  build();
} catch (error) {
  note(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

// The install step: compiles native/src/*.c to native/build/grebe.node, unless that was made of these very
// sources. Without a C compiler, or on another system than Linux, it says what is missing and succeeds:
// everything but the daemon's kernel devices works without the addon.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileAddon, findCompiler } from './compile-addon.js';

const native = fileURLToPath(new URL('../native/', import.meta.url));
const target = join(native, 'build', 'grebe.node');
const stamp = join(native, 'build', 'grebe.sha256');
const FLAGS = ['-std=gnu11', '-O2', '-fvisibility=hidden', '-Wall', '-Wextra', '-Wno-unused-parameter'];

const files = readdirSync(join(native, 'src')).sort();
const sources = files.filter((name) => name.endsWith('.c')).map((name) => join(native, 'src', name));
const prebuilt = join(native, 'prebuilds', `${process.platform}-${process.arch}`, 'grebe.node');

function note(text) {
  console.log(`grebe: ${text}`);
}

function build() {
  if (process.platform !== 'linux') {
    note('the native addon is for Linux; captures, traces and synthetic devices work without it');
    return;
  }
  if (existsSync(prebuilt)) return;
  const compiler = findCompiler();
  if (compiler === null) {
    note(
      'no C compiler (cc, gcc, clang or $CC): the native addon is not built, `grebe run` has no kernel devices',
    );
    return;
  }
  const hash = createHash('sha256').update(compiler.version).update(FLAGS.join(' '));
  for (const name of files) hash.update(name).update(readFileSync(join(native, 'src', name)));
  const digest = hash.digest('hex');
  if (existsSync(target) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  compileAddon(compiler, { sources, flags: FLAGS, target });
  writeFileSync(stamp, digest);
}

try {
  build();
} catch (error) {
  note(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

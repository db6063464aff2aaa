/** How the addon is found and made: in a package as it is installed, with and without a compiler. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCompiler } from '#compile-addon';
import { test, type Test } from 'tap';
import { addonPaths } from '../../src/device/native/addon.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const ADDON_MODULE = 'dist/src/device/native/addon.js';
const PREBUILT = `native/prebuilds/${process.platform}-${process.arch}/grebe.node`;
const BUILT = 'native/build/grebe.node';
/** As a machine without a compiler has it. */
const NO_TOOLS = { PATH: '/nonexistent' };
const noCompiler = findCompiler() === null && 'needs a C compiler';

/** A package as npm unpacks it, but without a binary. */
function installedPackage(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'grebe-package-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, dirname(ADDON_MODULE)), { recursive: true });
  copyFileSync(join(root, ADDON_MODULE), join(folder, ADDON_MODULE));
  cpSync(join(root, 'native', 'src'), join(folder, 'native', 'src'), { recursive: true });
  cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  return folder;
}

function put(folder: string, path: string, from: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  if (typeof from === 'string') copyFileSync(from, join(folder, path));
  else writeFileSync(join(folder, path), from);
}

/** What the package says when the addon is loaded: `loaded`, or the error. */
function load(folder: string, environment: Record<string, string> = {}): string {
  const script = `
    const { loadAddon } = await import(${JSON.stringify(join(folder, ADDON_MODULE))});
    try {
      const addon = loadAddon();
      console.log(addon.poll(new Int32Array(0), 0) === 0 && addon === loadAddon() ? 'loaded' : 'odd');
    } catch (error) {
      console.log(error.name + ': ' + error.message);
    }`;
  const env = { ...process.env, GREBE_ADDON: '', ...environment };
  if (env.GREBE_ADDON === '') delete (env as Partial<typeof env>).GREBE_ADDON;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env,
    encoding: 'utf8',
  });
  return stdout.trim() || stderr;
}

function run(
  folder: string,
  script: string,
  env: NodeJS.ProcessEnv,
): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'scripts', script)], {
    env,
    encoding: 'utf8',
  });
  return { status, text: stdout + stderr };
}

const here = process.env['GREBE_ADDON'] ?? addonPaths()[0]!;

test('without a binary the message says what to do', async (t) => {
  const folder = installedPackage(t);
  t.match(load(folder), /^AddonMissing: the native addon is not built: install a C compiler and run/);
});

test('a prebuilt binary is enough, one that was built here comes first', async (t) => {
  const folder = installedPackage(t);
  put(folder, PREBUILT, here);
  t.equal(load(folder), 'loaded');
  put(folder, BUILT, new TextEncoder().encode('no shared object'));
  t.match(load(folder), /^AddonMissing: the native addon .*native\/build\/grebe\.node cannot be loaded: /);
  put(folder, PREBUILT, new TextEncoder().encode('no shared object'));
  put(folder, BUILT, here);
  t.equal(load(folder), 'loaded');
});

test('GREBE_ADDON names another one', async (t) => {
  const folder = installedPackage(t);
  t.equal(load(folder, { GREBE_ADDON: here }), 'loaded');
  t.match(
    load(folder, { GREBE_ADDON: '/no/such.node' }),
    /^AddonMissing: the native addon \/no\/such\.node cannot be loaded/,
  );
});

test('the install step never fails for want of a compiler', async (t) => {
  const folder = installedPackage(t);
  const without = run(folder, 'build-native.js', NO_TOOLS);
  t.equal(without.status, 0);
  t.match(
    without.text,
    /^grebe: no C compiler .*: the native addon is not built, `grebe run` has no kernel devices/,
  );
  put(folder, PREBUILT, here);
  t.strictSame(run(folder, 'build-native.js', NO_TOOLS), { status: 0, text: '' });
});

test('the install step compiles, once', { skip: noCompiler }, async (t) => {
  const folder = installedPackage(t);
  t.strictSame(run(folder, 'build-native.js', process.env), { status: 0, text: '' });
  t.equal(load(folder), 'loaded');
  const made = statSync(join(folder, BUILT)).mtimeMs;
  t.strictSame(run(folder, 'build-native.js', process.env), { status: 0, text: '' });
  t.equal(statSync(join(folder, BUILT)).mtimeMs, made);
  put(folder, 'native/src/broken.c', new TextEncoder().encode('int x = ;'));
  const broken = run(folder, 'build-native.js', process.env);
  t.equal(broken.status, 1);
  t.match(broken.text, /cannot compile .*broken\.c/s);
  t.equal(load(folder), 'loaded', 'what was there stays');
});

test('what is prebuilt can be installed without a compiler', { skip: noCompiler }, async (t) => {
  const folder = installedPackage(t);
  const { status, text } = run(folder, 'prebuild.js', process.env);
  t.equal(status, 0);
  t.match(text, /grebe\.node: \d+ bytes, /);
  t.ok(statSync(join(folder, PREBUILT)).size < 200_000);
  t.equal(load(folder), 'loaded');
});

// `npm run test:native`: builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer, and runs the
// tests that use it, with arguments those only. Plain JavaScript beside the other scripts of the addon.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileAddon, findCompiler } from './compile-addon.js';
import { addonSources, WARNINGS } from './addon-sources.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'native', 'build', 'sanitized', 'grebe.node');
const SANITIZERS = [
  '-O1',
  '-g',
  '-fno-omit-frame-pointer',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
];

/** Tests of rooms that work with the addon and the kernel. */
const DEVICES =
  /^(af-xdp|af-packet|raw|fallback|ring|tun|netlink|batch-sender|ingress-drop|live-capture-ring|neighbours|path-mtu|system-calls|underlay)[^/]*\.test\.js$/;

function tests() {
  const folder = (name) => join(root, 'dist', 'test', name);
  const native = readdirSync(folder('native')).filter((name) => name.endsWith('.test.js'));
  const device = readdirSync(folder('device')).filter((name) => DEVICES.test(name));
  return [
    ...native.map((name) => join(folder('native'), name)),
    ...device.map((name) => join(folder('device'), name)),
  ];
}

/** The sanitizer's library must be the first that a process loads. */
function runtime(compiler) {
  const { stdout } = spawnSync(compiler.command, ['-print-file-name=libasan.so'], { encoding: 'utf8' });
  const path = stdout.trim();
  if (!path.includes('/') || !existsSync(path))
    throw new Error(`${compiler.command} has no libasan (gcc with its sanitizers)`);
  return path;
}

process.chdir(root);
const compiler = findCompiler();
if (compiler === null) throw new Error('no C compiler (cc, gcc, clang or $CC)');
compileAddon(compiler, { sources: addonSources(), flags: [...WARNINGS, ...SANITIZERS], target });
const env = {
  ...process.env,
  GREBE_ADDON: target,
  GREBE_FUZZ_CALLS: process.env['GREBE_FUZZ_CALLS'] ?? '1500',
  TAP_TIMEOUT: '300',
  LD_PRELOAD: runtime(compiler),
  // Node frees little when it ends, and V8 handles faults of WebAssembly by itself.
  ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1:allow_user_segv_handler=1:handle_segv=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:abort_on_error=1',
};
const chosen = process.argv.slice(2);
for (const test of chosen.length > 0 ? chosen : tests()) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [test], {
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const passed = status === 0;
  console.log(`${passed ? 'ok' : 'not ok'} - ${relative(root, test)}`);
  if (passed) continue;
  console.log(`${stdout}${stderr}${signal ?? ''}`);
  process.exitCode = 1;
}

/**
 * The addon must answer whatever it is called with by a result, a TypeError, a RangeError or a SystemError, and
 * never touch memory beside what it was given. `npm run test:native` runs this with sanitizers.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { loadAddon } from '../../src/device/native/addon.js';
import { requireRoot } from '../support/netns.js';
import { SIGNATURES } from './signatures.js';

const child = fileURLToPath(new URL('fuzz-child.js', import.meta.url));
const CALLS = process.env['GREBE_FUZZ_CALLS'] ?? '300';
const seed = process.env['GREBE_FUZZ_SEED'] ?? String(Date.now() % 1_000_000_000);

test('every function of the addon is known to the fuzzer', async (t) => {
  t.strictSame(Object.keys(loadAddon()).sort(), Object.keys(SIGNATURES).sort());
});

test('no argument makes it crash or write where it must not', async (t) => {
  // With privileges in a namespace of its own, so that nothing that a call brings about is this machine's.
  const isolated = requireRoot() === false ? ['unshare', '--net', '--mount'] : [];
  const [command, ...args] = [...isolated, process.execPath, child, seed, CALLS];
  const { status, signal, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 120_000,
  });
  t.equal(stdout, '', 'all calls end as they should');
  t.strictSame({ status, signal }, { status: 0, signal: null }, stderr.split('\n').slice(-60).join('\n'));
});

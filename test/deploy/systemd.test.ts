import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { read } from '../house/tree.js';
import { missing } from '../support/program.js';

const unit = read('deploy/systemd/grebe.service');

/** Values of a setting, in order. */
function values(text: string, key: string): string[] {
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1]!);
}

t.test('the unit gives two capabilities and one device, and nothing to write but its folder', async (t) => {
  for (const key of ['CapabilityBoundingSet', 'AmbientCapabilities']) {
    t.same(values(unit, key), ['CAP_NET_ADMIN CAP_NET_RAW'], key);
  }
  t.same(values(unit, 'DeviceAllow'), ['/dev/net/tun rw']);
  t.same(values(unit, 'DevicePolicy'), ['closed']);
  t.same(values(unit, 'ProtectSystem'), ['strict']);
  t.same(values(unit, 'RuntimeDirectory'), ['grebe']);
  t.same(values(unit, 'User'), ['grebe']);
  t.same(values(unit, 'RestrictAddressFamilies'), ['AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET']);
  t.same(values(unit, 'MemoryDenyWriteExecute'), [], 'with which no JavaScript engine runs');
  t.match(read('deploy/systemd/grebe.sysusers'), /^u grebe /m);
});

t.test('the daemon and its clients use the same socket', async (t) => {
  t.ok(values(unit, 'Environment').includes('GREBE_SOCKET=/run/grebe/grebe.sock'));
});

const skip = missing('systemd-analyze');
t.test('systemd-analyze verify finds nothing, with and without AF_XDP', { skip }, async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'grebe.service');
  // grebe is not installed here: Node.js stands in.
  writeFileSync(path, unit.replace(/^(Exec\w+=)grebe /gm, `$1${process.execPath} `));
  const analyze = (...args: string[]): { status: number | null; text: string } => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    return { status, text: stdout + stderr };
  };
  t.same(analyze('verify', '--man=no', path), { status: 0, text: '' });
  const exposure = analyze('security', '--offline=true', '--threshold=25', path);
  t.equal(exposure.status, 0, `at most 2.5 of 10: ${exposure.text}`);
  mkdirSync(`${path}.d`);
  writeFileSync(join(`${path}.d`, 'af-xdp.conf'), read('deploy/systemd/af-xdp.conf'));
  t.same(analyze('verify', '--man=no', path), { status: 0, text: '' });
});

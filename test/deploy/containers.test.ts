import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { read, root } from '../house/tree.js';
import { missing } from '../support/program.js';
import { daemonSet } from './kubernetes.js';

const TWO = ['NET_ADMIN', 'NET_RAW'];

t.test('Kubernetes: two capabilities, not root, a file system that is read only', async (t) => {
  const { spec, metadata } = daemonSet().spec.template;
  t.same(daemonSet().spec.selector.matchLabels, metadata.labels);
  t.equal(spec.hostNetwork, true);
  t.match(spec.securityContext, { runAsNonRoot: true, runAsUser: 1000 });
  const [grebe] = spec.containers;
  t.same(grebe!.securityContext.capabilities, { drop: ['ALL'], add: TWO });
  t.same(spec.initContainers[0]!.securityContext.capabilities, { drop: ['ALL'] });
  for (const { name, securityContext, volumeMounts } of [...spec.containers, ...spec.initContainers]) {
    t.equal(securityContext.privileged, undefined, name);
    t.equal(securityContext.readOnlyRootFilesystem, true, name);
    const known = spec.volumes.map((volume) => volume.name);
    t.same(
      volumeMounts.filter((mount) => !known.includes(mount.name)),
      [],
      name,
    );
  }
  t.same(spec.volumes.find(({ name }) => name === 'tun')?.hostPath, {
    path: '/dev/net/tun',
    type: 'CharDevice',
  });
});

t.test('Kubernetes: probes ask what grebe answers', async (t) => {
  const [grebe] = daemonSet().spec.template.spec.containers;
  t.same(grebe!.readinessProbe?.httpGet, { path: '/readyz', port: 'metrics' });
  t.same(grebe!.startupProbe?.httpGet, { path: '/healthz', port: 'metrics' });
  t.same(grebe!.livenessProbe?.httpGet, { path: '/healthz', port: 'metrics' });
  t.match(grebe!.ports, [{ name: 'metrics', containerPort: 9786 }]);
});

t.test('compose: two capabilities, host network, a file system that is read only', async (t) => {
  const { services } = parse(read('deploy/docker/compose.yaml')) as {
    services: Record<string, Record<string, unknown>>;
  };
  t.match(services['grebe'], {
    network_mode: 'host',
    cap_drop: ['ALL'],
    cap_add: TWO,
    devices: ['/dev/net/tun'],
    read_only: true,
  });
});

t.test('Dockerfile: two stages, not root, and the files that it copies are there', async (t) => {
  const text = read('Dockerfile');
  t.equal(text.match(/^FROM node:\d+-bookworm-slim/gm)?.length, 2);
  t.match(text, /^USER node$/m);
  t.match(text, /setcap cap_net_admin,cap_net_raw\+ep /);
  const built = /^(node_modules|dist|native\/build)/;
  for (const [, from = '', paths = ''] of text.matchAll(/^COPY (--from=build|--chmod=\S+) (.*) \S+$/gm)) {
    for (const path of paths.split(' ').map((each) => each.replace('/grebe/', ''))) {
      t.ok(built.test(path) || existsSync(join(root, path)), `${from} ${path}`);
    }
  }
});

/** A folder with what the image's entrypoint finds, and a node that tells how it was called. */
function image(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'grebe-image-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(
    join(folder, 'bin/node'),
    '#!/bin/sh\ngrep -E "^(Uid|CapEff)" /proc/self/status\necho "$@"\n',
  );
  chmodSync(join(folder, 'bin/node'), 0o755);
  const setpriv = (process.env.PATH ?? '').split(':').map((each) => join(each, 'setpriv'));
  copyFileSync(
    setpriv.find((path) => existsSync(path))!,
    join(folder, 'setpriv'),
  );
  copyFileSync(join(root, 'deploy/docker/entrypoint.sh'), join(folder, 'bin/grebe'));
  chmodSync(join(folder, 'bin/grebe'), 0o755);
  const { status, stderr } = spawnSync('setcap', ['cap_net_admin,cap_net_raw+ep', join(folder, 'setpriv')]);
  t.equal(status, 0, stderr.toString());
  return folder;
}

const skip = process.getuid?.() === 0 ? missing('setpriv') || missing('setcap') : 'needs root';
t.test(
  'the entrypoint gives `run` the two capabilities where the container may have them',
  { skip },
  async (t) => {
    const folder = image(t);
    const call = (bounding: string, ...args: readonly string[]): string => {
      // As a container runtime starts an ordinary user: what may be had is bounded, and nothing is held.
      const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps', '-all'];
      const env = [`PATH=${join(folder, 'bin')}:${process.env.PATH ?? ''}`, `GREBE_HOME=${folder}`];
      const run = spawnSync(
        'setpriv',
        [...user, '--bounding-set', bounding, 'env', ...env, join(folder, 'bin/grebe'), ...args],
        { encoding: 'utf8', cwd: '/' },
      );
      t.equal(run.status, 0, run.stderr);
      return run.stdout;
    };
    const both = '-all,+net_admin,+net_raw';
    const program = `${folder}/dist/src/cli/grebe.js`;
    t.match(call(both, 'run', '--config', 'a b'), /^Uid:\t65534\t.*\nCapEff:\t0{12}3000\n/);
    t.match(call(both, 'run', '--config', 'a b'), `${program} run --config a b\n`);
    t.match(call(both, 'replay'), /CapEff:\t0{16}\n/, 'other commands need none');
    t.match(call('-all,+net_raw', 'run'), /CapEff:\t0{16}\n/, 'without --cap-add it starts, too');
  },
);

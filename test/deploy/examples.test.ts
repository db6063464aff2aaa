import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../../src/config/load.js';
import { checkConfig } from '../../src/network/check.js';
import { filesBelow, root, runNode } from '../house/tree.js';
import { daemonSet, nodeConfig } from './kubernetes.js';

const examples = filesBelow('deploy/examples', /\.yaml$/);

t.test('every example passes grebe check, without a warning', async (t) => {
  t.equal(examples.length, 3);
  for (const path of examples) {
    const { counts, findings } = checkConfig(loadConfig(join(root, path)));
    t.same({ error: counts.error, warning: counts.warning }, { error: 0, warning: 0 }, path);
    t.comment(findings.map(({ message }) => message).join('\n'));
    const run = runNode(['dist/src/cli/grebe.js', 'run', '--check', '--config', path]);
    t.equal(run.status, 0, `${path}: ${run.errors}`);
  }
});

t.test('the two boxes are each other’s other end', async (t) => {
  const [left, right] = ['left', 'right'].map((name) =>
    loadConfig(join(root, `deploy/examples/two-boxes/${name}.yaml`)),
  );
  const [a, b] = [left!.tunnels[0]!, right!.tunnels[0]!];
  t.same(
    [a.cloudflare_gre_endpoint, a.customer_gre_endpoint, a.key, a.mtu],
    [b.customer_gre_endpoint, b.cloudflare_gre_endpoint, b.key, b.mtu],
  );
  for (const { tunnels, routes, daemon } of [left!, right!]) {
    const [tunnel] = tunnels;
    const routed = routes.map(({ prefix }) => prefix);
    t.same(daemon.overlay.routes, routed, 'what the kernel hands to grebe has a route there');
    for (const prefix of routed) {
      t.ok(tunnel!.allowed_sources?.includes(prefix), `${prefix} may answer`);
    }
  }
});

t.test('the configuration in the ConfigMap, filled in for a node', async (t) => {
  const file = join(t.testdir(), 'grebe.yaml');
  writeFileSync(file, nodeConfig('ip-10-0-0-7.eu-central-1.compute.internal', '10.0.0.7'));
  const config = loadConfig(file);
  t.equal(config.node.name, 'ip-10-0-0-7.eu-central-1.compute.internal');
  t.same(config.daemon.metrics.listen, { address: '10.0.0.7', port: 9786 });
  const { counts } = checkConfig(config);
  t.same({ error: counts.error, warning: counts.warning }, { error: 0, warning: 0 });
  const { annotations } = daemonSet().spec.template.metadata;
  t.equal(annotations['prometheus.io/port'], '9786', 'which Prometheus is told');
});

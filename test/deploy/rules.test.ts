import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { read, root } from '../house/tree.js';
import { missing } from '../support/program.js';

const folder = join(root, 'deploy/prometheus');
const skip = missing('promtool');

function promtool(args: readonly string[], cwd = folder): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd, encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

t.test('promtool takes configuration and rules', { skip }, async (t) => {
  for (const args of [
    ['check', 'config', 'prometheus.yml'],
    ['check', 'rules', 'grebe-rules.yml'],
  ]) {
    const { status, text } = promtool(args);
    t.equal(status, 0, text);
  }
});

t.test('the configuration for Kubernetes, but for finding the pods', { skip }, async (t) => {
  // Debian's Prometheus is built without service discovery for Kubernetes and does not know its key.
  const config = parse(read('deploy/prometheus/prometheus-kubernetes.yml')) as {
    scrape_configs: Record<string, unknown>[];
  };
  const [job] = config.scrape_configs;
  t.ok(Array.isArray(job!['kubernetes_sd_configs']));
  delete job!['kubernetes_sd_configs'];
  const directory = t.testdir();
  writeFileSync(join(directory, 'prometheus.yml'), stringify(config));
  copyFileSync(join(folder, 'grebe-rules.yml'), join(directory, 'grebe-rules.yml'));
  const { status, text } = promtool(['check', 'config', 'prometheus.yml'], directory);
  t.equal(status, 0, text);
});

t.test('each alert fires when it is to, and is silent otherwise', { skip }, async (t) => {
  const { status, text } = promtool(['test', 'rules', 'grebe-rules.test.yml']);
  t.equal(status, 0, text);
});

t.test('each alert has a test for both', async (t) => {
  interface Rules {
    groups: {
      rules: { alert: string; labels: { severity: string }; annotations: Record<string, string> }[];
    }[];
  }
  interface Tests {
    tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[];
  }
  const { groups } = parse(read('deploy/prometheus/grebe-rules.yml')) as Rules;
  const { tests } = parse(read('deploy/prometheus/grebe-rules.test.yml')) as Tests;
  const cases = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  for (const { alert, labels, annotations } of groups.flatMap(({ rules }) => rules)) {
    const own = cases.filter(({ alertname }) => alertname === alert);
    t.ok(
      own.some(({ exp_alerts = [] }) => exp_alerts.length > 0),
      `${alert} is seen to fire`,
    );
    t.ok(
      own.some(({ exp_alerts = [] }) => exp_alerts.length === 0),
      `${alert} is seen to be silent`,
    );
    t.ok(['critical', 'warning', 'info'].includes(labels.severity), alert);
    t.same(Object.keys(annotations), ['summary', 'description'], alert);
  }
});

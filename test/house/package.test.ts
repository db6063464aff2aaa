import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { filesBelow, manifest, read, root, runNode } from './tree.js';

interface Packed {
  files: { path: string }[];
}

t.test('the package is the dataplane, by its name', async (t) => {
  const script = `
    import * as grebe from 'grebe';
    import configuration from 'grebe/grebe.schema.json' with { type: 'json' };
    import scenario from 'grebe/scenario.schema.json' with { type: 'json' };
    console.log(JSON.stringify({ names: Object.keys(grebe), titles: [configuration.title, scenario.title] }));`;
  const run = runNode(['--no-warnings', '--input-type=module', '--eval', script]);
  t.equal(run.status, 0, run.errors);
  const { names, titles } = JSON.parse(run.output) as { names: string[]; titles: string[] };
  t.same(titles, ['grebe configuration', 'grebe scenario'], 'and the schemas for editors');
  for (const name of [
    'PacketPool',
    'PacketVector',
    'Tables',
    'Pipeline',
    'Verdict',
    'VERDICTS',
    'createCounters',
  ]) {
    t.ok(names.includes(name), `exports ${name}`);
  }
  t.ok(existsSync(join(root, 'dist/src/index.d.ts')), 'with types');
});

t.test('npm pack takes the program and leaves the tests', async (t) => {
  const npm = process.env.npm_execpath;
  const [command, first] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  const args = [...first, 'pack', '--dry-run', '--json', '--ignore-scripts', '--offline'];
  const run = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  t.equal(run.status, 0, run.stderr);
  const packed = JSON.parse(run.stdout) as Packed[] | Record<string, Packed>;
  const files = Object.values(packed).flatMap((each) => each.files.map((file) => file.path));
  for (const path of [
    'dist/src/index.js',
    'dist/src/index.d.ts',
    'dist/src/cli/grebe.js',
    'grebe.schema.json',
    'scenario.schema.json',
    'dist/src/config/schema-validator.js',
    'dist/src/simulator/scenario/schema-validator.js',
    'scenarios/isp-failure.yaml',
    'docs/scenarios/isp-failure.md',
  ]) {
    t.ok(files.includes(path), path);
  }
  for (const path of ['LICENSE', 'README.md', 'CHANGELOG.md', 'docs/verdicts.md', 'fixtures/demo.yaml']) {
    t.ok(files.includes(path), path);
  }
  // The install step compiles the addon where no prebuilt one is in the package.
  const install = ['scripts/addon-sources.js', 'scripts/build-native.js', 'scripts/compile-addon.js'];
  t.same(files.filter((path) => /^(test|bench|scripts|dist\/(?!src\/))/.test(path)).sort(), install);
});

t.test('dist holds nothing whose source is gone', async (t) => {
  const compiled = filesBelow('dist/test', /\.test\.js$/);
  t.ok(compiled.length > 0);
  for (const path of compiled) {
    t.ok(existsSync(join(root, path.replace(/^dist\//, '').replace(/\.js$/, '.ts'))), path);
  }
});

t.test('the changelog has a section for what is being worked on', async (t) => {
  const sections = [...read('CHANGELOG.md').matchAll(/^## \[(.*?)\]/gm)].map((m) => m[1]);
  t.ok(sections[0] === 'Unreleased' || sections[0] === manifest.version, `it starts with ${sections[0]}`);
  t.ok(sections.includes(manifest.version), `it has ${manifest.version}`);
});

t.test('the licence is the one that package.json names', async (t) => {
  t.match(read('LICENSE'), /Apache License\s+Version 2\.0, January 2004/);
});

import { createRequire } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import t from 'tap';
import { read, root, runNode } from './tree.js';

const depcruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const config = join(root, '.dependency-cruiser.cjs');

interface Report {
  summary: { totalCruised: number; violations: { from: string; to: string; rule: { name: string } }[] };
}

interface Rules {
  forbidden: { name: string }[];
}

function cruise(cwd: string): Report['summary'] {
  const run = runNode([depcruise, '--config', config, '--output-type', 'json', 'src'], { cwd });
  return (JSON.parse(run.output) as Report).summary;
}

function violations(summary: Report['summary']): string[] {
  return summary.violations.map(({ from, to, rule }) => `${from} → ${to} (${rule.name})`).sort();
}

t.test('no file imports a room above its own', async (t) => {
  const summary = cruise(root);
  t.same(violations(summary), []);
  t.ok(summary.totalCruised > 20, 'and the files were seen');
});

t.test('the check catches what it is there for', async (t) => {
  const dir = t.testdir({
    'tsconfig.json': '{ "compilerOptions": { "module": "NodeNext", "moduleResolution": "NodeNext" } }',
    src: {
      wire: { 'up.ts': `import '../dataplane/pipeline.js';`, 'plain.ts': 'export const plain = 1;' },
      dataplane: {
        'pipeline.ts': `import { plain } from '../wire/plain.js'; export const pipeline = plain;`,
        'clock.ts': `import { hrtime } from 'node:process'; export const now = hrtime;`,
        'packet-pool.ts': `import type { Stats } from 'node:fs'; export type Pool = Stats;`,
      },
      device: { 'nosy.ts': `import '../dataplane/pipeline.js'; import '../dataplane/packet-pool.js';` },
      config: { 'up.ts': `import '../wire/plain.js';` },
      replay: {
        'one.ts': `import './two.js';`,
        'two.ts': `import './one.js';`,
        'cli.ts': `import '../cli/main.js';`,
      },
      cli: { 'main.ts': `import '../replay/one.js';` },
    },
  });
  t.same(violations(cruise(dir)), [
    'src/config/up.ts → src/wire/plain.ts (config-imports-only-below)',
    'src/dataplane/clock.ts → process (pure-dataplane)',
    'src/dataplane/packet-pool.ts → fs (pure-dataplane)',
    'src/device/nosy.ts → src/dataplane/pipeline.ts (device-sees-pool-and-vector-only)',
    'src/replay/cli.ts → src/cli/main.ts (replay-imports-only-below)',
    'src/replay/one.ts → src/replay/two.ts (no-circular)',
    'src/wire/up.ts → src/dataplane/pipeline.ts (wire-imports-only-below)',
  ]);
});

t.test('the map in docs/architecture.md is the one that is checked', async (t) => {
  const { forbidden } = createRequire(import.meta.url)(config) as Rules;
  const rooms = forbidden.flatMap((rule) => /^(.*)-imports-only-below$/.exec(rule.name)?.[1] ?? []);
  const map = read('docs/architecture.md');
  for (const room of rooms) t.ok(map.includes(`\`src/${room}/\``), `${room} is on the map`);
  for (const entry of readdirSync(join(root, 'src'), { withFileTypes: true })) {
    if (entry.isDirectory())
      t.ok(rooms.includes(entry.name), `src/${entry.name} is a room that the map knows`);
  }
});

/** Compiled modules that are loaded with one, relative to dist/src; without those that it loads when it needs them. */
function loadedWith(module: string): string[] {
  const compiled = join(root, 'dist/src');
  const found = new Set([join(compiled, module)]);
  for (const path of found) {
    const text = readFileSync(path, 'utf8');
    for (const [, target] of text.matchAll(/^(?:import|export)\b[^'"]*['"](\.[^'"]+)['"]/gm)) {
      found.add(join(dirname(path), target!));
    }
  }
  return [...found].map((path) => relative(compiled, path));
}

t.test('the daemon keeps nothing in memory that other commands need', async (t) => {
  const others = /^(simulator|replay)\//;
  t.notOk(loadedWith('cli/program.js').some((path) => /^(daemon|simulator|replay)\//.test(path)));
  const loaded = loadedWith('cli/run.js');
  t.ok(loaded.includes('daemon/supervisor.js'));
  t.strictSame(
    loaded.filter((path) => others.test(path)),
    [],
  );
  t.ok(
    loadedWith('cli/sim.js').some((path) => others.test(path)),
    'and it would be seen',
  );
});

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { linkNames } from '../../src/simulator/scenario/links.js';
import { loadScenario, warningsOf } from '../../src/simulator/scenario/load.js';
import type { Scenario } from '../../src/simulator/scenario/scenario.js';
import { runScenario } from '../../src/simulator/run/run.js';
import { root } from '../house/tree.js';

const files = readdirSync(join(root, 'scenarios'))
  .filter((file) => file.endsWith('.yaml'))
  .sort();
const index = readFileSync(join(root, 'docs/scenarios/README.md'), 'utf8');

t.test('a library of scenarios, each with its page', async (t) => {
  t.ok(files.length >= 27, `${files.length} scenarios`);
  const pages = readdirSync(join(root, 'docs/scenarios')).filter((file) => file !== 'README.md');
  t.same(pages.sort(), files.map((file) => file.replace('.yaml', '.md')).sort(), 'each with its page');
});

function placesOf(scenario: Scenario): Set<string> {
  const { edge, sites, hosts } = scenario;
  const things = [
    ...edge.pops,
    ...sites,
    ...sites.flatMap((site) => [...site.routers, ...site.hosts]),
    ...hosts,
  ];
  return new Set([...things.map(({ name }) => name), ...linkNames(scenario), 'internet', 'backbone']);
}

for (const file of files) {
  t.test(file, async (t) => {
    const name = basename(file, '.yaml');
    const scenario = loadScenario(join(root, 'scenarios', file));
    t.equal(scenario.name, name, 'its name is that of its file');
    t.match(scenario.description, /\.$/, 'it says what it shows');
    t.same(warningsOf(scenario), [], 'nothing in it is doubtful');
    t.ok(index.includes(`](${name}.md)`), 'the list of pages has it');
    const page = readFileSync(join(root, `docs/scenarios/${name}.md`), 'utf8');
    for (const part of [
      `grebe sim run scenarios/${name}.yaml`,
      '```text',
      '## The other outcome',
      '## Why',
    ]) {
      t.ok(page.includes(part), `its page has "${part}"`);
    }
    t.ok(scenario.expect.length >= 3, 'it expects something');
    const { expectations, drops } = await runScenario(scenario, { file });
    for (const { name: wanted, passed, expected, found } of expectations) {
      t.ok(passed, wanted, { diagnostic: !passed, expected, found });
    }
    const places = placesOf(scenario);
    const unknown = drops.filter(({ node }) => !places.has(node));
    t.same(unknown, [], 'every place of a drop can be named by `drops: … node:`');
  });
}

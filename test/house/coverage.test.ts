/** docs/coverage.md names tests and scenarios: all of them exist, under those names. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { filesBelow, read, root } from './tree.js';

/** A test file, and parts of the titles of its tests that stand in parentheses behind it, split by semicolons. */
const TEST = /`([\w/-]+\.test\.ts)`(?: \(([^)]+)\))?/g;
const SCENARIO = /`([\w-]+)`/g;

interface Row {
  readonly rule: string;
  readonly cover: string;
}

const rows: Row[] = read('docs/coverage.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('| rule'))
  .map((line) => {
    const [rule = '', cover = ''] = line.slice(2, -2).split(' | ');
    return { rule, cover };
  });

/** Text in which a title may stand: that of the file, and of a folder of cases with its name. */
function sourcesOf(test: string): string {
  const path = join('test', test);
  const folder = path.replace(/\.test\.ts$/, '');
  const cases = existsSync(join(root, folder)) ? filesBelow(folder, /\.ts$/) : [];
  return [path, ...cases].map((file) => read(file)).join('\n');
}

t.test('every test exists, with a title that says so', async (t) => {
  let count = 0;
  for (const { rule, cover } of rows) {
    for (const [, test = '', titles = ''] of cover.matchAll(TEST)) {
      count++;
      if (!existsSync(join(root, 'test', test))) {
        t.fail(`${rule}: there is no test/${test}`);
        continue;
      }
      // As a title is written in the source, whatever the quotes around it.
      const text = sourcesOf(test).replaceAll("\\'", "'");
      for (const title of titles.split('; ')) t.ok(text.includes(title), `${rule}: ${test} (${title})`);
    }
  }
  t.ok(count > 100);
});

t.test('every scenario exists, with its page', async (t) => {
  for (const { rule, cover } of rows) {
    for (const [, name = ''] of cover.replaceAll(TEST, '').matchAll(SCENARIO)) {
      t.ok(existsSync(join(root, 'scenarios', `${name}.yaml`)), `${rule}: scenarios/${name}.yaml`);
      t.ok(existsSync(join(root, 'docs/scenarios', `${name}.md`)), `${rule}: docs/scenarios/${name}.md`);
    }
  }
});

t.test('every rule is covered, or it is said why not', async (t) => {
  for (const { rule, cover } of rows) {
    t.ok(/`/.test(cover) || /^(not modelled|later): /.test(cover), rule);
  }
});

t.test('every scenario of the library covers something', async (t) => {
  const named = rows.map(({ cover }) => cover).join();
  for (const path of filesBelow('scenarios', /\.yaml$/)) {
    const name = path.replace(/^.*\/|\.yaml$/g, '');
    t.ok(named.includes(`\`${name}\``), name);
  }
});

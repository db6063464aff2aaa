/** What the documents show of `grebe sim` is what it prints. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../house/tree.js';
import { grebe } from './run.js';

const FIRST = 'first.yaml';

/** Fenced blocks of a language in a document. */
function blocks(document: string, language: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)].flatMap(([, name, block]) =>
    name === language ? [block ?? ''] : [],
  );
}

/** How much work a run took is no promise. */
function withoutWork(text: string): string {
  return text.replace(/, [\d,]+ packet-hops$/m, '');
}

/** Words of a command line, without quotes around one of them. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

t.test('samples in the documents are what the program prints', async (t) => {
  const folder = t.testdir({ scenarios: t.fixture('symlink', join(root, 'scenarios')) });
  const first = blocks('docs/sim.md', 'yaml').find((text) => text.startsWith('name: first\n'));
  writeFileSync(join(folder, FIRST), first ?? '');
  const samples = ['README.md', 'docs/sim.md'].flatMap((document) => blocks(document, 'text'));
  let seen = 0;
  for (const sample of samples) {
    const [, command, shown] = /^\$ (?:npx )?grebe (sim .*)\n([^]*)$/.exec(sample) ?? [];
    if (command === undefined || shown === undefined) continue;
    seen++;
    const { stdout, stderr } = await grebe(words(command), { cwd: folder });
    t.equal(stderr, '', command);
    const printed = withoutWork(stdout);
    // Lines that are left out stand as an ellipsis.
    let from = 0;
    for (const part of withoutWork(shown).split('…\n')) {
      const at = printed.indexOf(part, from);
      t.ok(at >= 0, command, at >= 0 ? {} : { found: printed, wanted: part });
      from = Math.max(from, at) + part.length;
    }
  }
  t.ok(seen >= 5, `${seen} samples`);
});

t.test('what the first scenario leads to is true', async (t) => {
  const [, clamped, broken] = blocks('docs/sim.md', 'yaml');
  const [first = ''] = blocks('docs/sim.md', 'yaml');
  const clamp = first.replace(/^( *)(uplinks: .*)$/m, '$1$2\n$1mss_clamp: { uplink: 1436 }');
  const more = (clamped ?? '').replace('expect:\n', '');
  const folder = t.testdir({ 'clamped.yaml': clamp + more, 'broken.yaml': clamp + more + (broken ?? '') });
  const good = await grebe(['sim', 'run', 'clamped.yaml'], { cwd: folder });
  t.equal(good.code, 0, good.stdout);
  const bad = await grebe(['sim', 'run', 'broken.yaml'], { cwd: folder });
  t.equal(bad.code, 1);
  t.match(bad.stdout, '500 of 600 questions were answered');
});

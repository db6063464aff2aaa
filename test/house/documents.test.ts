import { existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import t from 'tap';
import { shortDirectory } from '../daemon/support.js';
import { filesBelow, manifest, read, root, runNode } from './tree.js';

const documents = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...['deploy', 'docs', 'src', 'native', 'bench', 'test', 'fixtures']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => filesBelow(folder, /\.md$/)),
];
const grebe = join(root, 'dist/src/cli/grebe.js');

/** Fenced blocks of a language in a document. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)].filter((m) => m[1] === language).map((m) => m[2]!);
}

/** The document's text without its fenced blocks and inline code, in which nothing is a link. */
function prose(text: string): string {
  return text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, 'code');
}

/** Heading anchors as GitHub makes them. */
function anchors(text: string): Set<string> {
  const headings = [...text.replace(/^```.*?^```/gms, '').matchAll(/^#+ (.*)$/gm)].map((m) => m[1]!);
  return new Set(
    headings.map((h) =>
      h
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Commands in the shell blocks of a document: continued lines joined, comments and output left out. */
function commands(text: string): string[] {
  return blocks(text, 'sh')
    .flatMap((block) => block.replace(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

t.test('every link in the documents leads somewhere', async (t) => {
  for (const path of documents) {
    for (const link of prose(read(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
      const target = link[1]!;
      if (/^(https?|mailto):/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const there = file === '' ? path : normalize(join(dirname(path), file));
      t.ok(existsSync(join(root, there)), `${path}: ${target}`);
      if (anchor !== undefined && statSync(join(root, there)).isFile()) {
        t.ok(anchors(read(there)).has(anchor), `${path}: heading #${anchor} in ${there}`);
      }
    }
  }
});

t.test('every npm command in the documents exists', async (t) => {
  let seen = 0;
  for (const path of documents) {
    for (const command of commands(read(path))) {
      for (const [, script] of command.matchAll(
        /\bnpm (?:run (?:--silent )?)?(start|test|(?<=run |--silent )[\w:]+)/g,
      )) {
        seen++;
        t.ok(script! in manifest.scripts, `${path}: npm run ${script}`);
      }
    }
  }
  t.ok(seen >= 5, 'and they were seen');
});

t.test('every grebe command in the documents exists, with its options', async (t) => {
  const help = new Map<string, string>();
  let seen = 0;
  for (const path of documents) {
    for (const command of commands(read(path))) {
      for (const [, verb, rest] of command.matchAll(/(?:^|\| )(?:npx )?grebe (\w+)([^|]*)/g)) {
        seen++;
        if (!help.has(verb!)) {
          const run = runNode([grebe, verb!, '--help']);
          t.equal(run.status, 0, `grebe ${verb} --help`);
          help.set(verb!, run.output);
        }
        for (const [option] of rest!.matchAll(/(?<=\s)--[\w-]+/g)) {
          t.ok(help.get(verb!)!.includes(option), `${path}: grebe ${verb} ${option}`);
        }
      }
    }
  }
  t.ok(seen >= 4, 'and they were seen');
});

t.test('every whole configuration in the documents passes grebe check', async (t) => {
  const examples = documents
    .flatMap((path) => blocks(read(path), 'yaml').map((text) => ({ path, text })))
    .filter(({ text }) => /^node:/m.test(text));
  t.ok(examples.length > 0, 'and there are some');
  const directory = t.testdir();
  for (const [i, { path, text }] of examples.entries()) {
    const file = join(directory, `${i}.yaml`);
    writeFileSync(file, text);
    const run = runNode([grebe, 'check', '--config', file]);
    t.equal(run.status, 0, `${path}: ${run.errors}${run.output}`);
  }
});

t.test('the sample in the README is what the first command prints', async (t) => {
  const [script] = /dist\/scripts\/.*$/.exec(manifest.scripts.start!)!;
  const run = runNode([script], { env: { GREBE_SOCKET: join(shortDirectory(t), 'grebe.sock') } });
  t.equal(run.status, 0, run.errors);
  // Live numbers differ from run to run: lines are compared up to their first digit.
  const beginning = (line: string): string => line.replace(/\d.*/, '');
  const printed = new Set(run.output.split('\n').map(beginning));
  const [sample] = blocks(read('README.md'), 'text');
  const shown = sample!.split('\n').filter((line) => line !== '…' && !line.includes('latest packet'));
  t.same(
    shown.filter((line) => !printed.has(beginning(line))),
    [],
  );
});

t.test('the library example in the README does what it says', async (t) => {
  const [example] = blocks(read('README.md'), 'js');
  const file = join(t.testdir(), 'example.mjs');
  writeFileSync(file, example!);
  const run = runNode([file]);
  t.equal(run.status, 0, run.errors);
  t.match(run.output, /^delivered_underlay 4500002c.{8}402f/, 'the packet, 24 bytes longer, in a tunnel');
});

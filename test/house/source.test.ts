import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { filesBelow, read, root } from './tree.js';

const files = ['src', 'test', 'bench', 'scripts', 'native']
  .flatMap((folder) => filesBelow(folder, /\.(ts|js|c|h|wat)$/))
  .filter((path) => path !== 'test/house/source.test.ts');

const COMMENT = /\/\*[^]*?\*\/|\/\/.*/g;

/** Places in the files where a pattern matches a line, as compilers name them. */
function places(pattern: RegExp, view = (text: string): string => text): string[] {
  return files.flatMap((path) =>
    view(read(path))
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

/** The text with its comments blanked, line for line. */
function code(text: string): string {
  return text.replace(COMMENT, (comment) => comment.replace(/[^\n]/g, ''));
}

t.test('types are checked and work is done, everywhere', async (t) => {
  t.ok(files.length > 20, 'the files are seen');
  t.same(places(/:\s*any\b|<any\b|\bas any(?=\s*[);,.\]])|\bany\[\]/, code), [], 'no type any');
  t.same(places(/@ts-(ignore|nocheck|expect-error)/), [], 'no switched-off type check');
  t.same(places(/\b(TODO|FIXME|XXX)\b/), [], 'no note about work not done');
  t.same(places(/eslint-disable(?!.* -- \S)/), [], 'no switched-off lint rule without its reason');
});

t.test('files that comments and help texts point to are there', async (t) => {
  const missing = files
    .filter((path) => !path.startsWith('test/'))
    .flatMap((path) => {
      const text = read(path);
      const named =
        (text.match(COMMENT) ?? []).join('\n').match(/\b[\w-]+(\/[\w.-]+)+\.(md|ts|c|wat)\b/g) ?? [];
      return [...new Set([...named, ...(text.match(/\bdocs\/[\w-]+\.md\b/g) ?? [])])]
        .filter((target) => !existsSync(join(root, target)))
        .map((target) => `${path}: ${target}`);
    });
  t.same(missing, []);
});

t.test('every room has a note that tells its way round', async (t) => {
  const notes = new Set(filesBelow('src', /^README\.md$/));
  const rooms = new Set(filesBelow('src', /\.ts$/).flatMap((path) => /^src\/[^/]+(?=\/)/.exec(path) ?? []));
  for (const room of rooms) t.ok(notes.has(`${room}/README.md`), `${room}/README.md`);
});

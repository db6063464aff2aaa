/** The chart library (Chart.js, MIT), as text to be put into a page. Its licence notice stays at its head. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

let text: string | null = null;

export function chartLibrary(): string {
  text ??= read();
  return text;
}

function read(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('chart.js'));
  const library = readFileSync(join(folder, 'chart.umd.min.js'), 'utf8');
  // A source map would be looked for beside the page; and nothing in the library may end its element.
  return library
    .replace(/^\/\/# sourceMappingURL=.*$/gm, '')
    .replace(/<\/script/gi, '<\\/script')
    .trimEnd();
}

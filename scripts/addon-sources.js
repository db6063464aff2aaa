// The addon's sources and how they are compiled, whatever for. Plain JavaScript, as the install step needs it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const nativeFolder = fileURLToPath(new URL('../native/', import.meta.url));

/** The language, and warnings. */
export const WARNINGS = ['-std=gnu11', '-fvisibility=hidden', '-Wall', '-Wextra', '-Wno-unused-parameter'];

/** Files of native/src, headers too, in one order. */
export function addonFiles() {
  const folder = join(nativeFolder, 'src');
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}

export function addonSources() {
  return addonFiles().filter((path) => path.endsWith('.c'));
}

/** Where a delivered binary for this machine lies. */
export function prebuiltPath() {
  return join(nativeFolder, 'prebuilds', `${process.platform}-${process.arch}`, 'grebe.node');
}

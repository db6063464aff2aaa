/** Refuses to write over what is read, and to write two things to one file. */
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError } from './errors.js';

/** A file and the option that names it. */
export interface NamedFile {
  readonly option: string;
  readonly path: string | undefined;
}

/**
 * @throws UsageError when an output is the same file as an input or as another output, whatever the
 *   names (links, ./ and ../ are seen through). Devices such as /dev/null may be named more than once.
 */
export function refuseSameFiles(inputs: readonly NamedFile[], outputs: readonly NamedFile[]): void {
  const inputOf = new Map<string, NamedFile>();
  for (const input of inputs) {
    const identity = identityOf(input.path);
    // As an input, - is standard input: another thing than the - of an output.
    if (identity !== null && input.path !== '-') inputOf.set(identity, input);
  }
  const outputOf = new Map<string, NamedFile>();
  for (const output of outputs) {
    const identity = identityOf(output.path);
    if (identity === null) continue;
    const { option, path = '' } = output;
    const input = inputOf.get(identity);
    if (input !== undefined) throw new UsageError(`${option} ${path} is the file that ${input.option} reads`);
    const other = outputOf.get(identity);
    if (other !== undefined)
      throw new UsageError(`${option} ${path} is the file that ${other.option} writes`);
    outputOf.set(identity, output);
  }
}

/** A word that two names of one regular file have in common; null for what is no such file. */
function identityOf(path: string | undefined): string | null {
  if (path === undefined) return null;
  if (path === '-') return path;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined) return stat.isFile() ? `${stat.dev}:${stat.ino}` : null;
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    // No such folder: opening the file will say so.
    return null;
  }
}

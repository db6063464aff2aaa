/** This repository at another path, with other rights on the way to it. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Elsewhere {
  /** Where a file of the repository lies for a program that is started by `command`. */
  readonly path: (file: string) => string;
  /**
   * The command line that runs a program by Node there. It is the same process from its first to its last
   * program, and it is without the test runner's NODE_OPTIONS, which name files at the usual path.
   *
   * @param prefix a program that starts its arguments
   */
  readonly command: (prefix: readonly string[], args: readonly string[]) => readonly [string, ...string[]];
}

/**
 * A repository in a directory of this owner and mode. By default everybody may enter it, wherever the
 * repository is really: root has often cloned it below /root. Needs root.
 */
export function elsewhere(t: Test, { mode = 0o755, owner = 0 } = {}): Elsewhere {
  const folder = mkdtempSync(join(tmpdir(), 'grebe-elsewhere-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  const [tree, node] = [join(folder, 'tree'), join(folder, 'node')];
  mkdirSync(tree);
  writeFileSync(node, '');
  chownSync(folder, owner, owner);
  chmodSync(folder, mode);
  // In a mount namespace of its own: nothing is left behind, and nobody else sees it.
  const script = 'mount --bind "$1" "$2" && mount --bind "$3" "$4" && shift 4 && exec "$@"';
  const enter = ['unshare', '--mount', '--', 'sh', '-c', script, 'sh', ROOT, tree, process.execPath, node];
  return {
    path: (file) => join(tree, relative(ROOT, file)),
    command: (prefix, args) => [...enter, 'env', '-u', 'NODE_OPTIONS', ...prefix, node, ...args] as [string],
  };
}

/** Programs that a test needs and that are not everywhere. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Why a test that needs this program is skipped; false where the program is there. */
export function missing(program: string): string | false {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return false;
    } catch {
      // Not in this folder.
    }
  }
  return `${program} is not installed`;
}

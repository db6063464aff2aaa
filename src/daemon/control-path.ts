/** Where the control socket is, when nobody says. */
import { join } from 'node:path';

export interface PathEnvironment {
  /** Numeric user of the process. */
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The socket's path: as told (`--socket`, `daemon.control.socket`), $GREBE_SOCKET, /run/grebe/grebe.sock for
 * root, grebe.sock in $XDG_RUNTIME_DIR, or in a directory of the user's own below /tmp.
 */
export function controlSocketPath(
  told?: string,
  { uid, env }: PathEnvironment = { uid: process.getuid?.() ?? 0, env: process.env },
): string {
  if (told !== undefined && told !== 'auto') return told;
  const fromEnvironment = env['GREBE_SOCKET'];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  if (uid === 0) return '/run/grebe/grebe.sock';
  const runtime = env['XDG_RUNTIME_DIR'];
  return runtime !== undefined && runtime !== ''
    ? join(runtime, 'grebe.sock')
    : join('/tmp', `grebe-${uid}`, 'grebe.sock');
}

/** Tells systemd how the service is doing (sd_notify): a datagram to the socket that it names. */
import { loadAddon } from '../device/native/addon.js';

export type NotifyState = 'READY=1' | 'RELOADING=1' | 'STOPPING=1' | `STATUS=${string}`;

/** Does nothing where no service manager has asked to be told, and where there is no addon to do it with. */
export function notifyServiceManager(...states: readonly NotifyState[]): void {
  const path = process.env['NOTIFY_SOCKET'];
  if (path === undefined || path === '') return;
  try {
    loadAddon().notifySocket(path, states.join('\n'));
  } catch {
    // The service manager finds out by itself, later.
  }
}

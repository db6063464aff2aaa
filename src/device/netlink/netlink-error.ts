import { getSystemErrorMap } from 'node:util';
import { MessageFlag } from './protocol.js';
import { parseAttributes, readText, viewOf, type Message } from './message.js';

/** Attribute of an error message: the kernel's own words (since Linux 4.12). */
const ERROR_TEXT = 1;

/** The kernel refused a request, or what it answered cannot be used. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';

  /**
   * @param request what was asked for, in words: "set the MTU of grebe0 to 9000"
   * @param code such as "EINVAL"; empty when the kernel gave none
   */
  constructor(
    readonly request: string,
    readonly code: string,
    reason: string,
  ) {
    super(`cannot ${request}: ${code}${code === '' ? '' : ' '}${reason}`);
  }

  /** @param error the error number, positive */
  static fromKernel(request: string, error: number, text: string | null): NetlinkError {
    const [code, meaning] = getSystemErrorMap().get(-error) ?? [`error ${error}`, ''];
    const reason = text === null || text === '' ? `(${meaning})` : `(${meaning}: ${text})`;
    return new NetlinkError(request, code, reason);
  }
}

/** The error number of an ERROR or DONE message, positive; 0 is none, also for one that is too short. */
export function errorOf(message: Message): number {
  return message.payload.length < 4 ? 0 : -viewOf(message.payload).getInt32(0, true);
}

/** The kernel's text in an ERROR message; null when there is none. */
export function errorText(message: Message): string | null {
  if ((message.flags & MessageFlag.ACK_ATTRIBUTES) === 0 || message.payload.length < 20) return null;
  // The request is quoted after the number: whole, or its header of 16 bytes only.
  const quoted = message.flags & MessageFlag.CAPPED ? 16 : viewOf(message.payload).getUint32(4, true);
  return readText(parseAttributes(message.payload, 4 + ((quoted + 3) & ~3)), ERROR_TEXT);
}

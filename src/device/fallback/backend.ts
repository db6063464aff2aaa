/** A package as its helper process uses it. */
export interface Backend {
  /** Whether it takes a packet now; otherwise later. */
  readonly isReady: boolean;
  /** Sends an IP packet (raw-socket) or a frame (cap); `failed` is called when that is not possible. */
  send(packet: Buffer, failed: () => void): void;
  /** Takes packets to these addresses from now on (hex digits). */
  setLocals(locals: readonly string[]): void;
}

/** What is called for each IP packet that came; its bytes are good until the call returns. */
export type Deliver = (packet: Uint8Array) => void;

/** Why a package device cannot be opened, for people. */
export class PackageError extends Error {
  override readonly name = 'PackageError';
}

/** Whether an import failed because there is no such package. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

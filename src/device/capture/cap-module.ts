/**
 * The optional npm package `cap` (libpcap), as far as grebe uses it. It has no types of its own.
 */
import { CaptureError } from './capture-error.js';

/**
 * A capture of `cap` 0.2.1. Made only in live-capture-process.ts, because of what it does to its process:
 * it aborts when the interface goes down, and crashes at some garbage collection after a failed open()
 * or a close(). Nor does it keep a reference to `buffer`.
 */
export interface CapHandle {
  /**
   * Starts to capture, promiscuously and with a snap length of 65,535. Returns the name of the link
   * type. Throws an Error with libpcap's text.
   */
  open(device: string, filter: string, kernelBufferBytes: number, buffer: Buffer): string;
  /** For each packet, whose bytes are then at the start of the buffer. It comes without its time. */
  on(event: 'packet', listener: (bytes: number, truncated: boolean) => void): void;
  close(): boolean;
}

export interface CapDevice {
  name: string;
  description?: string;
  addresses: { addr?: string }[];
  flags?: string;
}

export interface CapModule {
  Cap: { new (): CapHandle; deviceList(): CapDevice[] };
}

// A name that the compiler does not look up: the package may be missing.
const PACKAGE: string = 'cap';

/**
 * Loads the package. Throws CaptureError, naming `subject`, when it is missing or does not load; `purpose` then
 * tells what it is needed for.
 */
export async function loadCap(subject: string, purpose?: string): Promise<CapModule> {
  try {
    const loaded = (await import(PACKAGE)) as { default: CapModule };
    return loaded.default;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    const reason =
      missing || !(error instanceof Error) ? '' : `; it is there, but does not load: ${error.message}`;
    const need = purpose === undefined ? '' : `: ${purpose}`;
    throw new CaptureError(
      subject,
      `live capture needs the optional package cap (libpcap-dev, then npm ci)${reason}${need}`,
      {},
      error,
    );
  }
}

/**
 * The optional npm package `cap` (libpcap), as far as grebe uses it. It has no types of its own.
 */
import { CaptureError } from './capture-error.js';

/** A capture of `cap`. The native side keeps no reference to `buffer`: its user must, until close(). */
export interface CapHandle {
  /**
   * Starts to capture, promiscuously and with a snap length of 65,535. Returns the name of the link
   * type. Throws an Error with libpcap's text.
   */
  open(device: string, filter: string, kernelBufferBytes: number, buffer: Buffer): string;
  /** For each packet, whose bytes are then at the start of the buffer. */
  on(event: 'packet', listener: (bytes: number, truncated: boolean) => void): void;
  close(): boolean;
}

export interface CapDevice {
  name: string;
  description?: string;
  addresses: { addr?: string }[];
  flags?: string;
}

interface CapModule {
  Cap: { new (): CapHandle; deviceList(): CapDevice[] };
}

// A name that the compiler does not look up: the package may be missing.
const PACKAGE: string = 'cap';

/** Loads the package. Throws CaptureError, naming `subject`, when it is missing or does not load. */
export async function loadCap(subject: string): Promise<CapModule> {
  try {
    const loaded = (await import(PACKAGE)) as { default: CapModule };
    return loaded.default;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    const reason =
      missing || !(error instanceof Error) ? '' : `; it is there, but does not load: ${error.message}`;
    throw new CaptureError(
      subject,
      `live capture needs the optional package cap (libpcap-dev, then npm ci)${reason}`,
      {},
      error,
    );
  }
}

/**
 * Every handle ever made. cap 0.2.1 frees a handle while libuv still has its poll in a list, and stops a
 * poll that was never started when open() has failed: either crashes the process at some later garbage
 * collection. So none is ever collected; each costs some hundred bytes.
 */
const keptForever: CapHandle[] = [];

export function createHandle(cap: CapModule): CapHandle {
  const handle = new cap.Cap();
  keptForever.push(handle);
  return handle;
}

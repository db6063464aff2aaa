import { getSystemErrorMap } from 'node:util';

/** Where in a capture something is wrong. */
export interface CapturePlace {
  /** Bytes from the start of the file (of the decompressed data when the file is gzip'd). */
  offset?: number | undefined;
  /** What `number` counts: records of a pcap file, blocks of a pcapng file. */
  unit?: 'record' | 'block';
  /** 1-based. */
  number?: number;
}

/** A capture that cannot be read or written. The message names the file and the place in it. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';

  constructor(
    /** The file as the user named it, or the interface of a live capture. */
    readonly path: string,
    readonly problem: string,
    readonly place: CapturePlace = {},
    cause?: unknown,
  ) {
    super(`${path}: ${describePlace(place)}${problem}`, { cause });
  }

  /** Wraps the error of a system call: `doing` is such as "cannot open the file". */
  static fromSystem(path: string, doing: string, error: unknown): CaptureError {
    if (error instanceof CaptureError) return error;
    return new CaptureError(path, `${doing}: ${systemErrorText(error)}`, {}, error);
  }
}

function describePlace(place: CapturePlace): string {
  const parts: string[] = [];
  if (place.unit !== undefined && place.number !== undefined) parts.push(`${place.unit} ${place.number}`);
  if (place.offset !== undefined) parts.push(`byte ${place.offset}`);
  return parts.length === 0 ? '' : `${parts.join(' at ')}: `;
}

/** "no such file or directory (ENOENT)" rather than Node's text, which names the system call. */
function systemErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno);
  return known === undefined ? error.message : `${known[1]} (${known[0]})`;
}

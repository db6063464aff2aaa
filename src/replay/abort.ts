/** Waiting that an AbortSignal can end. */

/**
 * The value of `promise`, unless the signal aborts first (an input such as a pipe may stay silent for ever):
 * `dispose` then gets the value that nobody waits for any more.
 * @throws the signal's reason
 */
export async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  promise: Promise<T>,
  dispose?: (value: T) => Promise<void>,
): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      promise.then(dispose).catch(() => undefined);
      reject(asError(signal.reason));
    };
  });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The reason of a signal, which may be anything. */
export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/**
 * Function of native/src/pins.c: an array that is handed over again and again is looked at once, which takes as long as
 * a few of these calls and saves each of them the better part of its own time.
 */

declare const array: unique symbol;

/** Stands for an array, in the thread that pinned it. */
export type Pin<Kind> = number & { readonly [array]: Kind };

/** An array, or what stands for it. */
export type Pinned<Kind> = Kind | Pin<Kind>;

export interface PinCalls {
  /**
   * What all functions of the addon take in place of the array, which is held as long as the thread lasts: for arrays
   * that do so as well. @throws TypeError unless its memory is shared
   */
  pin<Kind extends Int32Array | Uint8Array>(array: Kind): Pinned<Kind>;
}

/** Words that can be pinned. */
export function sharedWords(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * Tables whose records are meant to lie in one cache line each. JavaScript cannot ask for an address, but
 * large blocks come from the C library, 16 bytes behind the start of a page: beginning 48 bytes further in
 * puts the first record on a line. Where that does not hold nothing is lost but a little speed.
 */
const TO_NEXT_LINE = 48;

/** Zeroed words in shared memory. */
export function alignedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(TO_NEXT_LINE + count * 4), TO_NEXT_LINE, count);
}

/** Zeroed doubles in shared memory. */
export function alignedDoubles(count: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(TO_NEXT_LINE + count * 8), TO_NEXT_LINE, count);
}

/** The bytes of a table. */
export function bytesOf(table: Int32Array): Uint8Array {
  return new Uint8Array(table.buffer, table.byteOffset, table.byteLength);
}

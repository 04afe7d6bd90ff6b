// Columns of numbers that grow. Pure.

const least = 1024;

/** A Uint32Array with room for `index`; twice as long where it has none. */
export function reaching(column: Uint32Array<ArrayBuffer>, index: number): Uint32Array<ArrayBuffer> {
  if (index < column.length) return column;
  const length = Math.max(least, 2 * column.length, index + 1);
  return new Uint32Array(column.buffer.transfer(4 * length));
}

/** As `reaching`, for numbers beyond 32 bits. */
export function reachingWide(column: Float64Array<ArrayBuffer>, index: number): Float64Array<ArrayBuffer> {
  if (index < column.length) return column;
  const length = Math.max(least, 2 * column.length, index + 1);
  return new Float64Array(column.buffer.transfer(8 * length));
}

// How long one turn of the event loop may take: work on many rows is done in parts, between which everything else has its turn.

/** Rows of one part: some milliseconds. */
export const PART = 16_384;

/** The rest of the event loop has its turn. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

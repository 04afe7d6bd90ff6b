// The chunks of a stream on their way to the machine. An element like one before that a chunk's end cuts is joined with what comes next, so that it is
// read at once, as its like are. Never looks at what the bytes mean; holds the begin of one element at the most, for one chunk.
import type { Tokenizer } from './tokenizer.ts';

/** Bytes of an element that may wait for the rest of it. */
export const LONGEST_WAITING = 4096;

const NOTHING = Buffer.alloc(0);
/** Where the ends of two chunks are joined. One for all streams: nothing of it is used after a call. */
const seam = Buffer.alloc(2 * LONGEST_WAITING);

export class JoinedChunks {
  readonly #tokenizer: Tokenizer;
  #waiting = NOTHING;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** Takes the next bytes. @throws XmppError where the stream breaks the rules; nothing may be written after it. */
  write(chunk: Buffer): void {
    const rest = this.#waiting.length === 0 ? chunk : this.#join(chunk);
    if (rest.length === 0) return;
    const read = this.#tokenizer.write(rest, true);
    // A copy: the chunk is the socket's.
    if (read < rest.length) this.#waiting = Buffer.from(rest.subarray(read));
  }

  /** @returns what is left of the chunk. */
  #join(chunk: Buffer): Buffer {
    const waiting = this.#waiting;
    this.#waiting = NOTHING;
    const { length } = waiting;
    const joined = seam.subarray(0, length + Math.min(chunk.length, LONGEST_WAITING));
    waiting.copy(joined);
    chunk.copy(joined, length, 0, joined.length - length);
    let read = this.#tokenizer.write(joined, true);
    // It waits no second time: who sends byte by byte would have all of them copied for each.
    if (read < length) read += this.#tokenizer.write(joined.subarray(read), false);
    return chunk.subarray(read - length);
  }
}

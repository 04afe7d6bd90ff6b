// What was read of a name, a value or a text when it cannot be taken from the chunk as it stands there: it began in an earlier
// one, or is written otherwise (references, line ends). Always UTF-8; bounded by the stanza's limit, for each byte of it was read.

const NOTHING = Buffer.alloc(0);
const FIRST_SIZE = 256;
/** A larger one is given back when it is empty: sessions are many, and long runs rare. */
const KEPT_SIZE = 4096;

export class HeldBytes {
  length = 0;
  #bytes = NOTHING;

  /** The first `length` bytes of it are what is held; until the next change. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  append(bytes: Buffer, start: number, end: number): void {
    if (end <= start) return;
    this.#reserve(end - start);
    bytes.copy(this.#bytes, this.length, start, end);
    this.length += end - start;
  }

  /** @param code a code point that is no surrogate. */
  appendCharacter(code: number): void {
    this.#reserve(4);
    if (code < 0x80) this.#bytes[this.length++] = code;
    else this.length += this.#bytes.write(String.fromCodePoint(code), this.length);
  }

  /** Takes off the latest bytes. */
  drop(count: number): void {
    this.length -= count;
  }

  clear(): void {
    this.length = 0;
    if (this.#bytes.length > KEPT_SIZE) this.#bytes = NOTHING;
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(FIRST_SIZE, needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.length);
    this.#bytes = larger;
  }
}

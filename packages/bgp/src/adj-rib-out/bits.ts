// A set of small numbers, a bit each, that grows without a copy of all. Pure.

/** 8 KiB each. */
const bitsAChunk = 65_536;

export class Bits {
  readonly #chunks: (Uint32Array | undefined)[] = [];
  #size = 0;

  /** How many are in it. */
  get size(): number {
    return this.#size;
  }

  has(number: number): boolean {
    const chunk = this.#chunks[Math.floor(number / bitsAChunk)];
    if (chunk === undefined) return false;
    return (((chunk[(number % bitsAChunk) >>> 5] as number) >>> (number & 31)) & 1) !== 0;
  }

  /** @returns whether it was not in it. */
  add(number: number): boolean {
    if (this.has(number)) return false;
    const at = Math.floor(number / bitsAChunk);
    let chunk = this.#chunks[at];
    if (chunk === undefined) {
      chunk = new Uint32Array(bitsAChunk / 32);
      this.#chunks[at] = chunk;
    }
    const word = (number % bitsAChunk) >>> 5;
    chunk[word] = (chunk[word] as number) | (1 << (number & 31));
    this.#size += 1;
    return true;
  }

  /** @returns whether it was in it. */
  delete(number: number): boolean {
    const chunk = this.#chunks[Math.floor(number / bitsAChunk)];
    if (chunk === undefined || !this.has(number)) return false;
    const word = (number % bitsAChunk) >>> 5;
    chunk[word] = (chunk[word] as number) & ~(1 << (number & 31));
    this.#size -= 1;
    return true;
  }
}

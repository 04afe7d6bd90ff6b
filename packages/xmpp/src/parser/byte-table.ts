// Values by the bytes that they are made of, so that what comes again and again is made once. Of fixed size and shared by all
// streams: what meets in a slot takes the other's place, so a peer that invents bytes only makes its own slower.

const SLOTS = 1024;
/** Longer ones are nobody's vocabulary. */
const LONGEST_KEPT = 64;

interface Kept<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
}

export class ByteTable<T> {
  readonly #make: (bytes: Buffer, start: number, end: number) => T;
  readonly #onKept: (value: T, kept: boolean) => void;
  readonly #slots: (Kept<T> | undefined)[] = new Array(SLOTS).fill(undefined);

  /**
   * @param make from `bytes[start, end)`; what it throws comes out of `get`.
   * @param onKept told when the table begins to keep a value, and when another takes its place.
   */
  constructor(
    make: (bytes: Buffer, start: number, end: number) => T,
    onKept: (value: T, kept: boolean) => void = () => {},
  ) {
    this.#make = make;
    this.#onKept = onKept;
  }

  /** The value of `bytes[start, end)`. */
  get(bytes: Buffer, start: number, end: number): T {
    const length = end - start;
    if (length === 0 || length > LONGEST_KEPT) return this.#make(bytes, start, end);
    // The words of a vocabulary differ in these, nearly all; to look at more costs more than it saves.
    const slot =
      (length * 89 +
        (bytes[start] as number) * 7 +
        (bytes[start + (length >> 1)] as number) * 31 +
        (bytes[end - 1] as number) * 113) &
      (SLOTS - 1);
    const kept = this.#slots[slot];
    if (kept !== undefined && areBytes(kept.bytes, bytes, start, length)) return kept.value;
    const value = this.#make(bytes, start, end);
    if (kept !== undefined) this.#onKept(kept.value, false);
    this.#onKept(value, true);
    this.#slots[slot] = { bytes: Uint8Array.prototype.slice.call(bytes, start, end), value };
    return value;
  }
}

function areBytes(expected: Uint8Array, bytes: Buffer, start: number, length: number): boolean {
  if (expected.length !== length) return false;
  for (let at = 0; at < length; at++) if (expected[at] !== bytes[start + at]) return false;
  return true;
}

/** V8 has each property's name once: to be one is the way to that copy, and to comparisons that are cheap. */
export function internalised(text: string): string {
  for (const key in { [text]: true }) return key;
  return text;
}

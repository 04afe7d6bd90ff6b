// Values by the ASCII texts that they are made of, so that what comes again and again is made once. Of fixed size and shared by all
// streams: what meets in a slot takes the other's place, so a peer that invents texts only makes its own slower.

const SLOTS = 1024;

interface Kept<T> {
  readonly text: string;
  readonly value: T;
}

export class TextTable<T> {
  readonly #make: (text: string) => T;
  readonly #slots: (Kept<T> | undefined)[] = new Array(SLOTS).fill(undefined);

  /** @param make throws nothing. */
  constructor(make: (text: string) => T) {
    this.#make = make;
  }

  /** The value of the text `bytes[start, end)`, which is short. */
  get(bytes: Buffer, start: number, end: number): T {
    let hash = end - start;
    for (let at = start; at < end; at++) hash = (hash * 31 + (bytes[at] as number)) | 0;
    const slot = (hash ^ (hash >>> 10)) & (SLOTS - 1);
    const kept = this.#slots[slot];
    if (kept !== undefined && isText(kept.text, bytes, start, end)) return kept.value;
    const text = bytes.toString('latin1', start, end);
    const value = this.#make(text);
    this.#slots[slot] = { text, value };
    return value;
  }
}

function isText(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) !== bytes[start + at]) return false;
  return true;
}

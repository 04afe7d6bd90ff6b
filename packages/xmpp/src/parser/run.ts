// A run of bytes that becomes one name, value or text. Where it stands in one chunk as it is meant, it is taken from there; else its
// pieces are held until its end. Never looks at what the bytes mean.
import { HeldBytes } from './held-bytes.ts';
import { type Name, names, namespaceNames } from './name.ts';

const NOTHING = Buffer.alloc(0);
const BRACKET = 0x5d;

/** V8 copies a slice up to this length out of its string; a longer one would keep the whole chunk alive. */
const LONGEST_COPIED_SLICE = 12;

export class Run {
  bytes: Buffer = NOTHING;
  /** Where in `bytes` the run begins, or goes on. */
  start = 0;
  /** Whether all of the run is ASCII; set back by who finds that it is not. */
  ascii = true;
  readonly #held = new HeldBytes();
  /** The chunk as Latin-1, made when something short is taken from it. */
  #text: string | undefined;
  /** `]` at the end of what is held, as they were read: 0 to 2. */
  #brackets = 0;

  /** The run goes on with the next chunk. */
  enter(chunk: Buffer): void {
    this.bytes = chunk;
    this.start = 0;
    this.#text = undefined;
  }

  /** The chunk is used up. @param inside whether in the middle of a run. */
  leave(inside: boolean): void {
    const end = this.bytes.length;
    this.#brackets = inside ? this.#bracketsBefore(end) : 0;
    if (inside) this.#held.append(this.bytes, this.start, end);
    this.bytes = NOTHING;
    this.#text = undefined;
  }

  /** Bytes up to `end`. */
  lengthTo(end: number): number {
    return this.#held.length + end - this.start;
  }

  /** Keeps what comes before `end`; the run goes on at `next`. */
  holdTo(end: number, next: number): void {
    this.#held.append(this.bytes, this.start, end);
    this.start = next;
  }

  /** A character of the run that is written otherwise. */
  addCharacter(code: number): void {
    this.#held.appendCharacter(code);
    if (code > 0x7f) this.ascii = false;
  }

  /** Keeps what comes before `end` without its last `count` bytes, of which some may be held already. */
  holdWithout(count: number, end: number): void {
    this.holdTo(end, end);
    this.#held.drop(count);
  }

  /** Whether `]]` comes right before `at`, within what was read without a break. */
  closesBrackets(at: number): boolean {
    return this.#bracketsBefore(at) === 2;
  }

  takeName(end: number): Name {
    const name = this.#held.length === 0 ? names.get(this.bytes, this.start, end) : this.#takeHeldName(end);
    this.#restart();
    return name;
  }

  takeNamespace(end: number): string {
    if (this.#held.length > 0 || !this.ascii) return this.take(end);
    return namespaceNames.get(this.bytes, this.start, end);
  }

  take(end: number): string {
    const { bytes, start } = this;
    const length = end - start;
    let text: string;
    if (this.#held.length > 0) text = this.#takeHeld(end);
    else if (!this.ascii) text = bytes.toString('utf8', start, end);
    else if (length > LONGEST_COPIED_SLICE) text = bytes.toString('latin1', start, end);
    else text = this.#chunkText().slice(start, end);
    this.#restart();
    return text;
  }

  #restart(): void {
    this.ascii = true;
    this.#brackets = 0;
  }

  #chunkText(): string {
    this.#text ??= this.bytes.toString('latin1');
    return this.#text;
  }

  #takeHeld(end: number): string {
    this.#held.append(this.bytes, this.start, end);
    const { bytes, length } = this.#held;
    const text = this.ascii ? bytes.toString('latin1', 0, length) : bytes.toString('utf8', 0, length);
    this.#held.clear();
    return text;
  }

  #takeHeldName(end: number): Name {
    this.#held.append(this.bytes, this.start, end);
    const name = names.get(this.#held.bytes, 0, this.#held.length);
    this.#held.clear();
    return name;
  }

  #bracketsBefore(end: number): number {
    let count = 0;
    let at = end - 1;
    while (count < 2 && at >= this.start && this.bytes[at] === BRACKET) {
      count += 1;
      at -= 1;
    }
    // The run goes on from the chunk before.
    if (at < this.start && this.start === 0) count = Math.min(2, count + this.#brackets);
    return count;
  }
}

// Numbers in the order in which they last changed, and the places of those who read them: a change costs next to nothing for each reader, and who is
// far behind reads each number once. Pure; knows nothing of what the numbers stand for.
import { reaching, reachingWide } from './column.ts';

/** The node before the first and behind the last; number n is node n + 1. */
const end = 0;

export class ChangeList {
  #next = new Uint32Array(1);
  #previous = new Uint32Array(1);
  /** By node: the number of its last change; 0: not in the list. */
  #changes = new Float64Array(1);
  #lastChange = 0;
  readonly #readers = new Set<ChangeReader>();

  /** It changed: it is the last. */
  touch(number: number): void {
    const node = number + 1;
    this.#next = reaching(this.#next, node);
    this.#previous = reaching(this.#previous, node);
    this.#changes = reachingWide(this.#changes, node);
    this.#unlink(node);
    this.#lastChange += 1;
    this.#changes[node] = this.#lastChange;
    const last = this.#previous[end] as number;
    this.#next[last] = node;
    this.#previous[node] = last;
    this.#next[node] = end;
    this.#previous[end] = node;
  }

  remove(number: number): void {
    const node = number + 1;
    if (node >= this.#changes.length) return;
    this.#unlink(node);
    this.#changes[node] = 0;
  }

  /** Whether every reader has read its last change. */
  isRead(number: number): boolean {
    const change = this.#changes[number + 1] ?? 0;
    for (const reader of this.#readers) if (reader.read < change) return false;
    return true;
  }

  /** One that has read nothing yet. */
  reader(): ChangeReader {
    const reader: ChangeReader = new ChangeReader({
      next: (node) => this.#next[node] as number,
      change: (node) => this.#changes[node] as number,
      close: () => this.#readers.delete(reader),
    });
    this.#readers.add(reader);
    return reader;
  }

  #unlink(node: number): void {
    if ((this.#changes[node] as number) === 0) return;
    const next = this.#next[node] as number;
    const previous = this.#previous[node] as number;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    // All before it was read, too.
    for (const reader of this.#readers) if (reader.last === node) reader.last = previous;
  }
}

interface ChangeReaderParts {
  readonly next: (node: number) => number;
  readonly change: (node: number) => number;
  readonly close: () => void;
}

export class ChangeReader {
  /** The node that was read last; the list moves it on. */
  last = end;
  /** The change that was read last. */
  read = 0;
  readonly #parts: ChangeReaderParts;

  constructor(parts: ChangeReaderParts) {
    this.#parts = parts;
  }

  /** What changed since, each number once. @returns how many of `into` are there */
  next(most: number, into: Uint32Array): number {
    const { next, change } = this.#parts;
    let count = 0;
    for (let node = next(this.last); node !== end && count < most; node = next(node)) {
      into[count] = node - 1;
      count += 1;
      this.last = node;
      this.read = change(node);
    }
    return count;
  }

  /** Whether its last change was read. */
  hasRead(number: number): boolean {
    return this.#parts.change(number + 1) <= this.read;
  }

  /** Reads all again. */
  restart(): void {
    this.last = end;
    this.read = 0;
  }

  close(): void {
    this.#parts.close();
  }
}

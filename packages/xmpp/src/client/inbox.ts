// Stanzas on their way to a consumer that may be slower than the network: in order, one at a time, and when too many wait
// nothing more is read. Owns no socket.
import type { Element } from 'ltx';

/** Parsed stanzas that may wait before the reading stops. */
const MAX_WAITING = 16;

export interface InboxOptions {
  /** What it returns is waited for before the next; it may not reject. */
  readonly deliver: (stanza: Element) => Promise<void> | undefined;
  readonly pause: () => void;
  readonly resume: () => void;
}

export class Inbox {
  readonly #options: InboxOptions;
  readonly #waiting: Element[] = [];
  #busy = false;
  #paused = false;
  #closed = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Whether the reading is stopped. */
  get paused(): boolean {
    return this.#paused;
  }

  take(stanza: Element): void {
    this.#waiting.push(stanza);
    this.#deliver();
    if (this.#paused || this.#waiting.length <= MAX_WAITING) return;
    this.#paused = true;
    this.#options.pause();
  }

  /** What waits is forgotten. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }

  #deliver(): void {
    while (!this.#busy) {
      const stanza = this.#waiting.shift();
      if (stanza === undefined) break;
      const done = this.#options.deliver(stanza);
      if (done === undefined) continue;
      this.#busy = true;
      void done.then(() => this.#delivered());
    }
    if (!this.#paused || this.#closed || this.#waiting.length > MAX_WAITING / 2) return;
    this.#paused = false;
    this.#options.resume();
  }

  #delivered(): void {
    this.#busy = false;
    this.#deliver();
  }
}

// The requests of one session: each is taken when the one before it is done, in the order in which they came. While many wait,
// nothing is read from the peer. Answers nothing.
import type { Duplex } from 'node:stream';
import type { Element } from 'ltx';

/** As many requests may wait for their turn before no more is read from the peer. */
const MAX_WAITING = 64;

export class RequestQueue {
  readonly #socket: Duplex;
  readonly #take: (request: Element) => Promise<void>;
  readonly #waiting: Element[] = [];
  #taking = false;
  #stopped = false;

  /** @param take must not reject. */
  constructor(socket: Duplex, take: (request: Element) => Promise<void>) {
    this.#socket = socket;
    this.#take = take;
  }

  push(request: Element): void {
    this.#waiting.push(request);
    if (this.#waiting.length >= MAX_WAITING) this.#socket.pause();
    if (!this.#taking) void this.#takeAll();
  }

  /** Takes none of those that wait. */
  stop(): void {
    this.#stopped = true;
  }

  async #takeAll(): Promise<void> {
    this.#taking = true;
    for (let request = this.#waiting.shift(); request && !this.#stopped; request = this.#waiting.shift()) {
      if (this.#socket.isPaused() && this.#waiting.length < MAX_WAITING / 2) this.#socket.resume();
      await this.#take(request);
    }
    this.#taking = false;
  }
}

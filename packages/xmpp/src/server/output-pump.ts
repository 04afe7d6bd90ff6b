// One pump for the output of all sessions: each in its turn writes a little, and after some milliseconds the event loop has
// its turn, so that requests and pings of all pass whatever is to be sent. Knows no sockets. Times in milliseconds.

/** How long sessions are written to before what else there is to do has its turn. */
const TURN_TIME = 5;

export interface Pumped {
  /** Writes some. @returns whether there is more that can be written at once. Never throws. */
  write(): boolean;
}

export class OutputPump {
  /** In the order of their turns. */
  readonly #waiting = new Set<Pumped>();
  #scheduled = false;

  /** There is something to write, and room for it. */
  wake(output: Pumped): void {
    this.#waiting.add(output);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const end = performance.now() + TURN_TIME;
    for (const output of this.#waiting) {
      // Again at the end of the queue, where this loop comes to it once more.
      this.#waiting.delete(output);
      if (output.write()) this.#waiting.add(output);
      if (performance.now() >= end) break;
    }
    if (this.#waiting.size > 0) this.#schedule();
  }
}

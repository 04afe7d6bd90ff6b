// Work of a daemon that takes long, done a little at a time in between all else: what is asked for and what is to be sent never wait long
// for it. One after the other, in the order in which it came. Times in milliseconds.

/** How long steps are taken before what else there is to do has its turn. */
const TURN_TIME = 5;

interface Work {
  readonly steps: Iterator<unknown>;
  readonly done: () => void;
}

export class Background {
  readonly #waiting: Work[] = [];
  #turn: NodeJS.Immediate | undefined;

  /** Takes all steps, then calls `done`. */
  run(steps: Iterable<unknown>, done: () => void): void {
    this.#waiting.push({ steps: steps[Symbol.iterator](), done });
    this.#turn ??= setImmediate(() => this.#takeTurn());
  }

  /** What is not done is left. */
  stop(): void {
    this.#waiting.length = 0;
    clearImmediate(this.#turn);
    this.#turn = undefined;
  }

  #takeTurn(): void {
    this.#turn = undefined;
    const end = performance.now() + TURN_TIME;
    for (let [work] = this.#waiting; work !== undefined && performance.now() < end; [work] = this.#waiting) {
      if (!work.steps.next().done) continue;
      this.#waiting.shift();
      work.done();
    }
    if (this.#waiting.length > 0) this.#turn ??= setImmediate(() => this.#takeTurn());
  }
}

// Lets requests of all sessions be answered for some milliseconds in each turn of the event loop: sockets give as much at once as they have, and many
// publishers at once would hold up all else. Who comes first goes first. Times in milliseconds.

/** How long requests are answered before what else there is to do has its turn. */
const TURN_TIME = 5;

export class Turns {
  #end = 0;
  #next: Promise<void> | undefined;

  /** Undefined where there is time left in this turn; otherwise the next turn, in which to ask again. */
  wait(): Promise<void> | undefined {
    if (this.#next === undefined) {
      this.#end = performance.now() + TURN_TIME;
      this.#next = new Promise((resolve) => {
        setImmediate(() => {
          this.#next = undefined;
          resolve();
        });
      });
    }
    return performance.now() < this.#end ? undefined : this.#next;
  }
}

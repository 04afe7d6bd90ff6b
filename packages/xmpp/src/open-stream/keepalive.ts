// The liveness of a peer that answers no pings, as Contrail has it: both sides send white space a third of the hold time apart,
// and who sends nothing at all for the hold time, or up to a third more, is given up. Times in milliseconds.

export interface KeepaliveOptions {
  readonly holdTime: number;
  /** Sends a character between stanzas. */
  readonly fill: () => void;
  readonly dead: () => void;
}

/** Fillers that are sent in one hold time; each time it is looked whether anything came. */
const TURNS = 3;

export class Keepalive {
  readonly #timer: NodeJS.Timeout;
  #silentTurns = 0;

  /** Begins at once. */
  constructor({ holdTime, fill, dead }: KeepaliveOptions) {
    this.#timer = setInterval(() => {
      this.#silentTurns += 1;
      // What waited while the process was held up is read first: that was not the peer's silence.
      if (this.#silentTurns > TURNS) setImmediate(() => this.#silentTurns > TURNS && dead());
      fill();
    }, holdTime / TURNS);
  }

  /** To be called for whatever the peer sends. */
  received(): void {
    this.#silentTurns = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#silentTurns = 0;
  }
}

// Notices a peer that is no longer there (XEP-0199): pings it each interval and gives it up when then nothing at all
// comes back in time. Any byte counts as an answer. Times in milliseconds.

export interface LivenessOptions {
  readonly interval: number;
  readonly timeout: number;
  readonly ping: () => void;
  readonly dead: () => void;
}

export class Liveness {
  readonly #options: LivenessOptions;
  #timer: NodeJS.Timeout | undefined;
  #waiting = false;

  /** Begins at once. */
  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#rest();
  }

  /** To be called for whatever the peer sends. */
  received(): void {
    if (this.#waiting) this.#rest();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting = false;
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#timer = setTimeout(() => {
      this.#waiting = true;
      // An answer that waited while the process was held up is read first: that was not the peer's delay.
      this.#timer = setTimeout(() => setImmediate(() => this.#giveUp()), this.#options.timeout);
      this.#options.ping();
    }, this.#options.interval);
  }

  #giveUp(): void {
    if (this.#waiting) this.#options.dead();
  }
}

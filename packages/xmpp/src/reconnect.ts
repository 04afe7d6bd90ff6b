// When a client that has no session tries again, and how loudly it says why: jittered backoff, one warning for each new reason. Opens
// nothing. Times in milliseconds.
import { type Backoff, backoffDelay } from './client/backoff.ts';
import type { XmppError } from './errors.ts';
import type { Log } from './log.ts';

export interface ReconnectOptions {
  /** Default 500 to 30 000. */
  readonly backoff?: Backoff;
  /** From 0 to below 1, for the jitter. */
  readonly random?: () => number;
  /** What each line of the log is about. */
  readonly facts: object;
  readonly log: Log;
  readonly attempt: () => void;
}

/** A session that lasted as long ends a row of failures. */
const STABLE_TIME = 10_000;

export class Reconnect {
  readonly #options: ReconnectOptions;
  #timer: NodeJS.Timeout | undefined;
  /** Of the session that there is. */
  #since: number | undefined;
  #failures = 0;
  #lastReason = '';

  constructor(options: ReconnectOptions) {
    this.#options = options;
  }

  /** There is a session. */
  succeeded(): void {
    this.#since = performance.now();
    this.#lastReason = '';
  }

  /** A session or an attempt ended: there will be another attempt. */
  ended({ code, condition, message }: XmppError): void {
    const {
      backoff = { initial: 500, max: 30_000 },
      random = Math.random,
      attempt,
      facts,
      log,
    } = this.#options;
    if (this.#since !== undefined && performance.now() - this.#since >= STABLE_TIME) this.#failures = 0;
    this.#since = undefined;
    const delay = backoffDelay(this.#failures, backoff, random);
    this.#failures += 1;
    // A server that is away for a day is one line.
    const level = message === this.#lastReason ? 'debug' : 'warn';
    this.#lastReason = message;
    const seconds = (delay / 1000).toFixed(1);
    log[level]({ ...facts, code, condition }, `XMPP: ${message}; trying again in ${seconds} s`);
    this.#timer = setTimeout(attempt, delay);
  }

  /** There will be no other attempt. */
  cancel(): void {
    clearTimeout(this.#timer);
  }
}

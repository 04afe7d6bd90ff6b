// The timers of a session or of one of its connections, each by its name set at most once. Owns the jitter. Times are seconds, of the clock milliseconds.
import type { SessionClock } from './clock.ts';

export class Timers<Name> {
  readonly #clock: SessionClock;
  readonly #random: () => number;
  readonly #cancels = new Map<Name, () => void>();

  /** @param random 0 to 1 */
  constructor(clock: SessionClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** In place of the same one if it is set. @param jitter to 75 to 100 % of the seconds (RFC 4271 section 10) */
  arm(name: Name, seconds: number, jitter: boolean, expired: () => void): void {
    this.disarm(name);
    const delay = seconds * 1000 * (jitter ? 0.75 + this.#random() / 4 : 1);
    const cancel = this.#clock.after(delay, () => {
      this.#cancels.delete(name);
      expired();
    });
    this.#cancels.set(name, cancel);
  }

  disarm(name: Name): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  clear(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}

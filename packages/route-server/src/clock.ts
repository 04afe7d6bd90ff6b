// Time as the route server uses it, so that tests can hold it. Units: milliseconds.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once, `delay` from now, unless the returned function was called before. */
  after(delay: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after(delay, callback) {
    const timer = setTimeout(callback, delay);
    return () => clearTimeout(timer);
  },
};

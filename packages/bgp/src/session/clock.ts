// Time as sessions need it, injected so that tests need not wait. Milliseconds of a clock that never jumps.

export interface SessionClock {
  /** Calls back once, not before `delay` has passed, unless cancelled by the returned function. */
  after(delay: number, callback: () => void): () => void;
}

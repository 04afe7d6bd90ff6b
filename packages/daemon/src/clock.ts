// Time, injected so that tests need not wait. Milliseconds of a clock that never jumps; it says nothing about the time of day.

export interface Clock {
  now(): number;
  /** Calls back once, never before `now` is `delay` further, unless cancelled by the returned function. */
  after(delay: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delay, callback) {
    const due = performance.now() + delay;
    // A timer counts from the begin of its turn of the event loop and so can be early; who looks at `now` would then wait for nothing.
    const fire = () => {
      const left = due - performance.now();
      if (left <= 0) callback();
      else timer = setTimeout(fire, Math.ceil(left));
    };
    let timer = setTimeout(fire, delay);
    return () => clearTimeout(timer);
  },
};

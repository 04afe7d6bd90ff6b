// When to try again. Pure; times in milliseconds.

export interface Backoff {
  readonly initial: number;
  readonly max: number;
}

/**
 * How long to wait after the `failures`-th failure in a row (from 0): doubles up to the maximum, and of that a random
 * half is left out, so that a thousand clients of one restarted server do not come back at once.
 */
export function backoffDelay(failures: number, { initial, max }: Backoff, random: () => number): number {
  const ceiling = Math.min(max, initial * 2 ** Math.min(failures, 30));
  return ceiling / 2 + (ceiling / 2) * random();
}

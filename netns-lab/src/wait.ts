/** Waiting for a condition with a deadline. The one way in which tests and demos wait. Times are in ms. */
import { LabError } from './error.ts';

export interface WaitOptions {
  /** Default 60 000. */
  readonly timeout?: number;
  /** Pause between two looks; default 100. */
  readonly interval?: number;
}

/**
 * Asks `condition` again and again until it gives something other than `undefined` and `false`; an error of it is a
 * "not yet". LabError `timeout` at the deadline, also while a look is still under way; it names `what` and tells the
 * last error.
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  options: WaitOptions = {},
): Promise<T> {
  const timeout = options.timeout ?? 60_000;
  let last: unknown;
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      over = true;
      const reason =
        last === undefined ? '' : `; last error: ${last instanceof Error ? last.message : String(last)}`;
      reject(
        new LabError('timeout', `not within ${timeout / 1000} s: ${what}${reason}`, {
          facts: { what, timeout },
          cause: last,
        }),
      );
    }, timeout);
  });
  const look = async (): Promise<T> => {
    for (;;) {
      try {
        const value = await condition();
        if (value !== undefined && value !== false) return value;
        last = undefined;
      } catch (error) {
        last = error;
      }
      // Never settles past the deadline: the race below is decided.
      await new Promise<void>((resolve) => {
        if (!over) setTimeout(resolve, options.interval ?? 100);
      });
    }
  };
  try {
    return await Promise.race([look(), deadline]);
  } finally {
    over = true;
    clearTimeout(timer);
  }
}

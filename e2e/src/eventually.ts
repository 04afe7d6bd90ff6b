// How tests and demo wait: often enough to be quick, long enough for an emulated machine that is 20 times slower.
import { waitFor } from '@hostpe/netns-lab';

/** Waits until `condition` holds, 5 minutes at the most if not told otherwise. @param timeout ms @throws LabError `timeout` that names `what`. */
export function eventually(
  what: string,
  condition: () => Promise<boolean>,
  timeout = 300_000,
): Promise<true> {
  return waitFor(what, async () => (await condition()) && true, { timeout, interval: 500 });
}

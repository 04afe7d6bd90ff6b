// How tests and demo wait: often enough to be quick, long enough for an emulated machine that is 20 times slower.
import { waitFor } from '@hostpe/netns-lab';

/** Waits until `condition` holds, 5 minutes at the most. @throws LabError `timeout` that names `what`. */
export function eventually(what: string, condition: () => Promise<boolean>): Promise<true> {
  return waitFor(what, async () => (await condition()) && true, { timeout: 300_000, interval: 500 });
}

// How near counts of routes are to the most that are allowed, and when an operator is to hear of it: once on the way up at each step, not again for every route
// that comes and goes there. Pure.

/** From so much of the limit on it is near, and it is far again below the second. */
const near = 0.8;
const far = 0.7;

type Fill = 'far' | 'near' | 'full';

export class RouteLimits {
  /** By whatever has a limit; of one that is far there is nothing. */
  readonly #fills = new Map<string, Fill>();

  /**
   * Takes note of a count.
   * @param limit undefined: none
   * @returns what is news for an operator: it is near, it is full, or it was full and is not any more (`room`).
   */
  counted(name: string, count: number, limit: number | undefined): 'near' | 'full' | 'room' | undefined {
    const before = this.#fills.get(name) ?? 'far';
    const now = fillOf(count, limit, before);
    if (now === 'far') this.#fills.delete(name);
    else this.#fills.set(name, now);
    if (now === before) return undefined;
    if (before === 'full') return 'room';
    return now === 'far' ? undefined : now;
  }
}

function fillOf(count: number, limit: number | undefined, before: Fill): Fill {
  if (limit === undefined) return 'far';
  if (count >= limit) return 'full';
  if (count >= near * limit) return 'near';
  return before !== 'far' && count >= far * limit ? 'near' : 'far';
}

// The route targets that this speaker wants routes of, each counted: known to peers from the first hold to the last release (RFC 4684 section 5,
// draft-ietf-l3vpn-end-system-06 section 7). Pure.
import { type RouteTarget, routeTargetToBytes } from '@hostpe/net';
import type { RtcNlri } from '../messages.ts';

const wholeTarget = 96;

export class HeldTargets {
  readonly #counts = new Map<RouteTarget, number>();
  readonly #changed: () => void;

  /** @param changed called when there is another one, or one less. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get targets(): Iterable<RouteTarget> {
    return this.#counts.keys();
  }

  has(target: RouteTarget): boolean {
    return this.#counts.has(target);
  }

  hold(target: RouteTarget): void {
    const count = this.#counts.get(target) ?? 0;
    this.#counts.set(target, count + 1);
    if (count === 0) this.#changed();
  }

  release(target: RouteTarget): void {
    const count = this.#counts.get(target);
    if (count === undefined) return;
    if (count > 1) this.#counts.set(target, count - 1);
    else {
      this.#counts.delete(target);
      this.#changed();
    }
  }
}

/** @param as the local AS: whose interest it is */
export function membership(target: RouteTarget, as: number): RtcNlri {
  return { originAs: as, target: routeTargetToBytes(target), length: wholeTarget };
}

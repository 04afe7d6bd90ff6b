// Which routes a peer was told of and were not taken back: a bit for each destination, or path identifiers where the peer takes several paths
// (RFC 7911). Pure.
import type { VpnFamily } from '../codec/options.ts';
import { Bits } from './bits.ts';

const none: readonly number[] = [];

export class Told {
  readonly #addPath: readonly VpnFamily[];
  readonly #dests = new Bits();
  readonly #pathIds = new Map<number, readonly number[]>();
  #paths = 0;

  constructor(addPath: readonly VpnFamily[]) {
    this.#addPath = addPath;
  }

  get size(): number {
    return this.#dests.size + this.#paths;
  }

  /** @param pathId 0 for the one of a family that has no identifiers. */
  has(dest: number, pathId: number): boolean {
    return pathId === 0 ? this.#dests.has(dest) : (this.#pathIds.get(dest)?.includes(pathId) ?? false);
  }

  /**
   * The peer is told these paths of a destination, and no others.
   * @param pathIds 0 for the one of a family that has no identifiers.
   * @returns those that are to be taken back.
   */
  replace(dest: number, family: VpnFamily, pathIds: readonly number[]): readonly number[] {
    if (!this.#addPath.includes(family)) {
      if (pathIds.length > 0) {
        this.#dests.add(dest);
        return none;
      }
      return this.#dests.delete(dest) ? [0] : none;
    }
    const before = this.#pathIds.get(dest) ?? none;
    if (pathIds.length > 0) this.#pathIds.set(dest, pathIds);
    else this.#pathIds.delete(dest);
    this.#paths += pathIds.length - before.length;
    return before.filter((pathId) => !pathIds.includes(pathId));
  }
}

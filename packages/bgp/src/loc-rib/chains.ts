// Members that are each in one chain at a time: two columns a member, one a chain. Pure.
import { reaching } from './column.ts';

const none = 0;

export class Chains {
  /** By chain and by member: a member and one more; 0: none. */
  #first = new Uint32Array(0);
  #next = new Uint32Array(0);
  #previous = new Uint32Array(0);

  /** -1: the chain is empty. */
  first(chain: number): number {
    return (this.#first[chain] ?? none) - 1;
  }

  /** The member comes first in its chain. */
  add(chain: number, member: number): void {
    this.#first = reaching(this.#first, chain);
    this.#next = reaching(this.#next, member);
    this.#previous = reaching(this.#previous, member);
    const first = this.#first[chain] as number;
    this.#first[chain] = member + 1;
    this.#next[member] = first;
    this.#previous[member] = none;
    if (first !== none) this.#previous[first - 1] = member + 1;
  }

  /** @param chain the one that it is in */
  remove(chain: number, member: number): void {
    const next = this.#next[member] as number;
    const previous = this.#previous[member] as number;
    if (previous === none) this.#first[chain] = next;
    else this.#next[previous - 1] = next;
    if (next !== none) this.#previous[next - 1] = previous;
  }

  /** Of a chain that does not change meanwhile. */
  *members(chain: number): Generator<number> {
    for (let member = this.#first[chain] ?? none; member !== none; member = this.#next[member - 1] as number)
      yield member - 1;
  }
}

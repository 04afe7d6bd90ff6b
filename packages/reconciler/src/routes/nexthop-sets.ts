// What the routes of a VPN lead to, each list of nexthops kept once and known by a number. Pure. Many routes share one.
import type { DesiredNexthop } from '../desired.ts';

/** Nothing is known of the prefix: what the kernel has of it is left while the VPN is incomplete. */
export const UNKNOWN = 0;
/** The prefix is known to have no route. */
export const WITHDRAWN = 1;
const firstNumber = 2;

interface NexthopSet {
  readonly key: string;
  readonly nexthops: readonly DesiredNexthop[];
  users: number;
}

const empty: readonly DesiredNexthop[] = [];

export class NexthopSets {
  readonly #numbers = new Map<string, number>();
  readonly #sets: (NexthopSet | undefined)[] = [undefined, undefined];
  readonly #free: number[] = [];
  /** Of lists that came before: many routes come with the same one. */
  readonly #keys = new WeakMap<readonly DesiredNexthop[], string>();
  #version = 0;

  /** Changes whenever a set comes or goes. */
  get version(): number {
    return this.#version;
  }

  /** One more user of a list of nexthops, which never changes. @returns its number */
  take(nexthops: readonly DesiredNexthop[]): number {
    if (nexthops.length === 0) return WITHDRAWN;
    let key = this.#keys.get(nexthops);
    if (key === undefined) {
      key = keyOf(nexthops);
      this.#keys.set(nexthops, key);
    }
    const known = this.#numbers.get(key);
    if (known !== undefined) {
      (this.#sets[known] as NexthopSet).users++;
      return known;
    }
    const number = this.#free.pop() ?? this.#sets.length;
    this.#sets[number] = { key, nexthops, users: 1 };
    this.#numbers.set(key, number);
    this.#version++;
    return number;
  }

  /** One user less; the number means nothing any more after the last. */
  release(number: number): void {
    const set = this.#sets[number];
    if (number < firstNumber || set === undefined || --set.users > 0) return;
    this.#sets[number] = undefined;
    this.#numbers.delete(set.key);
    this.#free.push(number);
    this.#version++;
  }

  nexthops(number: number): readonly DesiredNexthop[] {
    return this.#sets[number]?.nexthops ?? empty;
  }

  /** Every list that a route has. */
  *all(): Iterable<readonly DesiredNexthop[]> {
    for (const set of this.#sets) if (set !== undefined) yield set.nexthops;
  }
}

function keyOf(nexthops: readonly DesiredNexthop[]): string {
  let key = '';
  for (const nexthop of nexthops)
    key +=
      nexthop.kind === 'local'
        ? `${nexthop.interface}\n`
        : `${nexthop.pe} ${nexthop.label} ${nexthop.encapsulation}\n`;
  return key;
}

// What the routes of a VPN say besides their prefix: each combination of next-hops and local preference kept once and known by a number. Pure.
// Many routes share one; it is forgotten with its last user.
import type { VpnNexthop, VpnRoute } from '../messages.ts';
import { ownText } from './own-text.ts';

const defaultLocalPreference = 100;
const defaultSequenceNumber = 0;

/** The number of no attributes: there is no route. */
export const NO_ROUTE = 0;

export interface AttributeSet {
  readonly nexthops: readonly VpnNexthop[];
  readonly localPreference: number | undefined;
}

interface CountedSet extends AttributeSet {
  readonly hash: number;
  /** Number of another set with the same hash; 0: none. */
  next: number;
  users: number;
}

export function localPreferenceOf(said: number | undefined): number {
  return said ?? defaultLocalPreference;
}

export function sequenceNumberOf(said: number | undefined): number {
  return said ?? defaultSequenceNumber;
}

export class AttributeSets {
  /** By hash: the number of the first set that has it. */
  readonly #first = new Map<number, number>();
  readonly #sets: (CountedSet | undefined)[] = [undefined];
  readonly #free: number[] = [];
  #size = 0;

  /** How many different ones are in use. */
  get size(): number {
    return this.#size;
  }

  /** One more user of what the route says. @returns its number */
  take(route: VpnRoute): number {
    const hash = hashOf(route);
    const first = this.#first.get(hash) ?? 0;
    for (let number = first; number !== 0; ) {
      const set = this.#sets[number] as CountedSet;
      if (isSaidBy(set, route)) {
        set.users++;
        return number;
      }
      number = set.next;
    }
    const number = this.#free.pop() ?? this.#sets.length;
    const nexthops = route.nexthops.map((nexthop) => ({ ...nexthop, address: ownText(nexthop.address) }));
    const { localPreference } = route;
    this.#sets[number] = { nexthops, localPreference, hash, next: first, users: 1 };
    this.#first.set(hash, number);
    this.#size++;
    return number;
  }

  /** One more user. */
  hold(number: number): void {
    const set = this.#sets[number];
    if (set !== undefined) set.users++;
  }

  /** One user less; after the last the number means nothing any more. */
  release(number: number): void {
    const set = this.#sets[number];
    if (set === undefined || --set.users > 0) return;
    this.#unlink(number, set);
    this.#sets[number] = undefined;
    this.#free.push(number);
    this.#size--;
  }

  #unlink(number: number, { hash, next }: CountedSet): void {
    const first = this.#first.get(hash) as number;
    if (first !== number) {
      let before = this.#sets[first] as CountedSet;
      while (before.next !== number) before = this.#sets[before.next] as CountedSet;
      before.next = next;
    } else if (next === 0) this.#first.delete(hash);
    else this.#first.set(hash, next);
  }

  get(number: number): AttributeSet | undefined {
    return this.#sets[number];
  }

  localPreference(number: number): number {
    return localPreferenceOf(this.#sets[number]?.localPreference);
  }

  /** Whether a route says just this. */
  isOf(number: number, route: VpnRoute): boolean {
    const set = this.#sets[number];
    return set !== undefined && isSaidBy(set, route);
  }

  /** Whether both mean the same; a local preference that is not said is the default. */
  meansSame(a: number, b: number): boolean {
    if (a === b) return true;
    const one = this.#sets[a];
    const other = this.#sets[b];
    if (one === undefined || other === undefined) return one === other;
    return this.localPreference(a) === this.localPreference(b) && isSameList(one.nexthops, other.nexthops);
  }
}

function isSaidBy(set: AttributeSet, { nexthops, localPreference }: VpnRoute): boolean {
  return set.localPreference === localPreference && isSameList(set.nexthops, nexthops);
}

/** Finds a set without a text being made: a million routes come at once. */
function hashOf({ nexthops, localPreference = 0 }: VpnRoute): number {
  let hash = localPreference | 0;
  for (const { address, label } of nexthops) {
    hash = Math.imul(hash ^ label, 0x9e3779b1);
    for (let at = 0; at < address.length; at++) hash = Math.imul(hash ^ address.charCodeAt(at), 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash;
}

function isSameList(a: readonly VpnNexthop[], b: readonly VpnNexthop[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) {
    const one = a[at];
    const other = b[at];
    if (one === undefined || other === undefined) return false;
    if (one.address !== other.address || one.label !== other.label) return false;
    if (one.encapsulations.length !== other.encapsulations.length) return false;
    for (let index = 0; index < one.encapsulations.length; index++)
      if (one.encapsulations[index] !== other.encapsulations[index]) return false;
  }
  return true;
}

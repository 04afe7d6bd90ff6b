// Attributes and nexthops as paths have them: each combination kept once, by number, for as long as a path has it. Owns the numbers; knows no path.
import type { IpAddress, RouteTarget } from '@hostpe/net';
import type { PathAttributes } from '../messages.ts';
import { hasCommunity, staleLongLived } from '../rules/communities.ts';
import { mobilityOf } from '../rules/extended-communities.ts';

export interface AttributeSet {
  readonly attributes: PathAttributes;
  readonly nexthop: IpAddress;
  readonly rank: Rank;
}

/** What the attributes say of how good a path is: read once, compared often. */
interface Rank {
  readonly longLivedStale: boolean;
  readonly localPreference: number;
  readonly sequenceNumber: number;
  readonly asPath: number;
  readonly origin: number;
  readonly med: number;
}

interface CountedSet extends AttributeSet {
  readonly key: string;
  users: number;
}

const origins = { igp: 0, egp: 1, incomplete: 2 } as const;
const defaultLocalPreference = 100;

export class AttributeSets {
  readonly #sets: (CountedSet | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #byTarget = new Map<RouteTarget, Set<number>>();

  get size(): number {
    return this.#numbers.size;
  }

  /** Route targets that some set has. */
  get targets(): Iterable<RouteTarget> {
    return this.#byTarget.keys();
  }

  /** Numbers of the sets with a route target; live. */
  withTarget(target: RouteTarget): Iterable<number> {
    return this.#byTarget.get(target) ?? [];
  }

  /** Number of paths with a route target. */
  pathsWithTarget(target: RouteTarget): number {
    let paths = 0;
    for (const number of this.withTarget(target)) paths += this.#set(number).users;
    return paths;
  }

  /** The number of these attributes; of use once a path holds it, or until the next call of `settle`. */
  take(attributes: PathAttributes, nexthop: IpAddress): number {
    const key = keyOf(attributes, nexthop);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#free.pop() ?? this.#sets.length;
    this.#sets[number] = { attributes, nexthop, rank: rankOf(attributes), key, users: 0 };
    this.#numbers.set(key, number);
    for (const target of attributes.routeTargets) {
      const sets = this.#byTarget.get(target);
      if (sets !== undefined) sets.add(number);
      else this.#byTarget.set(target, new Set([number]));
    }
    return number;
  }

  get(number: number): AttributeSet {
    return this.#set(number);
  }

  hold(number: number): void {
    this.#set(number).users += 1;
  }

  release(number: number): void {
    const set = this.#set(number);
    set.users -= 1;
    this.settle(number);
  }

  /** Forgets what no path holds. */
  settle(number: number): void {
    const set = this.#set(number);
    if (set.users > 0) return;
    this.#sets[number] = undefined;
    this.#free.push(number);
    this.#numbers.delete(set.key);
    for (const target of set.attributes.routeTargets) {
      const sets = this.#byTarget.get(target);
      sets?.delete(number);
      if (sets?.size === 0) this.#byTarget.delete(target);
    }
  }

  #set(number: number): CountedSet {
    const set = this.#sets[number];
    if (set === undefined) throw new Error(`no attribute set ${number}`);
    return set;
  }
}

/** Equal texts mean equal attributes: octets are written out, since JSON of a Uint8Array is long. */
function keyOf(attributes: PathAttributes, nexthop: IpAddress): string {
  return JSON.stringify([nexthop, attributes], (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
}

function rankOf(attributes: PathAttributes): Rank {
  const { asPath, communities, extendedCommunities, localPreference, origin, med } = attributes;
  let length = 0;
  // RFC 4271 section 9.1.2.2, RFC 5065 section 5.3.
  for (const { kind, numbers } of asPath)
    if (kind === 'sequence') length += numbers.length;
    else if (kind === 'set') length += 1;
  return {
    longLivedStale: hasCommunity(communities, staleLongLived),
    localPreference: localPreference ?? defaultLocalPreference,
    sequenceNumber: mobilityOf(extendedCommunities)?.sequenceNumber ?? 0,
    asPath: length,
    origin: origins[origin],
    med: med ?? 0,
  };
}

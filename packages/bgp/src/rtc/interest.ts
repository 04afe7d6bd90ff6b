// Which peers want routes with which route targets, as their route-target membership says (RFC 4684). Pure; owns no session. Peers are small numbers.
import { type RouteTarget, routeTargetFromWords, routeTargetToBytes } from '@hostpe/net';
import type { RtcNlri } from '../messages.ts';

/** Of which routes a peer's interest may be another than before. */
export interface InterestChange {
  readonly targets: readonly RouteTarget[];
  /** Undefined: of no others. */
  readonly matches: ((target: RouteTarget) => boolean) | undefined;
}

/** NLRI bits in front of the route target: the origin AS, which says whose interest it is and not in what (RFC 4684 section 4). */
const originBits = 32;
const wholeTarget = 96;

interface Membership {
  readonly nlri: RtcNlri;
  /** Stale where it is not the peer's. */
  generation: number;
}

interface Interest {
  isFiltered: boolean;
  generation: number;
  /** By what distinguishes NLRI. */
  readonly memberships: Map<string, Membership>;
  /** Of whole targets, counted: several origin ASes may have one. */
  readonly targets: Map<RouteTarget, number>;
  /** The others, by the bits of the target that count. */
  readonly ranges: Map<string, { readonly range: RtcNlri; count: number }>;
}

export class RouteTargetInterest {
  readonly #peers = new Map<number, Interest>();

  /** The peer does not speak of route targets: it wants all. */
  unfiltered(peer: number): InterestChange | undefined {
    return this.#filter(peer, false);
  }

  /** The peer wants what it says, from now on. */
  filtered(peer: number): InterestChange | undefined {
    return this.#filter(peer, true);
  }

  /** @returns what changed; undefined: nothing. */
  add(peer: number, nlri: RtcNlri): InterestChange | undefined {
    const interest = this.#of(peer);
    const key = keyOf(nlri);
    const known = interest.memberships.get(key);
    if (known !== undefined) {
      known.generation = interest.generation;
      return undefined;
    }
    interest.memberships.set(key, { nlri, generation: interest.generation });
    return count(interest, nlri, 1);
  }

  remove(peer: number, nlri: RtcNlri): InterestChange | undefined {
    const interest = this.#of(peer);
    const known = interest.memberships.get(keyOf(nlri));
    if (known === undefined) return undefined;
    interest.memberships.delete(keyOf(nlri));
    return count(interest, known.nlri, -1);
  }

  /** All that a peer said stays until it is swept, unless it is said again. */
  markStale(peer: number): void {
    this.#of(peer).generation += 1;
  }

  sweep(peer: number): InterestChange | undefined {
    const interest = this.#of(peer);
    const changes: InterestChange[] = [];
    for (const [key, { nlri, generation }] of interest.memberships) {
      if (generation === interest.generation) continue;
      interest.memberships.delete(key);
      const change = count(interest, nlri, -1);
      if (change !== undefined) changes.push(change);
    }
    if (changes.length === 0) return undefined;
    const ranges = changes.flatMap(({ matches }) => matches ?? []);
    return {
      targets: changes.flatMap(({ targets }) => targets),
      matches: ranges.length === 0 ? undefined : (target) => ranges.some((matches) => matches(target)),
    };
  }

  /** Whether the peer wants a route with these targets. A route without a target is nobody's (RFC 4684 section 6). */
  wants(peer: number, targets: readonly RouteTarget[]): boolean {
    const interest = this.#of(peer);
    if (!interest.isFiltered) return true;
    for (const target of targets) {
      if (interest.targets.has(target)) return true;
      for (const { range } of interest.ranges.values()) if (isWithin(target, range)) return true;
    }
    return false;
  }

  /** What a peer said, for operators. */
  memberships(peer: number): readonly RtcNlri[] {
    return [...this.#of(peer).memberships.values()].map(({ nlri }) => nlri);
  }

  #filter(peer: number, isFiltered: boolean): InterestChange | undefined {
    const interest = this.#of(peer);
    if (interest.isFiltered === isFiltered) return undefined;
    interest.isFiltered = isFiltered;
    return { targets: [], matches: () => true };
  }

  #of(peer: number): Interest {
    const known = this.#peers.get(peer);
    if (known !== undefined) return known;
    const interest: Interest = {
      isFiltered: true,
      generation: 0,
      memberships: new Map(),
      targets: new Map(),
      ranges: new Map(),
    };
    this.#peers.set(peer, interest);
    return interest;
  }
}

function count({ targets, ranges }: Interest, nlri: RtcNlri, difference: 1 | -1): InterestChange | undefined {
  if (nlri.length === wholeTarget) {
    const target = targetOf(nlri);
    // No route can have a target of an unknown kind.
    if (target === undefined) return undefined;
    const before = targets.get(target) ?? 0;
    const now = before + difference;
    if (now === 0) targets.delete(target);
    else targets.set(target, now);
    return before === 0 || now === 0 ? { targets: [target], matches: undefined } : undefined;
  }
  const key = `${nlri.length} ${hex(nlri.target)}`;
  const known = ranges.get(key);
  const now = (known?.count ?? 0) + difference;
  if (now === 0) ranges.delete(key);
  else if (known === undefined) ranges.set(key, { range: nlri, count: now });
  else known.count = now;
  return known === undefined || now === 0
    ? { targets: [], matches: (target) => isWithin(target, nlri) }
    : undefined;
}

function targetOf({ target }: RtcNlri): RouteTarget | undefined {
  const words = new DataView(target.buffer, target.byteOffset, target.byteLength);
  return routeTargetFromWords(words.getUint32(0), words.getUint32(4));
}

function isWithin(target: RouteTarget, range: RtcNlri): boolean {
  const bits = range.length - originBits;
  if (bits <= 0) return true;
  const bytes = routeTargetToBytes(target);
  for (let octet = 0; octet * 8 < bits; octet++) {
    const mask = (0xff00 >>> Math.min(8, bits - octet * 8)) & 0xff;
    if ((((bytes[octet] ?? 0) ^ (range.target[octet] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

const keyOf = ({ originAs, target, length }: RtcNlri): string => `${originAs} ${length} ${hex(target)}`;
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

// The routes: what each forwarder published (adj-RIB-in) and what each VPN uses of it (loc-RIB). Pure; owns no timer, no
// session and no authorisation. Every change comes back as what the subscribers of each importing VPN have to hear.
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import { announcedRoute, type Path, sameRoute } from './selection.ts';
import type { Vpns } from './vpns.ts';

/** A path in the RIB. Stale: its forwarder's session was lost and it has not been published again since. */
export interface RibPath extends Path {
  readonly stale: boolean;
}

/** What changed in one importing VPN; never empty. */
export interface VpnChange {
  readonly vpn: string;
  /** New or changed routes as announced: id = prefix. */
  readonly routes: readonly VpnRoute[];
  readonly withdrawn: readonly IpPrefix[];
  /** Where each of `routes`, then each of `withdrawn`, was in the table before, as `table` has it; 0 where it was not. */
  readonly places: readonly number[];
}

/** A route of a table and its place: the higher, the later it came into the table. A changed route keeps its place. */
export interface PlacedRoute {
  readonly place: number;
  readonly announced: VpnRoute;
}

interface MutablePath extends RibPath {
  stale: boolean;
  /** Of use while it is stale. */
  staleSince: number;
}

/** What one forwarder published in one VPN. */
interface AdjRibIn {
  readonly account: string;
  readonly vpn: string;
  readonly paths: Map<IpPrefix, MutablePath>;
  /** A retract names an item only by its id. */
  readonly prefixes: Map<string, IpPrefix>;
}

interface LocRibEntry {
  readonly place: number;
  paths: readonly MutablePath[];
  announced: VpnRoute;
}

export class Rib {
  readonly #vpns: Vpns;
  /** By account, then VPN. */
  readonly #adjRibsIn = new Map<string, Map<string, AdjRibIn>>();
  /** By importing VPN, then prefix. */
  readonly #locRibs = new Map<string, Map<IpPrefix, LocRibEntry>>();
  #lastPlace = 0;

  constructor(vpns: Vpns) {
    this.#vpns = vpns;
    for (const vpn of vpns.names()) this.#locRibs.set(vpn, new Map());
  }

  /** Takes routes of one forwarder; what it published before under the same prefix or the same id is replaced. */
  publish(account: string, vpn: string, routes: readonly VpnRoute[]): readonly VpnChange[] {
    const adjRibIn = this.#adjRibIn(account, vpn);
    const replaced = new Map<IpPrefix, MutablePath | undefined>();
    const remember = (prefix: IpPrefix) => {
      if (!replaced.has(prefix)) replaced.set(prefix, adjRibIn.paths.get(prefix));
    };
    for (const route of routes) {
      const formerPrefix = adjRibIn.prefixes.get(route.id);
      if (formerPrefix !== undefined && formerPrefix !== route.prefix) {
        remember(formerPrefix);
        removePath(adjRibIn, formerPrefix);
      }
      remember(route.prefix);
      removePath(adjRibIn, route.prefix);
      adjRibIn.paths.set(route.prefix, { account, vpn, route, stale: false, staleSince: 0 });
      adjRibIn.prefixes.set(route.id, route.prefix);
    }
    return this.#apply(adjRibIn, replaced);
  }

  /** Removes items by id; ids that the forwarder has not published in the VPN come back in `unknown`. */
  retract(
    account: string,
    vpn: string,
    ids: readonly string[],
  ): { readonly changes: readonly VpnChange[]; readonly unknown: readonly string[] } {
    const adjRibIn = this.#adjRibIn(account, vpn);
    const prefixes: IpPrefix[] = [];
    const unknown: string[] = [];
    for (const id of new Set(ids)) {
      const prefix = adjRibIn.prefixes.get(id);
      if (prefix === undefined) unknown.push(id);
      else prefixes.push(prefix);
    }
    return { changes: this.#remove(adjRibIn, prefixes), unknown };
  }

  /** Removes all that a forwarder published in a VPN. */
  withdraw(account: string, vpn: string): readonly VpnChange[] {
    const adjRibIn = this.#adjRibIn(account, vpn);
    return this.#remove(adjRibIn, [...adjRibIn.paths.keys()]);
  }

  /**
   * Marks all that a forwarder published: publishing it again unmarks it. No subscriber hears of it.
   * @param now milliseconds of any clock; of what is stale already, the time stays.
   */
  markStale(account: string, now: number): void {
    for (const { paths } of this.#ofAccount(account))
      for (const path of paths.values()) {
        if (!path.stale) path.staleSince = now;
        path.stale = true;
      }
  }

  /** Since when the longest stale path of a forwarder is stale; undefined where none is. */
  staleSince(account: string): number | undefined {
    let oldest: number | undefined;
    for (const { paths } of this.#ofAccount(account))
      for (const { stale, staleSince } of paths.values())
        if (stale && (oldest === undefined || staleSince < oldest)) oldest = staleSince;
    return oldest;
  }

  /** Removes what is still stale of a forwarder, in one VPN or in all, and has been so since `until` or longer. */
  sweep(account: string, vpn?: string, until = Number.POSITIVE_INFINITY): readonly VpnChange[] {
    return this.#ofAccount(account)
      .filter((adjRibIn) => vpn === undefined || adjRibIn.vpn === vpn)
      .flatMap((adjRibIn) =>
        this.#remove(
          adjRibIn,
          [...adjRibIn.paths.values()]
            .filter((path) => path.stale && path.staleSince <= until)
            .map((path) => path.route.prefix),
        ),
      );
  }

  /** The routes that subscribers of a VPN are to have, as announced. */
  *announced(vpn: string): Generator<VpnRoute> {
    for (const { announced } of this.#locRibs.get(vpn)?.values() ?? []) yield announced;
  }

  /**
   * The routes of a VPN in the order of their places. Live: of what changes, what lies ahead is found as it then is, also what
   * is new; what is withdrawn is not found.
   */
  table(vpn: string): Iterator<PlacedRoute> {
    return (this.#locRibs.get(vpn) ?? new Map<IpPrefix, LocRibEntry>()).values();
  }

  /** What subscribers of a VPN are to have for a prefix. */
  route(vpn: string, prefix: IpPrefix): PlacedRoute | undefined {
    return this.#locRibs.get(vpn)?.get(prefix);
  }

  /** The highest place of all tables until now. */
  get lastPlace(): number {
    return this.#lastPlace;
  }

  /** Number of prefixes in a VPN's loc-RIB. */
  size(vpn: string): number {
    return this.#locRibs.get(vpn)?.size ?? 0;
  }

  /** Every prefix of a VPN's loc-RIB with all its paths, used or not. */
  *entries(vpn: string): Generator<readonly [VpnRoute, readonly RibPath[]]> {
    for (const { announced, paths } of this.#locRibs.get(vpn)?.values() ?? []) yield [announced, paths];
  }

  /** What a forwarder has published, in all VPNs. */
  published(account: string): { readonly routes: number; readonly stale: number } {
    const paths = this.#ofAccount(account).flatMap((adjRibIn) => [...adjRibIn.paths.values()]);
    return { routes: paths.length, stale: paths.filter((path) => path.stale).length };
  }

  #ofAccount(account: string): AdjRibIn[] {
    return [...(this.#adjRibsIn.get(account)?.values() ?? [])];
  }

  #adjRibIn(account: string, vpn: string): AdjRibIn {
    const ofAccount = this.#adjRibsIn.get(account) ?? new Map<string, AdjRibIn>();
    this.#adjRibsIn.set(account, ofAccount);
    const adjRibIn = ofAccount.get(vpn) ?? { account, vpn, paths: new Map(), prefixes: new Map() };
    ofAccount.set(vpn, adjRibIn);
    return adjRibIn;
  }

  #remove(adjRibIn: AdjRibIn, prefixes: readonly IpPrefix[]): readonly VpnChange[] {
    const replaced = new Map(prefixes.map((prefix) => [prefix, adjRibIn.paths.get(prefix)]));
    for (const prefix of prefixes) removePath(adjRibIn, prefix);
    return this.#apply(adjRibIn, replaced);
  }

  /** Brings the loc-RIB of each importing VPN up to date with an adj-RIB-in of which `replaced` prefixes changed. */
  #apply(adjRibIn: AdjRibIn, replaced: ReadonlyMap<IpPrefix, MutablePath | undefined>): readonly VpnChange[] {
    const changes: VpnChange[] = [];
    for (const vpn of this.#vpns.importers(adjRibIn.vpn)) {
      const routes: VpnRoute[] = [];
      const withdrawn: IpPrefix[] = [];
      const places: number[] = [];
      const placesWithdrawn: number[] = [];
      for (const [prefix, former] of replaced) {
        const place = this.#locRibs.get(vpn)?.get(prefix)?.place ?? 0;
        const change = this.#select(vpn, prefix, former, adjRibIn.paths.get(prefix));
        if (change === 'withdrawn') {
          withdrawn.push(prefix);
          placesWithdrawn.push(place);
        } else if (change !== undefined) {
          routes.push(change);
          places.push(place);
        }
      }
      if (routes.length + withdrawn.length === 0) continue;
      for (const place of placesWithdrawn) places.push(place);
      changes.push({ vpn, routes, withdrawn, places });
    }
    return changes;
  }

  /** Replaces one path of one prefix; undefined when subscribers have nothing to hear. */
  #select(
    vpn: string,
    prefix: IpPrefix,
    former: MutablePath | undefined,
    next: MutablePath | undefined,
  ): VpnRoute | 'withdrawn' | undefined {
    const locRib = this.#locRibs.get(vpn);
    const entry = locRib?.get(prefix);
    const paths = (entry?.paths ?? []).filter((path) => path !== former);
    if (next !== undefined) paths.push(next);
    const announced = announcedRoute(prefix, paths);
    if (announced === undefined) return locRib?.delete(prefix) ? 'withdrawn' : undefined;
    if (entry !== undefined && sameRoute(entry.announced, announced)) {
      entry.paths = paths;
      return undefined;
    }
    if (entry !== undefined) {
      entry.paths = paths;
      entry.announced = announced;
      return announced;
    }
    this.#lastPlace += 1;
    locRib?.set(prefix, { place: this.#lastPlace, paths, announced });
    return announced;
  }
}

function removePath(adjRibIn: AdjRibIn, prefix: IpPrefix): void {
  const path = adjRibIn.paths.get(prefix);
  if (path === undefined) return;
  adjRibIn.paths.delete(prefix);
  adjRibIn.prefixes.delete(path.route.id);
}

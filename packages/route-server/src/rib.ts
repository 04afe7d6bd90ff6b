// The routes: what each forwarder published (adj-RIB-in) and what each VPN uses of it (the tables). Pure; owns no timer, no
// session and no authorisation. What takes long at a million routes is done in steps, in between which all else may happen; to lose a session
// takes no time at all.
import type { IpAddress, IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import {
  type AdjRibIn,
  addPath,
  inSteps,
  newAdjRibIn,
  newPublication,
  type Publication,
  type RibPath,
  removePath,
} from './adj-rib-in.ts';
import { type TablePath, VpnTables, type VpnTablesParts } from './vpn-tables.ts';
import type { VpnChanges, Vpns } from './vpns.ts';

/** Something that is done step by step; each step says in which VPNs subscribers have something to hear. */
export type Steps = Iterable<Iterable<string>>;

/** Told of each change of what a forwarder has in a VPN, by prefix; undefined: it has none any more. */
export type Export = (
  account: string,
  vpn: string,
  paths: ReadonlyMap<IpPrefix, RibPath | undefined>,
) => void;

export class Rib {
  readonly #vpns: Vpns;
  /** By account, then VPN. */
  readonly #adjRibsIn = new Map<string, Map<string, AdjRibIn>>();
  /** What each VPN imports of it. */
  readonly tables: VpnTables;
  readonly #export: Export;

  /** @param counted as VpnTables tells it */
  constructor(vpns: Vpns, tell: Export = () => {}, counted: VpnTablesParts['counted'] = () => {}) {
    this.#vpns = vpns;
    this.#export = tell;
    this.tables = new VpnTables({ limit: (vpn) => vpns.policy(vpn)?.maxRoutes, counted });
    for (const vpn of vpns.names()) this.tables.add(vpn);
  }

  /**
   * Takes routes of one forwarder; what it published before under the same prefix or the same id is replaced.
   * @returns VPNs whose subscribers have something to hear.
   */
  publish(account: string, vpn: string, routes: readonly VpnRoute[]): ReadonlySet<string> {
    const adjRibIn = this.#adjRibIn(account, vpn);
    const replaced = new Map<IpPrefix, RibPath | undefined>();
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
      addPath(adjRibIn, route);
    }
    return this.#apply(adjRibIn, replaced);
  }

  /** Removes items by id; ids that the forwarder has not published in the VPN come back in `unknown`. */
  retract(
    account: string,
    vpn: string,
    ids: readonly string[],
  ): { readonly changed: ReadonlySet<string>; readonly unknown: readonly string[] } {
    const adjRibIn = this.#adjRibIn(account, vpn);
    const prefixes: IpPrefix[] = [];
    const unknown: string[] = [];
    for (const id of new Set(ids)) {
      const prefix = adjRibIn.prefixes.get(id);
      if (prefix === undefined) unknown.push(id);
      else prefixes.push(prefix);
    }
    return { changed: this.#remove(adjRibIn, prefixes), unknown };
  }

  /** Removes all that a forwarder has published in a VPN until now. */
  withdraw(account: string, vpn: string): Steps {
    const adjRibIn = this.#adjRibIn(account, vpn);
    const gone = [...adjRibIn.publications];
    adjRibIn.current = newPublication(adjRibIn);
    return this.#removal(adjRibIn, gone);
  }

  /**
   * Marks all that a forwarder published: publishing it again unmarks it. No subscriber hears of it.
   * @param now milliseconds of any clock; of what is stale already, the time stays.
   * @param isLowered whether it is the least preferred from now on; `lower` brings the tables up to date with it.
   */
  markStale(account: string, now: number, isLowered = false): void {
    for (const adjRibIn of this.#ofAccount(account)) {
      adjRibIn.current.lostAt = now;
      adjRibIn.current.isLowered = isLowered;
      adjRibIn.current = newPublication(adjRibIn);
    }
  }

  /** Chooses anew among the paths of the prefixes of which a forwarder has a lowered one. */
  *lower(account: string): Steps {
    for (const adjRibIn of this.#ofAccount(account)) {
      for (const paths of inSteps(adjRibIn, ({ isLowered }) => isLowered))
        yield this.#apply(adjRibIn, new Map(paths.map((path) => [path.route.prefix, path])));
    }
  }

  /** Since when the longest stale path of a forwarder is stale, but for those that are being removed; undefined where none is. */
  staleSince(account: string): number | undefined {
    let oldest: number | undefined;
    for (const { publications } of this.#ofAccount(account))
      for (const { lostAt, count, isLeaving } of publications)
        if (lostAt !== undefined && count > 0 && !isLeaving)
          oldest = oldest === undefined ? lostAt : Math.min(oldest, lostAt);
    return oldest;
  }

  /**
   * Removes what is stale of a forwarder now, in one VPN or in all, and has been so since `until` or longer; not what is published again
   * before its turn comes.
   * @returns `routes`: their number.
   */
  sweep(
    account: string,
    vpn?: string,
    until = Number.POSITIVE_INFINITY,
  ): { readonly routes: number; readonly steps: Steps } {
    let routes = 0;
    const removals: Steps[] = [];
    for (const adjRibIn of this.#ofAccount(account)) {
      if (vpn !== undefined && adjRibIn.vpn !== vpn) continue;
      const gone = [...adjRibIn.publications].filter(
        ({ lostAt, isLeaving }) => lostAt !== undefined && lostAt <= until && !isLeaving,
      );
      for (const { count } of gone) routes += count;
      removals.push(this.#removal(adjRibIn, gone));
    }
    return { routes, steps: inTurn(removals) };
  }

  /** Removes what a forwarder published with a next-hop that is none of these, in all VPNs. */
  *withdrawForeign(account: string, addresses: ReadonlySet<IpAddress>): Steps {
    const isForeign = ({ route }: RibPath) => route.nexthops.some(({ address }) => !addresses.has(address));
    for (const adjRibIn of this.#ofAccount(account))
      for (const paths of inSteps(adjRibIn, isForeign))
        yield this.#remove(
          adjRibIn,
          paths.map(({ route }) => route.prefix),
        );
  }

  /** Of a forwarder that does not come any more nothing is kept but what it still has. */
  forget(account: string): void {
    const ofAccount = this.#adjRibsIn.get(account);
    for (const [vpn, { paths }] of ofAccount ?? []) if (paths.size === 0) ofAccount?.delete(vpn);
    if (ofAccount?.size === 0) this.#adjRibsIn.delete(account);
  }

  /** Brings the tables up to date with what the VPNs import, and BGP with what they export, after both changed so. */
  reconfigure({ policies, gained, lost, exports }: VpnChanges): Steps {
    for (const [vpn, { before, after }] of policies)
      if (after === undefined) this.tables.remove(vpn);
      else if (before === undefined) this.tables.add(vpn);
    return inTurn([
      ...[...lost].map((vpn) => this.#leave(vpn)),
      ...[...gained].flatMap(([vpn, sources]) => sources.map((source) => this.#join(vpn, source))),
      ...exports.map((vpn) => this.#exportAgain(vpn)),
      this.#fill(),
    ]);
  }

  has(account: string, vpn: string, prefix: IpPrefix): boolean {
    return this.#adjRibsIn.get(account)?.get(vpn)?.paths.get(prefix) !== undefined;
  }

  /** What a forwarder has in a VPN now. */
  paths(account: string, vpn: string): ReadonlyMap<IpPrefix, RibPath> {
    const paths = this.#adjRibsIn.get(account)?.get(vpn)?.paths.values() ?? [];
    return new Map([...paths].map((path) => [path.route.prefix, path]));
  }

  /** What a forwarder has published, in all VPNs. */
  published(account: string): { readonly routes: number; readonly stale: number } {
    let routes = 0;
    let stale = 0;
    for (const { publications } of this.#ofAccount(account))
      for (const { count, lostAt } of publications) {
        routes += count;
        if (lostAt !== undefined) stale += count;
      }
    return { routes, stale };
  }

  #ofAccount(account: string): Iterable<AdjRibIn> {
    return this.#adjRibsIn.get(account)?.values() ?? [];
  }

  #adjRibIn(account: string, vpn: string): AdjRibIn {
    const ofAccount = this.#adjRibsIn.get(account) ?? new Map<string, AdjRibIn>();
    this.#adjRibsIn.set(account, ofAccount);
    const adjRibIn = ofAccount.get(vpn) ?? newAdjRibIn(account, vpn);
    ofAccount.set(vpn, adjRibIn);
    return adjRibIn;
  }

  /** What `gone` has now is removed by and by, unless it is published again before. */
  #removal(adjRibIn: AdjRibIn, gone: readonly Publication[]): Steps {
    for (const publication of gone) {
      // Withdrawn with the subscription: no session has it any more.
      publication.lostAt ??= 0;
      publication.isLeaving = true;
    }
    return this.#removalSteps(adjRibIn, new Set(gone));
  }

  *#removalSteps(adjRibIn: AdjRibIn, gone: ReadonlySet<Publication>): Steps {
    const isEmpty = () => [...gone].every(({ count }) => count === 0);
    if (!isEmpty())
      for (const paths of inSteps(adjRibIn, ({ publication }) => gone.has(publication))) {
        yield this.#remove(
          adjRibIn,
          paths.map(({ route }) => route.prefix),
        );
        if (isEmpty()) break;
      }
    for (const publication of gone) adjRibIn.publications.delete(publication);
  }

  #remove(adjRibIn: AdjRibIn, prefixes: readonly IpPrefix[]): ReadonlySet<string> {
    const replaced = new Map(prefixes.map((prefix) => [prefix, adjRibIn.paths.get(prefix)]));
    for (const prefix of prefixes) removePath(adjRibIn, prefix);
    return this.#apply(adjRibIn, replaced);
  }

  /** Brings the table of each importing VPN up to date with an adj-RIB-in of which `replaced` prefixes changed. */
  #apply(adjRibIn: AdjRibIn, replaced: ReadonlyMap<IpPrefix, RibPath | undefined>): ReadonlySet<string> {
    const changed = new Set<string>();
    const next = new Map<IpPrefix, RibPath | undefined>();
    for (const prefix of replaced.keys()) next.set(prefix, adjRibIn.paths.get(prefix));
    if (next.size > 0) this.#export(adjRibIn.account, adjRibIn.vpn, next);
    for (const vpn of this.#vpns.importers(adjRibIn.vpn))
      for (const [prefix, former] of replaced)
        if (this.tables.replace(vpn, prefix, listOf(former), listOf(next.get(prefix)))) changed.add(vpn);
    return changed;
  }

  /** Takes out of a VPN what it does not import any more. */
  *#leave(vpn: string): Steps {
    const isGone = (path: TablePath) =>
      path.kind === 'forwarder' && !this.#vpns.sources(vpn).includes(path.vpn);
    for (const isNews of this.tables.drop(vpn, isGone)) yield isNews ? [vpn] : [];
  }

  /** Takes into a VPN what another one exports, as long as it imports it. */
  *#join(vpn: string, source: string): Steps {
    for (const adjRibIn of this.#ofVpn(source))
      for (const paths of inSteps(adjRibIn, () => true)) {
        if (!this.#vpns.importers(source).includes(vpn)) return;
        let isNews = false;
        for (const path of paths)
          if (this.tables.replace(vpn, path.route.prefix, [path], [path])) isNews = true;
        yield isNews ? [vpn] : [];
      }
  }

  /** A limit may be higher than it was. */
  *#fill(): Steps {
    for (const vpn of this.tables.fill()) yield [vpn];
  }

  *#exportAgain(vpn: string): Steps {
    for (const adjRibIn of this.#ofVpn(vpn))
      for (const paths of inSteps(adjRibIn, () => true)) {
        this.#export(adjRibIn.account, vpn, new Map(paths.map((path) => [path.route.prefix, path])));
        yield [];
      }
  }

  #ofVpn(vpn: string): readonly AdjRibIn[] {
    return [...this.#adjRibsIn.values()].flatMap((ofAccount) => ofAccount.get(vpn) ?? []);
  }
}

const listOf = (path: RibPath | undefined): readonly RibPath[] => (path === undefined ? [] : [path]);

function* inTurn(all: Iterable<Steps>): Steps {
  for (const steps of all) yield* steps;
}

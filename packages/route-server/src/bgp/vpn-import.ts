// What the VPNs take of BGP: every path that one of a VPN's import route targets names, but our own forwarders', which are there already. Owns
// which paths are in which VPNs; chooses none. RFC 4364 section 4.3.1.
import type { AttributeSet, Rib as BgpRib } from '@hostpe/bgp';
import type { IpPrefix, RouteTarget } from '@hostpe/net';
import { BgpPath } from './bgp-path.ts';
import { routeOf } from './route-attributes.ts';

export interface VpnImportParts {
  readonly rib: BgpRib;
  /** VPNs that import one of these, each once. */
  readonly importers: (targets: readonly RouteTarget[]) => readonly string[];
  /** Name of a source; undefined for our own. */
  readonly peer: (source: number) => string | undefined;
  /** Replaces paths in a VPN. @returns whether its subscribers have something to hear. */
  readonly replace: (
    vpn: string,
    prefix: IpPrefix,
    former: readonly BgpPath[],
    next: readonly BgpPath[],
  ) => boolean;
}

/** Destinations a step: some tenths of a millisecond. */
const step = 128;
const longLivedStale = 0xffff_0006;
const none: readonly string[] = [];

interface Imported {
  readonly prefix: IpPrefix;
  /** By VPN. */
  readonly paths: ReadonlyMap<string, readonly BgpPath[]>;
}

export class VpnImport {
  readonly #parts: VpnImportParts;
  readonly #reader: ReturnType<BgpRib['reader']>;
  readonly #dests = new Uint32Array(step);
  /** By destination: those that some VPN has. */
  readonly #imported = new Map<number, Imported>();
  /** Whose targets do not change while they last. */
  #importers = new WeakMap<AttributeSet, readonly string[]>();

  constructor(parts: VpnImportParts) {
    this.#parts = parts;
    this.#reader = parts.rib.reader('all');
  }

  /** Takes what changed; each step says in which VPNs subscribers have something to hear. */
  *steps(): Generator<ReadonlySet<string>> {
    for (;;) {
      const count = this.#reader.next(step, this.#dests);
      if (count === 0) return;
      const changed = new Set<string>();
      for (let at = 0; at < count; at++) this.#take(this.#dests[at] as number, changed);
      yield changed;
    }
  }

  /** Looks anew at every route with one of these targets: others import it than before. Steps as those of `steps`. */
  reconsider(targets: Iterable<RouteTarget>): Iterable<ReadonlySet<string>> {
    this.#importers = new WeakMap();
    return this.#reconsiderSteps(targets);
  }

  *#reconsiderSteps(targets: Iterable<RouteTarget>): Generator<ReadonlySet<string>> {
    for (const target of targets) {
      // As they are now: a route that comes meanwhile is taken by `steps`, and one that goes has no path.
      const dests = [...this.#parts.rib.destsWithTarget(target)];
      for (let at = 0; at < dests.length; at += step) {
        const changed = new Set<string>();
        for (const dest of dests.slice(at, at + step)) this.#take(dest, changed);
        yield changed;
      }
    }
  }

  #take(dest: number, changed: Set<string>): void {
    const { rib, replace } = this.#parts;
    const former = this.#imported.get(dest);
    const next = new Map<string, BgpPath[]>();
    let prefix: IpPrefix | undefined;
    for (const path of rib.pathsOf(dest)) {
      const peer = this.#parts.peer(rib.source(path));
      if (peer === undefined) continue;
      const set = rib.set(rib.attributeSet(path));
      const vpns = this.#importersOf(set);
      if (vpns.length === 0) continue;
      prefix ??= rib.prefix(dest);
      const { attributes, nexthop } = set;
      const route = routeOf(attributes, nexthop, prefix, rib.label(path));
      if (route === undefined) continue;
      const imported = new BgpPath({
        peer,
        rd: rib.rd(dest),
        route,
        attributes,
        stale: rib.isStale(path),
        longLived: attributes.communities.includes(longLivedStale),
      });
      for (const vpn of vpns) {
        const same = next.get(vpn);
        if (same !== undefined) same.push(imported);
        else next.set(vpn, [imported]);
      }
    }
    if (prefix !== undefined && next.size > 0) this.#imported.set(dest, { prefix, paths: next });
    else this.#imported.delete(dest);
    for (const [vpn, paths] of former?.paths ?? [])
      if (former !== undefined && (next.get(vpn) === undefined || former.prefix !== prefix))
        if (replace(vpn, former.prefix, paths, [])) changed.add(vpn);
    for (const [vpn, paths] of next)
      if (prefix !== undefined) {
        const before = former?.prefix === prefix ? (former.paths.get(vpn) ?? []) : [];
        if (replace(vpn, prefix, before, paths)) changed.add(vpn);
      }
  }

  #importersOf(set: AttributeSet): readonly string[] {
    const known = this.#importers.get(set);
    if (known !== undefined) return known;
    const { routeTargets } = set.attributes;
    const vpns = routeTargets.length === 0 ? none : this.#parts.importers(routeTargets);
    this.#importers.set(set, vpns);
    return vpns;
  }
}

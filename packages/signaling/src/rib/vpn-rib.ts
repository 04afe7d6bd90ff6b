// What all route servers said about one VPN: which route of a prefix is the best, and which bests change by an event. Pure; route-table.ts has the rules
// in words, server-routes.ts what each server said. Times are milliseconds of any clock.
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '../messages.ts';
import { AttributeSets, NO_ROUTE, sequenceNumberOf } from './attribute-sets.ts';
import type { Standing } from './server-routes.ts';
import { ServerRoutes } from './server-routes.ts';
import { VpnPrefixes } from './vpn-prefixes.ts';

/** A place that an event touches, with what its best route was before. */
interface Touched {
  readonly place: number;
  readonly prefix: IpPrefix | undefined;
  readonly attributes: number;
  readonly sequenceNumber: number;
}

export class VpnRib {
  readonly #prefixes = new VpnPrefixes();
  readonly #sets = new AttributeSets();
  /** The lowest name first. */
  #servers: readonly ServerRoutes[] = [];

  /** How many prefixes have a route. */
  get size(): number {
    return this.#prefixes.size;
  }

  server(name: string): ServerRoutes | undefined {
    return this.#servers.find((one) => one.name === name);
  }

  serverOrNew(name: string): ServerRoutes {
    const known = this.server(name);
    if (known !== undefined) return known;
    const routes = new ServerRoutes(name, this.#prefixes, this.#sets);
    this.#servers = [...this.#servers, routes].sort((a, b) => (a.name < b.name ? -1 : 1));
    return routes;
  }

  learn(from: ServerRoutes, routes: readonly VpnRoute[]): IpPrefix[] {
    const touched: Touched[] = [];
    for (const route of routes) {
      const place = this.#prefixes.insert(route.prefix);
      from.reach(place);
      const earlier = from.placeOfRoute(route, place);
      if (earlier >= 0 && earlier !== place) {
        this.#touch(from, earlier, undefined, touched);
        from.remove(earlier);
      }
      this.#touch(from, place, route.prefix, touched);
      from.say(place, route);
    }
    if (from.standing === 'lost') from.standing = 'telling';
    if (from.standing === 'told') this.#outdate(touched);
    return this.#settle(from, touched);
  }

  retract(from: ServerRoutes, ids: readonly string[], prefixes: readonly IpPrefix[]): IpPrefix[] {
    const touched: Touched[] = [];
    for (const prefix of prefixes) {
      const place = this.#prefixes.find(prefix);
      if (from.has(place)) this.#touch(from, place, prefix, touched);
    }
    for (const id of ids) {
      const place = from.placeOf(id);
      if (place >= 0) this.#touch(from, place, undefined, touched);
    }
    for (const { place } of touched) from.remove(place);
    this.#outdate(touched);
    return this.#settle(from, touched);
  }

  /** @param isSaid whether it was heard, which is a word against the copies of lost servers, or awaited in vain */
  endOfRib(from: ServerRoutes, isSaid: boolean): IpPrefix[] {
    const isWord = isSaid && this.#servers.some((one) => one !== from && one.standing === 'lost');
    const touched: Touched[] = [];
    if (isWord || from.stale > 0)
      for (const place of this.#prefixes.places())
        if (isWord ? from.has(place) : from.isStale(place)) this.#touch(from, place, undefined, touched);
    from.endOfRib = true;
    from.standing = 'told';
    this.#sweep(from, touched, Number.POSITIVE_INFINITY);
    if (isWord) this.#outdate(touched);
    return this.#settle(from, touched);
  }

  /** All that the server said becomes stale. */
  markStale(from: ServerRoutes, standing: Standing, now: number): IpPrefix[] {
    from.standing = standing;
    const changed: IpPrefix[] = [];
    for (const place of this.#prefixes.places()) {
      if (!from.has(place)) continue;
      const before = this.#best(place);
      from.makeStale(place, now);
      const best = this.#best(place);
      if (
        before !== best &&
        before !== undefined &&
        best !== undefined &&
        !this.#saysSame(before, best, place)
      )
        changed.push(this.#prefixes.prefixAt(place));
    }
    return changed;
  }

  sweep(from: ServerRoutes, until: number): IpPrefix[] {
    const touched: Touched[] = [];
    if (from.stale > 0)
      for (const place of this.#prefixes.places())
        if (from.isStale(place)) this.#touch(from, place, undefined, touched);
    this.#sweep(from, touched, until);
    return this.#settle(from, touched);
  }

  best(prefix: IpPrefix): VpnRoute | undefined {
    const place = this.#prefixes.find(prefix);
    const from = place < 0 ? undefined : this.#best(place);
    return from === undefined ? undefined : this.#routeOf(from, place, prefix);
  }

  has(prefix: IpPrefix): boolean {
    return this.#prefixes.find(prefix) >= 0;
  }

  *routes(): Iterable<VpnRoute> {
    for (const place of this.#prefixes.places()) {
      const from = this.#best(place);
      if (from !== undefined) yield this.#routeOf(from, place, this.#prefixes.prefixAt(place));
    }
  }

  *prefixes(): Iterable<IpPrefix> {
    for (const place of this.#prefixes.places()) yield this.#prefixes.prefixAt(place);
  }

  origin(prefix: IpPrefix): { readonly server: string; readonly stale: boolean } | undefined {
    const place = this.#prefixes.find(prefix);
    const from = place < 0 ? undefined : this.#best(place);
    return from === undefined ? undefined : { server: from.name, stale: from.isStale(place) };
  }

  /** Notes what the best route of a place is before it changes, once. */
  #touch(from: ServerRoutes, place: number, prefix: IpPrefix | undefined, touched: Touched[]): void {
    if (!from.mark(place)) return;
    const best = this.#best(place);
    const attributes = best?.attributes(place) ?? NO_ROUTE;
    this.#sets.hold(attributes);
    touched.push({
      place,
      prefix,
      attributes,
      sequenceNumber: sequenceNumberOf(best?.sequenceNumber(place)),
    });
  }

  /** @returns the prefixes of which the best route is another one now */
  #settle(from: ServerRoutes, touched: readonly Touched[]): IpPrefix[] {
    const changed: IpPrefix[] = [];
    for (const { place, prefix, attributes, sequenceNumber } of touched) {
      from.unmark(place);
      const best = this.#best(place);
      const now = best?.attributes(place) ?? NO_ROUTE;
      const isSame =
        this.#sets.meansSame(attributes, now) &&
        sequenceNumber === sequenceNumberOf(best?.sequenceNumber(place));
      if (!isSame) changed.push(prefix ?? this.#prefixes.prefixAt(place));
      this.#sets.release(attributes);
      if (best === undefined) this.#prefixes.remove(place);
    }
    return changed;
  }

  /** Ends the copies that lost servers have of these places. */
  #outdate(touched: readonly Touched[]): void {
    for (const server of this.#servers)
      if (server.standing === 'lost') for (const { place } of touched) server.remove(place);
  }

  /** Removes of these places what has been stale since `until` or longer. */
  #sweep(from: ServerRoutes, touched: readonly Touched[], until: number): void {
    for (const { place } of touched) {
      const since = from.staleSince(place);
      const heldSince = from.heldSince(place);
      if (since !== undefined && since <= until) from.remove(place);
      else if (heldSince !== undefined && heldSince <= until) from.dropHeld(place);
    }
  }

  #best(place: number): ServerRoutes | undefined {
    let best: ServerRoutes | undefined;
    for (const server of this.#servers)
      if (server.has(place) && (best === undefined || this.#isBetter(server, best, place))) best = server;
    return best;
  }

  /** @param b has the lower name: wins where both are as good. */
  #isBetter(a: ServerRoutes, b: ServerRoutes, place: number): boolean {
    const order =
      this.#sets.localPreference(a.attributes(place)) - this.#sets.localPreference(b.attributes(place)) ||
      sequenceNumberOf(a.sequenceNumber(place)) - sequenceNumberOf(b.sequenceNumber(place));
    return order === 0 ? b.isStale(place) && !a.isStale(place) : order > 0;
  }

  #saysSame(a: ServerRoutes, b: ServerRoutes, place: number): boolean {
    return (
      this.#sets.meansSame(a.attributes(place), b.attributes(place)) &&
      sequenceNumberOf(a.sequenceNumber(place)) === sequenceNumberOf(b.sequenceNumber(place))
    );
  }

  #routeOf(from: ServerRoutes, place: number, prefix: IpPrefix): VpnRoute {
    const set = this.#sets.get(from.attributes(place));
    const sequenceNumber = from.sequenceNumber(place);
    return {
      id: from.id(place, prefix),
      prefix,
      nexthops: set?.nexthops ?? [],
      ...(sequenceNumber !== undefined && { sequenceNumber }),
      ...(set?.localPreference !== undefined && { localPreference: set.localPreference }),
    };
  }
}

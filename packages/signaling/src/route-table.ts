// The VPN routes that a forwarder heard from its route servers, merged: per VPN and prefix the best route.
// Pure state: no I/O, no clock; says which prefixes changed, never what to do about it. Times come in, milliseconds of any clock.
// Source: draft-ietf-l3vpn-end-system-06 section 6 (several route servers).
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from './messages.ts';
import type { ServerRoutes, Standing } from './server-routes.ts';
import { comparePreference, hold, remove, sameRoute, sweepStale } from './server-routes.ts';

interface VpnRoutes {
  readonly servers: Map<string, ServerRoutes>;
  readonly best: Map<IpPrefix, VpnRoute>;
}

/**
 * A prefix stands as long as one server has it, be it stale. Of several servers' routes the best is the one with the highest
 * local preference (absent is 100), then the highest sequence number (absent is 0), then a fresh one before a stale one, then
 * the one of the server with the lowest name; its next-hops alone count, they are not mixed with those of others.
 *
 * The copies of a lost server are older than all that others say after it was lost. So they end, prefix by prefix, when a server that has told all
 * says a route, when one says End-of-RIB and has the prefix, and when one withdraws it; otherwise a machine that moved away, or failed, while a
 * server was lost would be led to for ever. What is said before End-of-RIB does not end them: it may be the part of a table of which a better
 * route comes next. A prefix that no other server ever had is nobody's word against the copy: it stays until `sweep`.
 *
 * A prefix has changed when its best route came, went or differs in anything but its item id.
 */
export class VpnRouteTable {
  readonly #vpns = new Map<string, VpnRoutes>();

  /**
   * Takes a server's routes, which replace what it said of the same prefixes and under the same item ids.
   * @returns the prefixes that changed.
   */
  learn(server: string, vpn: string, routes: readonly VpnRoute[]): IpPrefix[] {
    const from = this.#serverRoutes(server, vpn);
    const touched = new Set<IpPrefix>();
    for (const route of routes) {
      const earlier = from.ids.get(route.id);
      if (earlier !== undefined && earlier !== route.prefix) {
        remove(from, earlier);
        touched.add(earlier);
      }
      // A server that names its items after their publishers retracts the loser's id after the winner's item: by then that
      // id must lead nowhere.
      hold(from, route);
      const replaced = from.routes.get(route.prefix);
      if (replaced !== undefined && replaced.id !== route.id) from.ids.delete(replaced.id);
      from.routes.set(route.prefix, route);
      from.ids.set(route.id, route.prefix);
      from.stale.delete(route.prefix);
      touched.add(route.prefix);
    }
    if (from.standing === 'lost') from.standing = 'telling';
    if (from.standing === 'told') this.#outdate(vpn, touched);
    return this.#select(vpn, touched);
  }

  /** @returns the prefixes that changed; ids and prefixes that the server did not use name nothing. */
  retract(
    server: string,
    vpn: string,
    ids: readonly string[],
    prefixes: readonly IpPrefix[] = [],
  ): IpPrefix[] {
    const from = this.#vpns.get(vpn)?.servers.get(server);
    if (from === undefined) return [];
    const touched = new Set<IpPrefix>();
    for (const prefix of prefixes) if (from.routes.has(prefix)) touched.add(prefix);
    for (const id of ids) {
      const prefix = from.ids.get(id);
      if (prefix !== undefined) touched.add(prefix);
    }
    for (const prefix of touched) remove(from, prefix);
    this.#outdate(vpn, touched);
    return this.#select(vpn, touched);
  }

  /** The server has said all: what is still stale of it goes. @returns the prefixes that changed. */
  endOfRib(server: string, vpn: string): IpPrefix[] {
    const from = this.#serverRoutes(server, vpn);
    const said = new Set(from.routes.keys());
    this.#finish(from);
    this.#outdate(vpn, said);
    return this.#select(vpn, said);
  }

  /**
   * End-of-RIB was awaited long enough: as if it had been said, but that it is no word against the copies of others.
   * @returns the prefixes that changed.
   */
  endOfRibOverdue(server: string, vpn: string): IpPrefix[] {
    const from = this.#serverRoutes(server, vpn);
    const unconfirmed = new Set([...from.stale.keys(), ...from.held.keys()]);
    this.#finish(from);
    return this.#select(vpn, unconfirmed);
  }

  /**
   * The server's session is lost: its routes stay, but give way to equal ones of other servers.
   * @param now of what is stale already, the time stays.
   * @returns the prefixes that changed, by VPN; only VPNs with changes.
   */
  markStale(server: string, now: number): Map<string, IpPrefix[]> {
    const changed = new Map<string, IpPrefix[]>();
    for (const vpn of this.#vpns.keys()) {
      const prefixes = this.#markStale(server, vpn, 'lost', now);
      if (prefixes.length > 0) changed.set(vpn, prefixes);
    }
    return changed;
  }

  /**
   * A subscription begins: what the server does not say again until its End-of-RIB will go. To be called before the request
   * is sent, for the first routes can arrive before its answer.
   * @returns the prefixes that changed.
   */
  subscribeStarted(server: string, vpn: string, now: number): IpPrefix[] {
    this.#serverRoutes(server, vpn);
    return this.#markStale(server, vpn, 'telling', now);
  }

  /** The time for a server to return is over: what has been stale since `until` or longer goes. @returns the prefixes that changed. */
  sweep(server: string, vpn: string, until: number): IpPrefix[] {
    const from = this.#vpns.get(vpn)?.servers.get(server);
    return from === undefined ? [] : this.#select(vpn, sweepStale(from, until));
  }

  /** The forwarder left the VPN. */
  forgetVpn(vpn: string): void {
    this.#vpns.delete(vpn);
  }

  /** The best routes as they are now and will be: not a copy. Valid until `forgetVpn`. */
  best(vpn: string): ReadonlyMap<IpPrefix, VpnRoute> {
    return this.#vpns.get(vpn)?.best ?? new Map();
  }

  bestOf(vpn: string, prefix: IpPrefix): VpnRoute | undefined {
    return this.#vpns.get(vpn)?.best.get(prefix);
  }

  /** Which server the best route of a prefix is of, and whether it is stale. */
  origin(vpn: string, prefix: IpPrefix): { readonly server: string; readonly stale: boolean } | undefined {
    return bestCandidate(this.#vpns.get(vpn)?.servers ?? new Map(), prefix);
  }

  standing(server: string, vpn: string): Standing {
    return this.#vpns.get(vpn)?.servers.get(server)?.standing ?? 'lost';
  }

  /** How many routes of a server are stale, and since when the first of them. */
  stale(server: string, vpn: string): { readonly count: number; readonly since: number } {
    const from = this.#vpns.get(vpn)?.servers.get(server);
    let since = Number.POSITIVE_INFINITY;
    for (const at of from?.stale.values() ?? []) if (at < since) since = at;
    for (const held of from?.held.values() ?? []) if (held.since < since) since = held.since;
    return { count: (from?.stale.size ?? 0) + (from?.held.size ?? 0), since };
  }

  /**
   * Whether each of these servers has said End-of-RIB since the forwarder joined the VPN. A lost session does not undo it: what
   * it had said is still here, as stale routes.
   */
  complete(vpn: string, servers: readonly string[]): boolean {
    const known = this.#vpns.get(vpn)?.servers;
    return servers.every((server) => known?.get(server)?.endOfRib === true);
  }

  #serverRoutes(server: string, vpn: string): ServerRoutes {
    let routes = this.#vpns.get(vpn);
    if (routes === undefined) {
      routes = { servers: new Map(), best: new Map() };
      this.#vpns.set(vpn, routes);
    }
    let from = routes.servers.get(server);
    if (from === undefined) {
      from = {
        routes: new Map(),
        ids: new Map(),
        stale: new Map(),
        held: new Map(),
        standing: 'telling',
        endOfRib: false,
      };
      routes.servers.set(server, from);
    }
    return from;
  }

  #finish(from: ServerRoutes): void {
    from.endOfRib = true;
    from.standing = 'told';
    sweepStale(from, Number.POSITIVE_INFINITY);
  }

  /** Ends the copies that lost servers have of these prefixes. */
  #outdate(vpn: string, prefixes: ReadonlySet<IpPrefix>): void {
    for (const from of this.#vpns.get(vpn)?.servers.values() ?? [])
      if (from.standing === 'lost') for (const prefix of prefixes) remove(from, prefix);
  }

  #markStale(server: string, vpn: string, standing: Standing, now: number): IpPrefix[] {
    const from = this.#vpns.get(vpn)?.servers.get(server);
    if (from === undefined) return [];
    from.standing = standing;
    for (const prefix of from.routes.keys()) if (!from.stale.has(prefix)) from.stale.set(prefix, now);
    return this.#select(vpn, new Set(from.stale.keys()));
  }

  /** Chooses the best route of each of `prefixes` anew. @returns those that changed. */
  #select(vpn: string, prefixes: ReadonlySet<IpPrefix>): IpPrefix[] {
    const routes = this.#vpns.get(vpn);
    if (routes === undefined) return [];
    const changed: IpPrefix[] = [];
    for (const prefix of prefixes) {
      const before = routes.best.get(prefix);
      const now = bestCandidate(routes.servers, prefix)?.route;
      if (now === undefined) routes.best.delete(prefix);
      else routes.best.set(prefix, now);
      if (!sameRoute(before, now)) changed.push(prefix);
    }
    return changed;
  }
}

interface Candidate {
  readonly route: VpnRoute;
  readonly stale: boolean;
  readonly server: string;
}

function bestCandidate(servers: ReadonlyMap<string, ServerRoutes>, prefix: IpPrefix): Candidate | undefined {
  let best: Candidate | undefined;
  for (const [server, { routes, stale, held }] of servers) {
    const heldRoute = held.get(prefix)?.route;
    const route = heldRoute ?? routes.get(prefix);
    if (route === undefined) continue;
    const candidate = { route, stale: heldRoute !== undefined || stale.has(prefix), server };
    if (best === undefined || isBetter(candidate, best)) best = candidate;
  }
  return best;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  const preference = comparePreference(a.route, b.route);
  if (preference !== 0) return preference > 0;
  if (a.stale !== b.stale) return b.stale;
  return a.server < b.server;
}

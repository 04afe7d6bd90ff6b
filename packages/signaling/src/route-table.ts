// The VPN routes that a forwarder heard from its route servers, merged: per VPN and prefix the best route.
// Pure state: no I/O, no clock; says which prefixes changed, never what to do about it. Times come in, milliseconds of any clock.
// Source: draft-ietf-l3vpn-end-system-06 section 6 (several route servers).
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from './messages.ts';
import type { BestRoutes } from './rib/best-routes.ts';
import { bestRoutes } from './rib/best-routes.ts';
import type { Standing } from './rib/server-routes.ts';
import { VpnRib } from './rib/vpn-rib.ts';

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
  readonly #vpns = new Map<string, VpnRib>();

  /**
   * Takes a server's routes, which replace what it said of the same prefixes and under the same item ids.
   * @returns the prefixes that changed.
   */
  learn(server: string, vpn: string, routes: readonly VpnRoute[]): IpPrefix[] {
    const rib = this.#rib(vpn);
    return rib.learn(rib.serverOrNew(server), routes);
  }

  /** @returns the prefixes that changed; ids and prefixes that the server did not use name nothing. */
  retract(
    server: string,
    vpn: string,
    ids: readonly string[],
    prefixes: readonly IpPrefix[] = [],
  ): IpPrefix[] {
    const rib = this.#vpns.get(vpn);
    const from = rib?.server(server);
    return rib === undefined || from === undefined ? [] : rib.retract(from, ids, prefixes);
  }

  /** The server has said all: what is still stale of it goes. @returns the prefixes that changed. */
  endOfRib(server: string, vpn: string): IpPrefix[] {
    const rib = this.#rib(vpn);
    return rib.endOfRib(rib.serverOrNew(server), true);
  }

  /**
   * End-of-RIB was awaited long enough: as if it had been said, but that it is no word against the copies of others.
   * @returns the prefixes that changed.
   */
  endOfRibOverdue(server: string, vpn: string): IpPrefix[] {
    const rib = this.#rib(vpn);
    return rib.endOfRib(rib.serverOrNew(server), false);
  }

  /**
   * The server's session is lost: its routes stay, but give way to equal ones of other servers.
   * @param now of what is stale already, the time stays.
   * @returns the prefixes that changed, by VPN; only VPNs with changes.
   */
  markStale(server: string, now: number): Map<string, IpPrefix[]> {
    const changed = new Map<string, IpPrefix[]>();
    for (const [vpn, rib] of this.#vpns) {
      const from = rib.server(server);
      const prefixes = from === undefined ? [] : rib.markStale(from, 'lost', now);
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
    const rib = this.#rib(vpn);
    return rib.markStale(rib.serverOrNew(server), 'telling', now);
  }

  /** The time for a server to return is over: what has been stale since `until` or longer goes. @returns the prefixes that changed. */
  sweep(server: string, vpn: string, until: number): IpPrefix[] {
    const rib = this.#vpns.get(vpn);
    const from = rib?.server(server);
    return rib === undefined || from === undefined ? [] : rib.sweep(from, until);
  }

  /** The forwarder left the VPN. */
  forgetVpn(vpn: string): void {
    this.#vpns.delete(vpn);
  }

  /** The best routes as they are now and will be: not a copy. Valid until `forgetVpn`. */
  best(vpn: string): BestRoutes {
    return bestRoutes(this.#vpns.get(vpn));
  }

  bestOf(vpn: string, prefix: IpPrefix): VpnRoute | undefined {
    return this.#vpns.get(vpn)?.best(prefix);
  }

  /** Which server the best route of a prefix is of, and whether it is stale. */
  origin(vpn: string, prefix: IpPrefix): { readonly server: string; readonly stale: boolean } | undefined {
    return this.#vpns.get(vpn)?.origin(prefix);
  }

  standing(server: string, vpn: string): Standing {
    return this.#vpns.get(vpn)?.server(server)?.standing ?? 'lost';
  }

  /** How many routes of a server are stale, and since when the first of them. */
  stale(server: string, vpn: string): { readonly count: number; readonly since: number } {
    const from = this.#vpns.get(vpn)?.server(server);
    return { count: from?.stale ?? 0, since: from?.oldest() ?? Number.POSITIVE_INFINITY };
  }

  /**
   * Whether each of these servers has said End-of-RIB since the forwarder joined the VPN. A lost session does not undo it: what
   * it had said is still here, as stale routes.
   */
  complete(vpn: string, servers: readonly string[]): boolean {
    const rib = this.#vpns.get(vpn);
    return servers.every((server) => rib?.server(server)?.endOfRib === true);
  }

  #rib(vpn: string): VpnRib {
    const known = this.#vpns.get(vpn);
    if (known !== undefined) return known;
    const rib = new VpnRib();
    this.#vpns.set(vpn, rib);
    return rib;
  }
}

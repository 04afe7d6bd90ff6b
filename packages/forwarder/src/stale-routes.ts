// How long what a lost route server said is kept when nobody says it again. Owns one timer a VPN; the routes are the table's. Times are milliseconds.
// Two cases, for they are different risks. While another server is there and has told all, a route that only the lost one had is in doubt: it is
// kept for some time, and no longer. While none is there, nobody could know better: to go on forwarding is the best that can be done.
// Compare RFC 4724 section 4.2, and draft-ietf-l3vpn-end-system-06 section 6.

import type { Clock } from '@hostpe/daemon';
import type { IpPrefix } from '@hostpe/net';
import type { VpnRouteTable } from '@hostpe/signaling';

/** How long stale routes are kept; undefined: for ever. */
export interface Retention {
  /** While another route server is there that has told all and does not have them. */
  readonly stale: number | undefined;
  /** While no route server is there at all. */
  readonly headless: number | undefined;
}

/** What time ended in one VPN. */
export interface Swept {
  readonly vpn: string;
  readonly reason: keyof Retention;
  /** The servers whose routes they were. */
  readonly servers: readonly string[];
  /** How many routes were given up. 0: none was known, and what the kernel has from before the start goes. */
  readonly routes: number;
  /** Prefixes of which the best route changed by that. */
  readonly changed: readonly IpPrefix[];
}

export interface StaleRoutesOptions {
  readonly servers: readonly string[];
  readonly clock: Clock;
  readonly retention: Retention;
  readonly table: VpnRouteTable;
  readonly onSwept: (swept: Swept) => void;
}

interface Watch {
  /** Since when no server is there; undefined while one is. */
  headlessSince: number | undefined;
  /** Nobody was there for the whole time: also what the kernel has from before is to go. */
  isGivenUp: boolean;
  /** Servers that have told all, and since when. */
  readonly toldSince: Map<string, number>;
  cancel: () => void;
}

export class StaleRoutes {
  readonly #options: StaleRoutesOptions;
  readonly #watches = new Map<string, Watch>();

  constructor(options: StaleRoutesOptions) {
    this.#options = options;
  }

  /** To be called when a VPN is wanted and whenever the standing of a server in it changed. */
  review(vpn: string): void {
    const { servers, clock, table } = this.#options;
    const watch = this.#watch(vpn);
    const now = clock.now();
    for (const server of servers)
      if (table.standing(server, vpn) !== 'told') watch.toldSince.delete(server);
      else if (!watch.toldSince.has(server)) watch.toldSince.set(server, now);
    if (servers.some((server) => table.standing(server, vpn) !== 'lost')) {
      watch.headlessSince = undefined;
      watch.isGivenUp = false;
    } else watch.headlessSince ??= now;
    this.#arm(vpn, watch);
  }

  isGivenUp(vpn: string): boolean {
    return this.#watches.get(vpn)?.isGivenUp ?? false;
  }

  forget(vpn: string): void {
    this.#watches.get(vpn)?.cancel();
    this.#watches.delete(vpn);
  }

  /** Cancels all timers. */
  close(): void {
    for (const { cancel } of this.#watches.values()) cancel();
  }

  #watch(vpn: string): Watch {
    const known = this.#watches.get(vpn);
    if (known !== undefined) return known;
    const watch: Watch = {
      headlessSince: undefined,
      isGivenUp: false,
      toldSince: new Map(),
      cancel: () => {},
    };
    this.#watches.set(vpn, watch);
    return watch;
  }

  #arm(vpn: string, watch: Watch): void {
    const { servers, clock, retention, table } = this.#options;
    const dues = servers.map((server) => {
      const limit = this.#limit(vpn, watch, server);
      const { since } = table.stale(server, vpn);
      return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(since, limit.since) + limit.time;
    });
    if (watch.headlessSince !== undefined && retention.headless !== undefined && !watch.isGivenUp)
      dues.push(watch.headlessSince + retention.headless);
    const due = Math.min(...dues);
    watch.cancel();
    watch.cancel =
      due === Number.POSITIVE_INFINITY
        ? () => {}
        : clock.after(Math.max(0, due - clock.now()), () => this.#fall(vpn, watch));
  }

  #fall(vpn: string, watch: Watch): void {
    const { servers, clock, retention, table, onSwept } = this.#options;
    const now = clock.now();
    const reason = watch.headlessSince === undefined ? 'stale' : 'headless';
    const wasGivenUp = watch.isGivenUp;
    watch.isGivenUp =
      watch.headlessSince !== undefined &&
      now >= watch.headlessSince + (retention.headless ?? Number.POSITIVE_INFINITY);
    const losers: string[] = [];
    const changed = new Set<IpPrefix>();
    let routes = 0;
    for (const server of servers) {
      const limit = this.#limit(vpn, watch, server);
      if (limit === undefined || now < limit.since + limit.time) continue;
      const before = table.stale(server, vpn).count;
      for (const prefix of table.sweep(server, vpn, now - limit.time)) changed.add(prefix);
      const swept = before - table.stale(server, vpn).count;
      if (swept > 0) losers.push(server);
      routes += swept;
    }
    this.#arm(vpn, watch);
    if (routes > 0 || (watch.isGivenUp && !wasGivenUp))
      onSwept({ vpn, reason, servers: losers, routes, changed: [...changed] });
  }

  /** What limits the stale routes of a server now: for how long, counted from when at the earliest. */
  #limit(
    vpn: string,
    { headlessSince, toldSince }: Watch,
    server: string,
  ): { readonly time: number; readonly since: number } | undefined {
    const { retention, table } = this.#options;
    if (table.standing(server, vpn) !== 'lost') return undefined;
    const since = headlessSince ?? Math.min(...toldSince.values());
    const time = headlessSince === undefined ? retention.stale : retention.headless;
    return time === undefined || since === Number.POSITIVE_INFINITY ? undefined : { time, since };
  }
}

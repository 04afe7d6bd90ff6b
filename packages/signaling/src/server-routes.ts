// What one route server said about one VPN, what of it is stale, and which of two routes is preferred. Pure; the merge of several servers is
// route-table.ts. Times are milliseconds of any clock.
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from './messages.ts';

const defaultLocalPreference = 100;
const defaultSequenceNumber = 0;

/** What one route server said about one VPN. */
export interface ServerRoutes {
  readonly routes: Map<IpPrefix, VpnRoute>;
  /** The item id of each of `routes`, for retracts. */
  readonly ids: Map<string, IpPrefix>;
  /** Prefixes of an earlier session or subscription that were not said again yet, and since when; empty in the steady state. */
  readonly stale: Map<IpPrefix, number>;
  /** Stale routes that are better than what the server said of their prefixes since, until it has said all. */
  readonly held: Map<IpPrefix, { readonly route: VpnRoute; readonly since: number }>;
  standing: Standing;
  /** Whether its End-of-RIB was ever heard, or waited for in vain. */
  endOfRib: boolean;
}

/**
 * What weight a server's word has in a VPN now. `lost`: no subscription; all that it said is stale. `telling`: subscribed, its End-of-RIB is
 * awaited; what is stale of it may be said again at any moment. `told`: it has said all, and says every change.
 */
export type Standing = 'lost' | 'telling' | 'told';

/** Removes what has been stale since `until` or longer. @returns its prefixes. */
export function sweepStale(from: ServerRoutes, until: number): ReadonlySet<IpPrefix> {
  const swept = new Set<IpPrefix>();
  for (const [prefix, since] of from.stale) if (since <= until) swept.add(prefix);
  for (const prefix of swept) remove(from, prefix);
  for (const [prefix, { since }] of from.held)
    if (since <= until) {
      from.held.delete(prefix);
      swept.add(prefix);
    }
  return swept;
}

/**
 * A restarted server learns its table piece by piece, and tells it so: what it says first may be the standby of what it says next. So a stale route
 * that is better than the new one is held until the server has said all. Compare RFC 4724 section 4.1, deferral of route selection.
 */
export function hold(from: ServerRoutes, route: VpnRoute): void {
  const { prefix } = route;
  const since = from.stale.get(prefix);
  const stale = from.routes.get(prefix);
  const held = from.held.get(prefix) ?? (since !== undefined && stale && { route: stale, since });
  if (held && comparePreference(held.route, route) > 0) from.held.set(prefix, held);
  else from.held.delete(prefix);
}

/** Removes all that the server said of a prefix. */
export function remove(from: ServerRoutes, prefix: IpPrefix): void {
  const route = from.routes.get(prefix);
  if (route !== undefined) from.ids.delete(route.id);
  from.routes.delete(prefix);
  from.stale.delete(prefix);
  from.held.delete(prefix);
}

/** Positive where `a` is preferred: highest local preference, then highest sequence number. */
export function comparePreference(a: VpnRoute, b: VpnRoute): number {
  return localPreference(a) - localPreference(b) || sequenceNumber(a) - sequenceNumber(b);
}

function localPreference(route: VpnRoute): number {
  return route.localPreference ?? defaultLocalPreference;
}

function sequenceNumber(route: VpnRoute): number {
  return route.sequenceNumber ?? defaultSequenceNumber;
}

/** Whether two routes of a prefix differ in nothing but their item ids. */
export function sameRoute(a: VpnRoute | undefined, b: VpnRoute | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return (
    localPreference(a) === localPreference(b) &&
    sequenceNumber(a) === sequenceNumber(b) &&
    a.nexthops.length === b.nexthops.length &&
    a.nexthops.every((nexthop, index) => {
      const other = b.nexthops[index];
      return (
        other !== undefined &&
        nexthop.address === other.address &&
        nexthop.label === other.label &&
        nexthop.encapsulations.join() === other.encapsulations.join()
      );
    })
  );
}

// What one route server has been told in this session, and which request brings it nearer to what it should hold. Pure: time comes in.
// One request is under way at a time, so that each is answered before what depends on it is asked. Times are milliseconds.
// Source: draft-ietf-l3vpn-end-system-06 section 6: one subscribe per VPN, not per attachment, before its first publish; unsubscribe after the last.

import { isDeepStrictEqual } from 'node:util';
import type { IpPrefix, Label } from '@hostpe/net';
import type { VpnRequest, VpnRoute } from '@hostpe/signaling';
import type { Publications, VpnPublications } from './publications.ts';

interface Item {
  route: VpnRoute;
  /** Labels that the server may have for this item: more than one until it agreed to `route`. */
  labels: ReadonlySet<Label>;
  /** When to publish again what was not agreed to; undefined: agreed. */
  retryAt: number | undefined;
}

interface ToldVpn {
  /** False until the server agreed to the subscription. */
  subscribed: boolean;
  endOfRib: boolean;
  /** Nothing but publishing is asked of this VPN before: the last such request failed. */
  notBefore: number;
  readonly items: Map<string, Item>;
}

/** Items per stanza: bounds its size (about 600 bytes an item). */
const itemsPerRequest = 100;

export class AdjRibOut {
  readonly #vpns = new Map<string, ToldVpn>();

  /** The request that should be sent now; undefined when there is none, see `wakeAt`. */
  next(wanted: Publications, now: number): VpnRequest | undefined {
    for (const [vpn, told] of this.#vpns) {
      if (told.notBefore > now) continue;
      const routes = wanted.get(vpn)?.routes;
      const gone: string[] = [];
      for (const id of told.items.keys()) {
        if (routes?.has(id)) continue;
        gone.push(id);
        if (gone.length === itemsPerRequest) break;
      }
      if (gone.length > 0) return { kind: 'retract', vpn, ids: gone };
      if (routes === undefined) return { kind: 'unsubscribe', vpn };
    }
    for (const [vpn, publications] of wanted) {
      const request = this.#nextOf(vpn, publications, now);
      if (request !== undefined) return request;
    }
    return undefined;
  }

  #nextOf(
    vpn: string,
    { instanceId, routes, settled }: VpnPublications,
    now: number,
  ): VpnRequest | undefined {
    const told = this.#vpns.get(vpn);
    if (told === undefined || !told.subscribed)
      return told !== undefined && told.notBefore > now ? undefined : { kind: 'subscribe', vpn, instanceId };
    const due: VpnRoute[] = [];
    for (const [id, route] of routes) {
      const item = told.items.get(id);
      const isDue =
        item === undefined ||
        !isDeepStrictEqual(item.route, route) ||
        (item.retryAt !== undefined && item.retryAt <= now);
      if (!isDue) continue;
      due.push(route);
      if (due.length === itemsPerRequest) break;
    }
    if (due.length > 0) return { kind: 'publish', vpn, routes: due, rejected: [] };
    return settled && !told.endOfRib && told.notBefore <= now ? { kind: 'end-of-rib', vpn } : undefined;
  }

  /** The request is on its way: from now on the server may hold what it says. */
  sent(request: VpnRequest): void {
    if (request.kind === 'subscribe') {
      this.#vpns.set(request.vpn, { subscribed: false, endOfRib: false, notBefore: 0, items: new Map() });
      return;
    }
    const told = this.#vpns.get(request.vpn);
    if (told === undefined) return;
    // Wanted again before the answer: whether it has happened is unknown, and a second subscribe does no harm.
    if (request.kind === 'unsubscribe') told.subscribed = false;
    if (request.kind !== 'publish') return;
    for (const route of request.routes) {
      const labels = new Set([...(told.items.get(route.id)?.labels ?? []), ...labelsOf(route)]);
      told.items.set(route.id, { route, labels, retryAt: undefined });
    }
  }

  /** The server did what the request asked. */
  agreed(request: VpnRequest): void {
    const told = this.#vpns.get(request.vpn);
    if (told === undefined) return;
    told.notBefore = 0;
    if (request.kind === 'subscribe') told.subscribed = true;
    else if (request.kind === 'unsubscribe') this.#vpns.delete(request.vpn);
    else if (request.kind === 'end-of-rib') told.endOfRib = true;
    else if (request.kind === 'retract') for (const id of request.ids) told.items.delete(id);
    else
      for (const { id } of request.routes) {
        const item = told.items.get(id);
        if (item !== undefined) item.labels = new Set(labelsOf(item.route));
      }
  }

  /** The server refused, or did not answer: what it holds of the request is unknown, and the request is due again at `retryAt`. */
  failed(request: VpnRequest, retryAt: number): void {
    const told = this.#vpns.get(request.vpn);
    if (told === undefined) return;
    if (request.kind !== 'publish') told.notBefore = retryAt;
    // An item that was perhaps taken back is not what it was either: wanted again, it is published again.
    const ids =
      request.kind === 'publish'
        ? request.routes.map(({ id }) => id)
        : request.kind === 'retract'
          ? request.ids
          : [];
    for (const id of ids) {
      const item = told.items.get(id);
      if (item !== undefined) item.retryAt = retryAt;
    }
  }

  /** When `next` may find something by time alone; undefined: never. */
  wakeAt(now: number): number | undefined {
    let earliest: number | undefined;
    const consider = (at: number | undefined) => {
      if (at !== undefined && at > now && (earliest === undefined || at < earliest)) earliest = at;
    };
    for (const { notBefore, items } of this.#vpns.values()) {
      consider(notBefore);
      for (const { retryAt } of items.values()) consider(retryAt);
    }
    return earliest;
  }

  /** Whether the server may still lead packets to this label of ours. */
  announces(label: Label): boolean {
    for (const { items } of this.#vpns.values())
      for (const { labels } of items.values()) if (labels.has(label)) return true;
    return false;
  }

  isSubscribed(vpn: string): boolean {
    return this.#vpns.get(vpn)?.subscribed ?? false;
  }

  /** VPNs whose subscription the server agreed to. */
  subscribed(): readonly string[] {
    return [...this.#vpns.keys()].filter((vpn) => this.isSubscribed(vpn));
  }

  /** Of an item that the server was told and has not yet agreed to take back. */
  prefixOf(vpn: string, id: string): IpPrefix | undefined {
    return this.#vpns.get(vpn)?.items.get(id)?.route.prefix;
  }

  /** Whether End-of-RIB was said of every VPN that is wanted, but for this one. */
  isLastEndOfRib(vpn: string, wanted: Publications): boolean {
    return [...wanted.keys()].every((other) => other === vpn || this.#vpns.get(other)?.endOfRib === true);
  }

  /** VPNs to the number of items told. */
  counts(): ReadonlyMap<string, number> {
    return new Map([...this.#vpns].map(([vpn, { items }]) => [vpn, items.size]));
  }
}

function labelsOf(route: VpnRoute): readonly Label[] {
  return route.nexthops.map(({ label }) => label);
}

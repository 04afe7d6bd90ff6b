// What is to be done with the routes that changed: which are right already, which move, which go, and which have to wait. Pure; asks the kernel nothing.
import type { IpPrefix } from '@hostpe/net';
import { hostPrefix } from '@hostpe/net';
import type { Devices } from '../actual.ts';
import type { DesiredState, DesiredVpn } from '../desired.ts';
import { routeKey } from '../keys.ts';
import { GATEWAY_IPV4, GATEWAY_IPV6 } from '../layout.ts';
import { readyVrf } from '../vrfs.ts';
import type { NexthopObjects } from './nexthop-objects.ts';
import { UNKNOWN, WITHDRAWN } from './nexthop-sets.ts';
import { breathe, PART } from './pace.ts';
import type { Resolution, Resolver } from './resolver.ts';
import type { RouteRows } from './route-rows.ts';

/** Rows of one VPN and family, and for each what it should lead to. */
export interface RowBatch {
  readonly vpn: DesiredVpn;
  readonly rows: RouteRows;
  readonly moving: number[];
  /** As long as `moving`. */
  readonly targets: Resolution[];
  readonly going: number[];
  /** To be looked at again in the next pass. */
  readonly again: number[];
}

export interface RouteWork {
  readonly batches: readonly RowBatch[];
  /** What moving routes should lead to, by content, and how many routes that is of each. */
  readonly targets: ReadonlyMap<string, { readonly to: Resolution; readonly count: number }>;
  /** By nexthop id: where all routes that leave it go to, and how many they are. */
  readonly leaving: ReadonlyMap<number, { readonly to: Resolution | undefined; readonly count: number }>;
  /** Routes that have to wait for something else. */
  readonly blocked: number;
  /** Why a prefix cannot have the route that it should, by routeKey. */
  readonly rejected: ReadonlyMap<string, { readonly name: string; readonly reason: string }>;
}

const gatewayPrefixes: readonly IpPrefix[] = [hostPrefix(GATEWAY_IPV4), hostPrefix(GATEWAY_IPV6)];
const gatewayReason = 'this is the gateway address of every machine: no route may lead elsewhere';
const nowhere: Resolution = { members: [], content: '', waits: false, reason: undefined };

export function routeName(vpn: DesiredVpn, prefix: IpPrefix): string {
  return `route ${prefix} of VPN ${vpn.name}`;
}

/** Takes the changed rows of all VPNs. */
export async function routeWork(
  desired: DesiredState,
  devices: Devices,
  resolver: Resolver,
  nexthops: NexthopObjects,
): Promise<RouteWork> {
  const batches: RowBatch[] = [];
  const leaving = new Map<number, { to: Resolution | undefined; count: number }>();
  const targets = new Map<string, { readonly to: Resolution; count: number }>();
  const rejected = new Map<string, { readonly name: string; readonly reason: string }>();
  let blocked = 0;
  let part = 0;
  for (const vpn of desired.vpns) {
    const isReady = readyVrf(vpn, devices) !== undefined;
    for (const rows of [vpn.routes.rows.ipv4, vpn.routes.rows.ipv6]) {
      if (rows.changes === 0) continue;
      const batch: RowBatch = { vpn, rows, moving: [], targets: [], going: [], again: [] };
      batches.push(batch);
      const gateway = gatewayPrefixes.map((prefix) => rows.index.find(prefix)).find((row) => row >= 0) ?? -1;
      for (const row of rows.takeChanges()) {
        if (++part % PART === 0) await breathe();
        const wanted = rows.wanted(row);
        const actual = rows.actual(row);
        // Kept until the VPN is complete.
        if (wanted === UNKNOWN && !vpn.complete) {
          rows.settle(row);
          continue;
        }
        let target = nowhere;
        if (wanted !== UNKNOWN && wanted !== WITHDRAWN) {
          if (!isReady) {
            blocked++;
            batch.again.push(row);
            continue;
          }
          if (row === gateway) target = { ...nowhere, reason: gatewayReason };
          else target = resolver.resolve(vpn.routes.sets.nexthops(wanted));
          if (target.reason !== undefined) {
            const prefix = rows.index.prefixAt(row);
            rejected.set(routeKey(vpn.table, prefix), {
              name: routeName(vpn, prefix),
              reason: target.reason,
            });
          }
          if (target.waits) blocked++;
          if (target.waits || target.reason !== undefined) batch.again.push(row);
          if (target.waits && target.members.length === 0) continue;
        }
        if (target.members.length === 0) {
          if (actual === 0) rows.settle(row);
          else batch.going.push(row);
        } else if (actual === 0 || nexthops.content(actual) !== target.content) {
          batch.moving.push(row);
          batch.targets.push(target);
          const counted = targets.get(target.content);
          if (counted === undefined) targets.set(target.content, { to: target, count: 1 });
          else counted.count++;
          if (actual !== 0) countLeaving(leaving, actual, target);
        }
      }
    }
  }
  return { batches, targets, leaving, blocked, rejected };
}

function countLeaving(
  leaving: Map<number, { to: Resolution | undefined; count: number }>,
  id: number,
  target: Resolution,
): void {
  const known = leaving.get(id);
  if (known === undefined) leaving.set(id, { to: target, count: 1 });
  else {
    known.count++;
    if (known.to?.content !== target.content) known.to = undefined;
  }
}

/** Lists every row as changed whose route is not the one that it should have. To be called when devices or nexthop objects may have changed. */
export async function listWrongRows(
  vpns: readonly DesiredVpn[],
  resolver: Resolver,
  nexthops: NexthopObjects,
): Promise<void> {
  let part = 0;
  for (const vpn of vpns) {
    for (const rows of [vpn.routes.rows.ipv4, vpn.routes.rows.ipv6]) {
      for (let row = 0; row < rows.index.limit; row++) {
        if (++part % PART === 0) await breathe();
        if (!rows.index.has(row)) continue;
        const actual = rows.actual(row);
        // The object is gone, and the kernel has taken the route with it.
        if (actual !== 0 && nexthops.get(actual) === undefined) {
          rows.setActual(row, 0);
          if (!rows.index.has(row)) continue;
        }
        const wanted = rows.wanted(row);
        const content = rows.actual(row) === 0 ? '' : nexthops.content(rows.actual(row));
        if (wanted === UNKNOWN && !vpn.complete) continue;
        const isWithout = wanted === UNKNOWN || wanted === WITHDRAWN;
        const target = isWithout ? nowhere : resolver.resolve(vpn.routes.sets.nexthops(wanted));
        if (content !== target.content || target.waits || target.reason !== undefined) rows.change(row);
      }
    }
  }
}

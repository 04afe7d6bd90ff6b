// A dump of the kernel's routes of ours, taken into the rows of the VPNs; what belongs to no row is kept apart. Decides what is a stray, and nothing else.

import { prefixLength } from '@hostpe/net';
import type { IpRoute, RouteColumns, Rtnetlink } from '@hostpe/rtnetlink';
import { routeAt } from '@hostpe/rtnetlink';
import type { Devices } from '../actual.ts';
import type { DesiredState, DesiredVpn } from '../desired.ts';
import { FORWARDER_PROTOCOL, isOurNexthopId, UNREACHABLE_METRIC } from '../layout.ts';
import { ourVrfs } from '../vrfs.ts';
import type { NexthopObjects } from './nexthop-objects.ts';
import { UNKNOWN, WITHDRAWN } from './nexthop-sets.ts';
import { breathe, PART } from './pace.ts';

/** RTN_UNICAST. */
const unicast = 1;
/** What the kernel gives a route without a metric. */
export const usualMetric = { ipv4: 0, ipv6: 1024 } as const;

export interface Stray {
  readonly route: IpRoute;
  /** The VPN that the table is or was of. */
  readonly vpn: string | undefined;
}

export interface KernelRoutes {
  /** Routes of ours that no VPN can want as they are: of tables without a VPN, or made otherwise than we do. */
  readonly strays: readonly Stray[];
  /** Tables with their unreachable default, by `FAMILY TABLE`. */
  readonly defaults: ReadonlySet<string>;
}

export function defaultKey(family: IpRoute['family'], table: number): string {
  return `${family} ${table}`;
}

/** Counts the routes of each nexthop anew. @throws RtnetlinkError */
export async function readKernelRoutes(
  rtnetlink: Rtnetlink,
  desired: DesiredState,
  devices: Devices,
  nexthops: NexthopObjects,
): Promise<KernelRoutes> {
  const wanted = new Map(desired.vpns.map((vpn) => [vpn.table, vpn]));
  const names = new Map<number, string>();
  for (const { table, vpn } of ourVrfs(devices)) names.set(table, vpn);
  for (const vpn of desired.vpns) names.set(vpn.table, vpn.name);
  const strays: Stray[] = [];
  const defaults = new Set<string>();
  nexthops.forgetRoutes();
  for (const family of ['ipv4', 'ipv6'] as const) {
    const columns = await rtnetlink.dumpRoutes({ family, protocol: FORWARDER_PROTOCOL });
    for (let at = 0; at < columns.length; at++) {
      if ((at + 1) % PART === 0) await breathe();
      const table = columns.tables[at] as number;
      const id = columns.nexthopIds[at] as number;
      const vpn = wanted.get(table);
      nexthops.countRoute(id, 1);
      if (vpn !== undefined && isPlain(columns, at)) {
        vpn.routes.rows[family].see(
          columns.addresses,
          at * (family === 'ipv4' ? 1 : 4),
          columns.prefixLengths[at] as number,
          id,
        );
        continue;
      }
      const route = routeAt(columns, at);
      if (isUnreachableDefault(route) && vpn !== undefined) defaults.add(defaultKey(family, table));
      const isOurs = isUnreachableDefault(route) ? !names.has(table) : names.has(table) || isOurNexthopId(id);
      // While there is a VRF its default keeps packets from the host's tables; it goes with the VRF, see planFlush.
      if (isOurs) strays.push({ route, vpn: names.get(table) });
    }
    for (const vpn of desired.vpns) {
      const rows = vpn.routes.rows[family];
      for (let first = 0; first < rows.index.limit; first += PART) {
        rows.unsee(first, Math.min(first + PART, rows.index.limit));
        if (first > 0) await breathe();
      }
    }
  }
  return { strays: strays.filter((stray) => !isOverwritten(stray, wanted)), defaults };
}

function isPlain(columns: RouteColumns, at: number): boolean {
  return (
    columns.types[at] === unicast &&
    columns.nexthopIds[at] !== 0 &&
    columns.metrics[at] === usualMetric[columns.family]
  );
}

export function isUnreachableDefault(route: IpRoute): boolean {
  return (
    route.type === 'unreachable' && route.metric === UNREACHABLE_METRIC && prefixLength(route.prefix) === 0
  );
}

/** The route that the VPN wants takes its place: the kernel replaces by prefix and metric. */
function isOverwritten({ route }: Stray, vpns: ReadonlyMap<number, DesiredVpn>): boolean {
  const rows = vpns.get(route.table)?.routes.rows[route.family];
  if (rows === undefined || (route.metric ?? 0) !== usualMetric[route.family]) return false;
  const row = rows.index.find(route.prefix);
  return row >= 0 && rows.wanted(row) !== UNKNOWN && rows.wanted(row) !== WITHDRAWN;
}

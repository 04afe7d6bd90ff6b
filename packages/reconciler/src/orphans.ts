// Orphans: routes of ours that the desired state does not have yet, of VPNs whose routes are not all known. They are kept, with all
// that they need, until End-of-RIB. Pure.
import type { Encapsulation, IpAddress } from '@hostpe/net';
import type { IpRoute, Nexthop } from '@hostpe/rtnetlink';
import type { Devices, Forwarding } from './actual.ts';
import type { DesiredState } from './desired.ts';
import { FORWARDER_PROTOCOL, GRE_DEVICE, isOurNexthopId, peOfGateway, UDP_DEVICE } from './layout.ts';

export interface Orphans {
  readonly routes: ReadonlySet<IpRoute>;
  /** Nexthops and groups that the routes use, and members of the groups. */
  readonly nexthopIds: ReadonlySet<number>;
  readonly pes: readonly { readonly pe: IpAddress; readonly encapsulation: Encapsulation }[];
}

export function findOrphans(desired: DesiredState, devices: Devices, forwarding: Forwarding): Orphans {
  const incomplete = new Map(desired.vpns.flatMap((vpn) => (vpn.complete ? [] : [[vpn.table, vpn]])));
  const routes = new Set<IpRoute>();
  const ids = new Set<number>();
  for (const route of forwarding.routes) {
    const vpn = incomplete.get(route.table);
    if (vpn === undefined || route.nexthopId === undefined || !isOurNexthopId(route.nexthopId)) continue;
    // The desired state has the last word on each prefix that it names.
    if (vpn.routes.has(route.prefix)) continue;
    routes.add(route);
    ids.add(route.nexthopId);
  }
  const nexthops = new Map(forwarding.nexthops.map((nexthop) => [nexthop.id, nexthop]));
  for (const id of [...ids]) {
    for (const member of nexthops.get(id)?.group ?? []) ids.add(member.id);
  }
  const pes = new Map([...ids].flatMap((id) => peOf(nexthops.get(id), devices)));
  return { routes, nexthopIds: ids, pes: [...pes.values()] };
}

type Entry = readonly [string, { readonly pe: IpAddress; readonly encapsulation: Encapsulation }];

function peOf(nexthop: Nexthop | undefined, devices: Devices): Entry[] {
  const pe = peOfGateway(nexthop?.gateway);
  if (pe === undefined || nexthop?.protocol !== FORWARDER_PROTOCOL) return [];
  for (const encapsulation of ['gre', 'udp'] as const) {
    const device = devices.links.get(encapsulation === 'gre' ? GRE_DEVICE : UDP_DEVICE);
    if (device !== undefined && device.index === nexthop.device)
      return [[`${pe} ${encapsulation}`, { pe, encapsulation }]];
  }
  return [];
}

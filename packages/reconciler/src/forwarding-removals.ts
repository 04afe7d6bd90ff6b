// What is to be removed from the forwarding state, users before what they use. Pure.
import { prefixLength } from '@hostpe/net';
import type { IpRoute, Nexthop } from '@hostpe/rtnetlink';
import type { Devices, Forwarding } from './actual.ts';
import type { DesiredState } from './desired.ts';
import { existingKey, filterName, isOurFilter } from './forwarding-compare.ts';
import type { ForwardingTarget } from './forwarding-target.ts';
import { filterKey, labelKey, neighbourKey } from './keys.ts';
import { isOurNexthopId, UNREACHABLE_METRIC } from './layout.ts';
import { isOurNexthop } from './nexthop-ids.ts';
import type { Orphans } from './orphans.ts';
import type { Phases, Step } from './step.ts';
import { kernelStep } from './step.ts';
import { ourVrfs } from './vrfs.ts';

/**
 * @param used ids of nexthops that stay
 * @param leaving by nexthop id, keys of the routes that move away from it: until they have, it must stay
 */
export function planRemovals(
  desired: DesiredState,
  target: ForwardingTarget,
  orphans: Orphans,
  devices: Devices,
  forwarding: Forwarding,
  used: ReadonlySet<number>,
  leaving: ReadonlyMap<number, readonly string[]>,
): Phases {
  const routes = removeRoutes(desired, target, orphans, devices, forwarding);
  const stale = forwarding.nexthops.filter((one) => isOurNexthop(one) && !used.has(one.id));
  const removal = ({ id }: { readonly id: number }) => `remove nexthop ${id}`;
  const groupsOf = new Map<number, string[]>();
  for (const group of stale) {
    for (const member of group.group ?? []) {
      append(groupsOf, member.id, removal(group));
    }
  }
  const remove = (nexthop: Nexthop) =>
    kernelStep(
      removal(nexthop),
      `nexthop ${nexthop.id}`,
      { op: 'delete', object: nexthop },
      {
        needs: [...(leaving.get(nexthop.id) ?? []), ...(groupsOf.get(nexthop.id) ?? [])],
      },
    );
  return [
    routes,
    stale.filter(({ group }) => group !== undefined).map(remove),
    stale.filter(({ group }) => group === undefined).map(remove),
    [...removeNeighbours(target, forwarding, stale, removal), ...removeFilters(target, forwarding)],
    removeLabels(target, forwarding),
  ];
}

function removeRoutes(
  desired: DesiredState,
  target: ForwardingTarget,
  orphans: Orphans,
  devices: Devices,
  forwarding: Forwarding,
): Step[] {
  const vpns = new Map<number, string>();
  for (const { table, vpn } of ourVrfs(devices)) vpns.set(table, vpn);
  for (const vpn of desired.vpns) vpns.set(vpn.table, vpn.name);
  return forwarding.routes.flatMap((route) => {
    const key = existingKey(route);
    if (target.routes.has(key) || target.blocked.has(key) || orphans.routes.has(route)) return [];
    const vpn = vpns.get(route.table);
    // While there is a VRF its default keeps packets from the host's tables; it goes with the VRF, see planFlush.
    if (isOurDefault(route) ? vpn !== undefined : vpn === undefined && !isOurNexthopId(route.nexthopId))
      return [];
    const name = `route ${route.prefix} of ${vpn === undefined ? `table ${route.table}` : `VPN ${vpn}`}`;
    return [kernelStep(`remove ${key}`, name, { op: 'delete', object: route })];
  });
}

function isOurDefault(route: IpRoute): boolean {
  return (
    route.type === 'unreachable' && route.metric === UNREACHABLE_METRIC && prefixLength(route.prefix) === 0
  );
}

function removeNeighbours(
  target: ForwardingTarget,
  forwarding: Forwarding,
  stale: readonly Nexthop[],
  removal: (nexthop: Nexthop) => string,
): Step[] {
  const usedBy = new Map<string, string[]>();
  for (const nexthop of stale) {
    if (nexthop.device === undefined || nexthop.gateway === undefined) continue;
    const key = neighbourKey(nexthop.device, nexthop.gateway);
    append(usedBy, key, removal(nexthop));
  }
  return forwarding.neighbours
    .filter(
      (one) => one.state === 'permanent' && !target.neighbours.has(neighbourKey(one.index, one.address)),
    )
    .map((object) => {
      const key = neighbourKey(object.index, object.address);
      const name = `neighbour ${object.linkLayerAddress ?? object.address}`;
      return kernelStep(`remove ${key}`, name, { op: 'delete', object }, { needs: usedBy.get(key) ?? [] });
    });
}

function removeFilters(target: ForwardingTarget, forwarding: Forwarding): Step[] {
  return forwarding.filters
    .filter((one) => isOurFilter(one) && !target.filters.has(one.handle))
    .map((object) =>
      kernelStep(`remove ${filterKey(object.handle)}`, filterName(object), { op: 'delete', object }),
    );
}

function removeLabels(target: ForwardingTarget, forwarding: Forwarding): Step[] {
  return forwarding.labelRoutes
    .filter((route) => !target.labels.has(route.label))
    .map((object) =>
      kernelStep(`remove ${labelKey(object.label)}`, `label ${object.label}`, { op: 'delete', object }),
    );
}

function append<K>(lists: Map<K, string[]>, key: K, value: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

// The difference between the forwarding state wanted and the one in the kernel, as ordered steps. Pure.
// Make before break: all additions come before all removals, and an object outlives everything that uses it.
import type { IpRoute, Nexthop } from '@hostpe/rtnetlink';
import type { Devices, Forwarding } from './actual.ts';
import type { DesiredState } from './desired.ts';
import {
  existingKey,
  filterName,
  isOurFilter,
  isSameFilter,
  isSameLabelRoute,
  isUnicast,
} from './forwarding-compare.ts';
import { planRemovals } from './forwarding-removals.ts';
import type { ForwardingTarget, NexthopContent, TargetRoute } from './forwarding-target.ts';
import { filterKey, labelKey, neighbourKey, routeKey } from './keys.ts';
import { FORWARDER_PROTOCOL } from './layout.ts';
import { groupContent, NexthopIds } from './nexthop-ids.ts';
import type { Orphans } from './orphans.ts';
import type { Failure, Phases, Step } from './step.ts';
import { kernelStep } from './step.ts';

export interface ForwardingPlan {
  readonly additions: Phases;
  readonly removals: Phases;
  readonly failures: ReadonlyMap<string, Failure>;
}

/** @param target with what the orphans need added */
export function planForwarding(
  desired: DesiredState,
  target: ForwardingTarget,
  orphans: Orphans,
  devices: Devices,
  forwarding: Forwarding,
): ForwardingPlan {
  const failures = new Map<string, Failure>();
  const ids = new NexthopIds(forwarding.nexthops);
  const used = new Set(orphans.nexthopIds);
  const nexthops: Step[] = [];
  const memberIds = new Map<string, number>();
  for (const [content, nexthop] of target.nexthops) {
    const taken = ids.take(content);
    if (taken === undefined) continue;
    memberIds.set(content, taken.id);
    used.add(taken.id);
    if (taken.isNew) nexthops.push(nexthopStep(taken.id, nexthop));
  }
  const groups: Step[] = [];
  const routes: Step[] = [];
  const existing = new Map(forwarding.routes.map((route) => [existingKey(route), route]));
  /** Routes that leave a nexthop: until they have, it must stay. */
  const leaving = new Map<number, string[]>();
  for (const [key, wanted] of target.routes) {
    const id = routeNexthop(wanted, memberIds, ids, used, groups);
    if (id === undefined) {
      failures.set(key, { object: wanted.name, reason: 'all nexthop ids of hostpe are taken' });
      continue;
    }
    const actual = existing.get(key);
    if (actual?.nexthopId === id && isUnicast(actual)) continue;
    if (actual?.nexthopId !== undefined) {
      const keys = leaving.get(actual.nexthopId);
      if (keys === undefined) leaving.set(actual.nexthopId, [key]);
      else keys.push(key);
    }
    const object: IpRoute = { object: 'route', ...wanted.route, protocol: FORWARDER_PROTOCOL, nexthopId: id };
    routes.push(kernelStep(key, wanted.name, { op: 'replace', object }, { needs: [nexthopStepKey(id)] }));
  }
  for (const route of target.defaults) {
    const key = routeKey(route.table, route.prefix, route.metric);
    if (existing.get(key)?.type === 'unreachable') continue;
    routes.unshift(
      kernelStep(key, `unreachable default of table ${route.table}`, { op: 'replace', object: route }),
    );
  }
  return {
    additions: [
      [
        ...planNeighbours(target, forwarding),
        ...planFilters(target, forwarding),
        ...planLabels(target, forwarding),
      ],
      nexthops,
      groups,
      routes,
    ],
    removals: planRemovals(desired, target, orphans, devices, forwarding, used, leaving),
    failures,
  };
}

function nexthopStepKey(id: number): string {
  return `nexthop ${id}`;
}

function nexthopStep(id: number, content: NexthopContent): Step {
  const { device, gateway, labels, needs, name } = content;
  const object: Nexthop = {
    object: 'nexthop',
    id,
    // One object of family IPv6 serves IPv4 and IPv6 routes alike; one of family IPv4 does not.
    family: 'ipv6',
    protocol: FORWARDER_PROTOCOL,
    device,
    ...(gateway === undefined ? {} : { gateway, onlink: true }),
    ...(labels.length === 0 ? {} : { encapLabels: labels }),
  };
  return kernelStep(nexthopStepKey(id), name, { op: 'add', object }, { needs });
}

/** The nexthop id of a route: its only member's, or that of a group, which is planned where it is new. */
function routeNexthop(
  wanted: TargetRoute,
  memberIds: ReadonlyMap<string, number>,
  ids: NexthopIds,
  used: Set<number>,
  groups: Step[],
): number | undefined {
  const members = wanted.members.flatMap((member) => memberIds.get(member) ?? []);
  if (members.length <= 1) return members[0];
  const taken = ids.take(groupContent(members));
  if (taken === undefined) return undefined;
  used.add(taken.id);
  if (taken.isNew) {
    const group = members.toSorted((a, b) => a - b).map((id) => ({ id, weight: 1 }));
    const object: Nexthop = { object: 'nexthop', id: taken.id, protocol: FORWARDER_PROTOCOL, group };
    const name = `nexthop group of ${members.length}`;
    groups.push(
      kernelStep(
        nexthopStepKey(taken.id),
        name,
        { op: 'add', object },
        { needs: members.map(nexthopStepKey) },
      ),
    );
  }
  return taken.id;
}

function planNeighbours(target: ForwardingTarget, forwarding: Forwarding): Step[] {
  const existing = new Map(forwarding.neighbours.map((one) => [neighbourKey(one.index, one.address), one]));
  return [...target.neighbours]
    .filter(([key, wanted]) => {
      const actual = existing.get(key);
      return actual?.state !== 'permanent' || actual.linkLayerAddress !== wanted.linkLayerAddress;
    })
    .map(([key, object]) =>
      kernelStep(key, `neighbour ${object.linkLayerAddress}`, { op: 'replace', object }),
    );
}

function planFilters(target: ForwardingTarget, forwarding: Forwarding): Step[] {
  const existing = new Map(forwarding.filters.filter(isOurFilter).map((one) => [one.handle, one]));
  return [...target.filters]
    .filter(([handle, wanted]) => !isSameFilter(existing.get(handle), wanted))
    .map(([handle, object]) => kernelStep(filterKey(handle), filterName(object), { op: 'replace', object }));
}

function planLabels(target: ForwardingTarget, forwarding: Forwarding): Step[] {
  const existing = new Map(forwarding.labelRoutes.map((route) => [route.label, route]));
  return [...target.labels]
    .filter(([label, { route }]) => !isSameLabelRoute(existing.get(label), route))
    .map(([label, { route, name, needs }]) => {
      // Not `replace` for a new one: a label that a routing daemon uses is not ours to take.
      const op = existing.has(label) ? 'replace' : 'add';
      return kernelStep(labelKey(label), name, { op, object: route }, { needs });
    });
}

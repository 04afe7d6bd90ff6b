// Which nexthop objects are to be made or changed for the routes that move. Pure.
// An object that all its routes leave for the same place is changed where it stands: one message, however many routes there are. Else there is a new
// one, and the routes move to it.
import type { Nexthop } from '@hostpe/rtnetlink';
import { FORWARDER_PROTOCOL } from '../layout.ts';
import type { Step } from '../step.ts';
import { kernelStep } from '../step.ts';
import { isOurNexthop, type NexthopObjects } from './nexthop-objects.ts';
import type { NexthopContent, Resolution } from './resolver.ts';
import type { RouteWork } from './route-work.ts';

export interface PlannedNexthop {
  readonly object: Nexthop;
  readonly content: string;
  readonly step: Step;
}

/** A member that all its groups lose: the kernel takes it out of them when it is deleted, and looks at no route. */
export interface Loss {
  readonly id: number;
  /** As they are then. */
  readonly groups: readonly { readonly object: Nexthop; readonly content: string }[];
  readonly step: Step;
}

export interface NexthopPlan {
  /** Members before groups. */
  readonly singles: readonly PlannedNexthop[];
  readonly groups: readonly PlannedNexthop[];
  readonly losses: readonly Loss[];
  /** Ids that lead to something else when the plan is carried out, with the key of the step that does it: their routes need not move. */
  readonly changed: ReadonlyMap<number, string>;
  /** The id for a content; undefined when all ids are taken. */
  readonly idOf: (content: string) => number | undefined;
}

export function nexthopKeyOf(id: number): string {
  return `nexthop ${id}`;
}

/** @param needsOf the keys of the steps that a member's PE takes */
export function planNexthops(
  work: RouteWork,
  nexthops: NexthopObjects,
  needsOf: (member: NexthopContent) => readonly string[],
): NexthopPlan {
  const singles: PlannedNexthop[] = [];
  const groups: PlannedNexthop[] = [];
  const changed = new Map<number, string>();
  /** Contents that have an id only when the plan is carried out. */
  const planned = new Map<string, number>();
  /** Members of groups to be made: they have to stay what they are. */
  const held = new Set<number>();

  const standing = (id: number | undefined) => (id === undefined || changed.has(id) ? undefined : id);
  const singleId = (content: string) => planned.get(content) ?? standing(nexthops.single(content));
  const groupId = (content: string) => planned.get(content) ?? standing(nexthops.group(content));
  const single = (member: NexthopContent): number | undefined => {
    return singleId(member.key) ?? add(member.key, () => singleOf(member));
  };
  const add = (
    content: string,
    make: () => { readonly into: PlannedNexthop[]; readonly facts: Facts } | undefined,
  ): number | undefined => {
    const made = make();
    const id = made === undefined ? undefined : nexthops.freeId();
    if (made === undefined || id === undefined) return undefined;
    made.into.push(plannedOf('add', id, content, made.facts));
    planned.set(content, id);
    return id;
  };
  const singleOf = (member: NexthopContent) => ({
    into: singles,
    facts: { object: singleObject(member), name: member.name, needs: [...member.needs, ...needsOf(member)] },
  });
  const groupFacts = (to: Resolution): Facts | undefined => {
    const ids = to.members.map(single);
    if (ids.includes(undefined)) return undefined;
    const sorted = (ids as number[]).toSorted((a, b) => a - b);
    for (const id of sorted) held.add(id);
    return {
      object: { group: sorted.map((id) => ({ id, weight: 1 })) },
      name: `nexthop group of ${sorted.length}`,
      needs: sorted.map(nexthopKeyOf),
    };
  };

  const losses = planLosses(work, nexthops);
  for (const { id, groups: shrunk, step } of losses) {
    // Nobody may begin to use it.
    changed.set(id, step.key);
    for (const { object, content } of shrunk) {
      changed.set(object.id, step.key);
      if ((object.group?.length ?? 0) > 1) planned.set(content, object.id);
      for (const member of object.group ?? []) held.add(member.id);
    }
  }
  for (const [id, { to, count }] of work.leaving) {
    if (changed.has(id)) continue;
    const known = nexthops.get(id);
    if (to === undefined || known === undefined || !isOurNexthop(known.object)) continue;
    if (known.routes !== count || known.groups > 0 || held.has(id)) continue;
    const [member] = to.members;
    if (known.object.group !== undefined) {
      // A group of one is as good as its member, and its routes can stay.
      if (to.members.length > 1 && groupId(to.content) !== undefined) continue;
      const facts = groupFacts(to);
      if (facts === undefined) continue;
      groups.push(plannedOf('replace', id, to.content, facts));
      if (to.members.length > 1) planned.set(to.content, id);
    } else if (member !== undefined && to.members.length === 1) {
      if (singleId(to.content) !== undefined) continue;
      singles.push(plannedOf('replace', id, to.content, singleOf(member).facts));
      planned.set(to.content, id);
    } else {
      // The kernel makes no group of a nexthop.
      continue;
    }
    changed.set(id, nexthopKeyOf(id));
  }
  // What an object that is changed in place leads to then needs no other one, unless further routes come to it.
  const staying = new Map<string, number>();
  for (const [id, { to, count }] of work.leaving)
    if (to !== undefined && changed.has(id)) staying.set(to.content, (staying.get(to.content) ?? 0) + count);
  for (const [content, { to, count }] of work.targets) {
    if (staying.get(content) === count) continue;
    const [member] = to.members;
    if (member !== undefined && to.members.length === 1) single(member);
    else if (groupId(content) === undefined)
      add(content, () => {
        const facts = groupFacts(to);
        return facts === undefined ? undefined : { into: groups, facts };
      });
  }
  return {
    singles,
    groups,
    losses,
    changed,
    idOf: (content) => singleId(content) ?? groupId(content),
  };
}

/** Of the groups that all their routes leave for what is left of them without one member, those where the member has no other use. */
function planLosses(work: RouteWork, nexthops: NexthopObjects): Loss[] {
  const byMember = new Map<number, { readonly object: Nexthop; readonly content: string }[]>();
  for (const [id, { to, count }] of work.leaving) {
    const known = nexthops.get(id);
    const group = known?.object.group;
    if (to === undefined || known === undefined || group === undefined || !isOurNexthop(known.object))
      continue;
    if (known.routes !== count || to.members.length !== group.length - 1) continue;
    const keys = new Set(to.members.map(({ key }) => key));
    const left = group.filter((member) => keys.has(nexthops.content(member.id) ?? ''));
    const [lost] = group.filter((member) => !left.includes(member));
    if (lost === undefined || left.length !== to.members.length) continue;
    if (left.length > 1 && nexthops.group(to.content) !== undefined) continue;
    const shrunk = { object: { ...known.object, group: left }, content: to.content };
    const others = byMember.get(lost.id);
    if (others === undefined) byMember.set(lost.id, [shrunk]);
    else others.push(shrunk);
  }
  const losses: Loss[] = [];
  const involved = new Set<number>();
  for (const [id, groups] of byMember) {
    const known = nexthops.get(id);
    if (known === undefined || known.routes > 0 || known.groups !== groups.length) continue;
    // Two groups that would become alike, or a member that another loss takes: the plain way is right for them.
    const ids = [id, ...groups.flatMap(({ object }) => (object.group ?? []).map((member) => member.id))];
    const contents = new Set(groups.map(({ content }) => content));
    if (contents.size !== groups.length || involved.has(id)) continue;
    for (const one of ids) involved.add(one);
    const step = kernelStep(`lose ${nexthopKeyOf(id)}`, `nexthop ${id}`, {
      op: 'delete',
      object: known.object,
    });
    losses.push({ id, groups, step });
  }
  return losses;
}

interface Facts {
  readonly object: Omit<Nexthop, 'object' | 'id' | 'protocol'>;
  readonly name: string;
  readonly needs: readonly string[];
}

function plannedOf(op: 'add' | 'replace', id: number, content: string, facts: Facts): PlannedNexthop {
  const object: Nexthop = { object: 'nexthop', id, protocol: FORWARDER_PROTOCOL, ...facts.object };
  const step = kernelStep(nexthopKeyOf(id), facts.name, { op, object }, { needs: facts.needs });
  return { object, content, step };
}

/** One object of family IPv6 serves IPv4 and IPv6 routes alike; one of family IPv4 does not. */
function singleObject({ device, gateway, labels }: NexthopContent): Facts['object'] {
  return {
    family: 'ipv6',
    device,
    ...(gateway === undefined ? {} : { gateway, onlink: true }),
    ...(labels.length === 0 ? {} : { encapLabels: labels }),
  };
}

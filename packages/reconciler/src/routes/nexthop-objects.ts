// The nexthop objects that the kernel is known to have, what each leads to, and how many routes use it. Pure.
// Ids have no meaning: what the kernel has with the right content keeps its id, what is new gets the lowest free one.
import type { IpAddress } from '@hostpe/net';
import type { Nexthop } from '@hostpe/rtnetlink';
import { nexthopKey } from '../keys.ts';
import { FIRST_NEXTHOP_ID, FORWARDER_PROTOCOL, isOurNexthopId, LAST_NEXTHOP_ID } from '../layout.ts';

/** Whether a nexthop object is one of ours, to be deleted when nobody needs it. */
export function isOurNexthop(nexthop: Nexthop): boolean {
  return isOurNexthopId(nexthop.id) && nexthop.protocol === FORWARDER_PROTOCOL;
}

export interface KnownNexthop {
  readonly object: Nexthop;
  /**
   * Of one nexthop its nexthopKey, of a group those of its members: what a route by it leads to. Undefined for what we would not make like this, and
   * for what is not ours.
   */
  readonly content: string | undefined;
  routes: number;
  groups: number;
}

interface Gateway {
  readonly device: number;
  readonly gateway: IpAddress;
}

/** @param members nexthopKeys, each once, in any order */
export function contentOfMembers(members: readonly string[]): string {
  return members.length === 1 ? (members[0] as string) : members.toSorted().join(' + ');
}

export class NexthopObjects {
  readonly #known = new Map<number, KnownNexthop>();
  readonly #singles = new Map<string, number>();
  readonly #groups = new Map<string, number>();
  /** Where those of ours lead, by gateway and device, and how many: PEs are few beside labels. */
  readonly #gateways = new Map<string, Gateway & { count: number }>();
  /** Those that nothing used when it was looked at last; others may be among them. */
  readonly #idle = new Set<number>();
  #next = FIRST_NEXTHOP_ID;

  /**
   * What the kernel has, and nothing else.
   * @param existing all nexthop objects, foreign ones too: their ids are not free
   * @returns whether each that was known is there and leads where it did
   */
  load(existing: readonly Nexthop[]): boolean {
    const before = new Map(this.#known);
    this.#known.clear();
    this.#singles.clear();
    this.#groups.clear();
    this.#gateways.clear();
    this.#idle.clear();
    this.#next = FIRST_NEXTHOP_ID;
    const byId = new Map(existing.map((one) => [one.id, one]));
    const sorted = existing.toSorted((a, b) => a.id - b.id);
    for (const one of sorted) if (one.group === undefined) this.#put(one, singleContent(one));
    for (const one of sorted) if (one.group !== undefined) this.#put(one, groupContent(one, byId));
    let isSame = true;
    for (const [id, { content, routes }] of before) {
      const known = this.#known.get(id);
      if (known !== undefined) known.routes = routes;
      if (known === undefined || known.content !== content) isSame = false;
    }
    return isSame;
  }

  get(id: number): KnownNexthop | undefined {
    return this.#known.get(id);
  }

  /** Each gateway that one of ours leads to. */
  gateways(): Iterable<Gateway> {
    return this.#gateways.values();
  }

  /** What routes by this id lead to. */
  content(id: number): string | undefined {
    return this.#known.get(id)?.content;
  }

  single(content: string): number | undefined {
    return this.#singles.get(content);
  }

  group(content: string): number | undefined {
    return this.#groups.get(content);
  }

  /** @returns an id that is nobody's; undefined when all are taken. */
  freeId(): number | undefined {
    while (this.#known.has(this.#next)) this.#next++;
    return this.#next > LAST_NEXTHOP_ID ? undefined : this.#next++;
  }

  /** The kernel has made or replaced an object of ours. */
  put(object: Nexthop, content: string): void {
    const { routes = 0, groups = 0 } = this.#known.get(object.id) ?? {};
    this.delete(object.id);
    const known = this.#put(object, content);
    known.routes = routes;
    known.groups = groups;
  }

  /** The kernel has it no more. */
  delete(id: number): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    this.#known.delete(id);
    const names = known.object.group === undefined ? this.#singles : this.#groups;
    if (known.content !== undefined && names.get(known.content) === id) names.delete(known.content);
    for (const member of known.object.group ?? []) this.#countGroup(member.id, -1);
    this.#countGateway(known, -1);
    this.#next = Math.min(this.#next, Math.max(id, FIRST_NEXTHOP_ID));
  }

  forgetRoutes(): void {
    for (const [id, known] of this.#known) {
      known.routes = 0;
      this.#idle.add(id);
    }
  }

  /** @param id 0: none */
  countRoute(id: number, by: 1 | -1): void {
    const known = id === 0 ? undefined : this.#known.get(id);
    if (known === undefined) return;
    known.routes += by;
    if (known.routes === 0) this.#idle.add(id);
  }

  /** Those of ours that no route and no group uses. */
  unused(): Nexthop[] {
    const unused: Nexthop[] = [];
    for (const id of this.#idle) {
      const known = this.#known.get(id);
      if (known !== undefined && known.routes === 0 && known.groups === 0) {
        if (isOurNexthop(known.object)) unused.push(known.object);
      } else this.#idle.delete(id);
    }
    return unused.sort((a, b) => a.id - b.id);
  }

  #put(object: Nexthop, content: string | undefined): KnownNexthop {
    const known: KnownNexthop = {
      object,
      content: isOurNexthop(object) ? content : undefined,
      routes: 0,
      groups: 0,
    };
    this.#known.set(object.id, known);
    this.#idle.add(object.id);
    const names = object.group === undefined ? this.#singles : this.#groups;
    if (known.content !== undefined && !names.has(known.content)) names.set(known.content, object.id);
    for (const member of object.group ?? []) this.#countGroup(member.id, 1);
    this.#countGateway(known, 1);
    return known;
  }

  #countGateway({ object: { device, gateway }, content }: KnownNexthop, by: 1 | -1): void {
    if (content === undefined || device === undefined || gateway === undefined) return;
    const key = `${device} ${gateway}`;
    const counted = this.#gateways.get(key);
    if (counted === undefined) this.#gateways.set(key, { device, gateway, count: 1 });
    else if (counted.count + by === 0) this.#gateways.delete(key);
    else counted.count += by;
  }

  #countGroup(id: number, by: 1 | -1): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    known.groups += by;
    if (known.groups === 0) this.#idle.add(id);
  }
}

function singleContent(nexthop: Nexthop): string | undefined {
  if (nexthop.family !== 'ipv6' || nexthop.device === undefined || nexthop.blackhole === true)
    return undefined;
  if ((nexthop.gateway !== undefined) !== (nexthop.onlink === true)) return undefined;
  return nexthopKey(nexthop.device, nexthop.gateway, nexthop.encapLabels ?? []);
}

function groupContent(nexthop: Nexthop, byId: ReadonlyMap<number, Nexthop>): string | undefined {
  const members: string[] = [];
  for (const { id, weight } of nexthop.group ?? []) {
    const member = byId.get(id);
    const content = member === undefined || !isOurNexthop(member) ? undefined : singleContent(member);
    if (weight !== 1 || content === undefined) return undefined;
    members.push(content);
  }
  return members.length === 0 ? undefined : contentOfMembers(members);
}

// The nexthop objects that the kernel is known to have, what each leads to, and how many routes use it. Pure.
// Ids have no meaning: what the kernel has with the right content keeps its id, what is new gets the lowest free one.
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

/** @param members nexthopKeys, each once, in any order */
export function contentOfMembers(members: readonly string[]): string {
  return members.length === 1 ? (members[0] as string) : members.toSorted().join(' + ');
}

export class NexthopObjects {
  readonly #known = new Map<number, KnownNexthop>();
  readonly #singles = new Map<string, number>();
  readonly #groups = new Map<string, number>();
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

  all(): Iterable<KnownNexthop> {
    return this.#known.values();
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
    this.#next = Math.min(this.#next, Math.max(id, FIRST_NEXTHOP_ID));
  }

  forgetRoutes(): void {
    for (const known of this.#known.values()) known.routes = 0;
  }

  /** @param id 0: none */
  countRoute(id: number, by: 1 | -1): void {
    const known = id === 0 ? undefined : this.#known.get(id);
    if (known !== undefined) known.routes += by;
  }

  /** Those of ours that no route and no group uses. */
  unused(): Nexthop[] {
    return [...this.#known.values()].flatMap(({ object, routes, groups }) =>
      routes === 0 && groups === 0 && isOurNexthop(object) ? [object] : [],
    );
  }

  #put(object: Nexthop, content: string | undefined): KnownNexthop {
    const known: KnownNexthop = {
      object,
      content: isOurNexthop(object) ? content : undefined,
      routes: 0,
      groups: 0,
    };
    this.#known.set(object.id, known);
    const names = object.group === undefined ? this.#singles : this.#groups;
    if (known.content !== undefined && !names.has(known.content)) names.set(known.content, object.id);
    for (const member of object.group ?? []) this.#countGroup(member.id, 1);
    return known;
  }

  #countGroup(id: number, by: 1 | -1): void {
    const known = this.#known.get(id);
    if (known !== undefined) known.groups += by;
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

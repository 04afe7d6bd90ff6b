// Ids of nexthop objects: what the kernel has with the right content keeps its id, what is new gets the lowest free one. Pure.
// Ids have no meaning beyond this: a content that changes gets another id, so that routes move from one to the other without a gap.
import type { Nexthop } from '@hostpe/rtnetlink';
import { nexthopKey } from './keys.ts';
import { FIRST_NEXTHOP_ID, FORWARDER_PROTOCOL, isOurNexthopId, LAST_NEXTHOP_ID } from './layout.ts';

/** Whether a nexthop object is one of ours, to be deleted when nobody needs it. */
export function isOurNexthop(nexthop: Nexthop): boolean {
  return isOurNexthopId(nexthop.id) && nexthop.protocol === FORWARDER_PROTOCOL;
}

export class NexthopIds {
  readonly #taken: Set<number>;
  readonly #byContent = new Map<string, number>();
  #next = FIRST_NEXTHOP_ID;

  /** @param existing all nexthop objects in the kernel, foreign ones too: their ids are not free */
  constructor(existing: readonly Nexthop[]) {
    this.#taken = new Set(existing.map(({ id }) => id));
    for (const nexthop of existing) {
      const content = isOurNexthop(nexthop) ? contentOf(nexthop) : undefined;
      const known = content === undefined ? undefined : this.#byContent.get(content);
      if (content !== undefined && (known === undefined || nexthop.id < known))
        this.#byContent.set(content, nexthop.id);
    }
  }

  /** @returns the id, and whether an object with it is still to be made; undefined when all ids are taken. */
  take(content: string): { readonly id: number; readonly isNew: boolean } | undefined {
    const known = this.#byContent.get(content);
    if (known !== undefined) return { id: known, isNew: false };
    while (this.#taken.has(this.#next)) this.#next++;
    if (this.#next > LAST_NEXTHOP_ID) return undefined;
    const id = this.#next++;
    this.#taken.add(id);
    this.#byContent.set(content, id);
    return { id, isNew: true };
  }
}

/** @param members ids, in any order */
export function groupContent(members: readonly number[]): string {
  return `group ${members.toSorted((a, b) => a - b).join('/')}`;
}

/** @returns undefined for a nexthop that we would not make like this. */
function contentOf(nexthop: Nexthop): string | undefined {
  if (nexthop.group !== undefined) {
    if (nexthop.group.some(({ weight }) => weight !== 1)) return undefined;
    return groupContent(nexthop.group.map(({ id }) => id));
  }
  if (nexthop.family !== 'ipv6' || nexthop.device === undefined || nexthop.blackhole === true)
    return undefined;
  if ((nexthop.gateway !== undefined) !== (nexthop.onlink === true)) return undefined;
  return nexthopKey(nexthop.device, nexthop.gateway, nexthop.encapLabels ?? []);
}

// The list that a VPN's table is: prefixes in the order of their last changes, and the places of those who read them. Pure; knows no reader.
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';

/** An element of a circular list. */
export class Link {
  previous: Link = this;
  next: Link = this;

  unlink(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
  }

  insertBefore(link: Link): void {
    this.previous = link.previous;
    this.next = link;
    link.previous.next = this;
    link.previous = this;
  }
}

export class Entry<Path extends object> extends Link {
  readonly prefix: IpPrefix;
  /** The change that brought the prefix into the table: who is not that far has never heard of it. */
  readonly since: number;
  /** The last change. */
  change = 0;
  /** Itself where it is one: a list of its own for each of a million routes is much. */
  #paths: Path | readonly Path[] = [];
  /** Undefined: withdrawn. */
  announced: VpnRoute | undefined;

  constructor(prefix: IpPrefix, since: number) {
    super();
    this.prefix = prefix;
    this.since = since;
  }

  get paths(): readonly Path[] {
    return isList(this.#paths) ? this.#paths : [this.#paths];
  }

  set paths(paths: readonly Path[]) {
    const [first, ...others] = paths;
    this.#paths = first !== undefined && others.length === 0 ? first : paths;
  }
}

const isList = <Path extends object>(paths: Path | readonly Path[]): paths is readonly Path[] =>
  Array.isArray(paths);

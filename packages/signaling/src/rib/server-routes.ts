// What one route server said about one VPN, in columns by place (vpn-prefixes.ts), what of it is stale, and which of two routes is preferred. Pure; the
// merge of several servers is vpn-rib.ts. Times are milliseconds of any clock.
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '../messages.ts';
import type { AttributeSets } from './attribute-sets.ts';
import { localPreferenceOf, NO_ROUTE, sequenceNumberOf } from './attribute-sets.ts';
import { ownText } from './own-text.ts';
import type { VpnPrefixes } from './vpn-prefixes.ts';
import { columnOf, rowOf } from './vpn-prefixes.ts';

const isStale = 1;
/** A stale route that is better than what was said since. */
const isHeld = 2;
/** The item id is the prefix, so that it need not be kept. */
const isNamedByPrefix = 4;
const hasSequenceNumber = 8;
const isMarked = 16;

/**
 * What weight a server's word has in a VPN now. `lost`: no subscription; all that it said is stale. `telling`: subscribed, its End-of-RIB is
 * awaited; what is stale of it may be said again at any moment. `told`: it has said all, and says every change.
 */
export type Standing = 'lost' | 'telling' | 'told';

/** A stale route that is better than what the server said of its prefix since, until it has said all. */
interface HeldRoute {
  readonly attributes: number;
  readonly sequenceNumber: number | undefined;
  readonly id: string;
  readonly since: number;
}

interface Columns {
  attributes: Uint32Array<ArrayBuffer>;
  sequenceNumbers: Uint32Array<ArrayBuffer>;
  flags: Uint8Array<ArrayBuffer>;
  /** Since when a route is stale; made when one is, and given up when none is. */
  since: Float64Array<ArrayBuffer> | undefined;
}

export class ServerRoutes {
  readonly name: string;
  standing: Standing = 'telling';
  /** Whether its End-of-RIB was ever heard, or waited for in vain. */
  endOfRib = false;
  readonly #prefixes: VpnPrefixes;
  readonly #sets: AttributeSets;
  readonly #columns: readonly [Columns, Columns] = [emptyColumns(), emptyColumns()];
  /** Item ids that are not their prefixes, for retracts. */
  readonly #places = new Map<string, number>();
  /** The same by place. */
  readonly #ids = new Map<number, string>();
  readonly #held = new Map<number, HeldRoute>();
  #stale = 0;

  constructor(name: string, prefixes: VpnPrefixes, sets: AttributeSets) {
    this.name = name;
    this.#prefixes = prefixes;
    this.#sets = sets;
  }

  /** How many routes are stale: a held one counts besides the one that was said since. */
  get stale(): number {
    return this.#stale + this.#held.size;
  }

  has(place: number): boolean {
    const { attributes } = this.#columns[columnOf(place)];
    const row = rowOf(place);
    return row < attributes.length && attributes[row] !== NO_ROUTE;
  }

  /** What the route that counts says; NO_ROUTE where there is none. */
  attributes(place: number): number {
    const { attributes, flags } = this.#columns[columnOf(place)];
    const row = rowOf(place);
    if (row >= attributes.length) return NO_ROUTE;
    if (((flags[row] as number) & isHeld) !== 0) return this.#held.get(place)?.attributes ?? NO_ROUTE;
    return attributes[row] as number;
  }

  /** Of the route that counts; undefined where it has none. */
  sequenceNumber(place: number): number | undefined {
    const { sequenceNumbers, flags } = this.#columns[columnOf(place)];
    const row = rowOf(place);
    const is = flags[row] as number;
    if ((is & isHeld) !== 0) return this.#held.get(place)?.sequenceNumber;
    return (is & hasSequenceNumber) === 0 ? undefined : (sequenceNumbers[row] as number);
  }

  /** Whether the route that counts is of an earlier session or subscription, and was not said again yet. */
  isStale(place: number): boolean {
    return (this.#flags(place) & (isStale | isHeld)) !== 0;
  }

  /** Item id of the route that counts. @param prefix of the place */
  id(place: number, prefix: IpPrefix): string {
    return this.#held.get(place)?.id ?? this.#ids.get(place) ?? prefix;
  }

  /** @returns the place of the item; -1 where no route has this id */
  placeOf(id: string): number {
    const place = this.#prefixes.findText(id);
    if (place >= 0 && (this.#flags(place) & isNamedByPrefix) !== 0) return place;
    return this.#places.get(id) ?? -1;
  }

  /** As `placeOf`, of a route that is being said. @param place of its prefix, reached */
  placeOfRoute({ id, prefix }: VpnRoute, place: number): number {
    if (id !== prefix) return this.placeOf(id);
    if ((this.#flags(place) & isNamedByPrefix) !== 0) return place;
    return this.#places.size === 0 ? -1 : (this.#places.get(id) ?? -1);
  }

  /** Marks a place, once. @returns whether it was not marked. @param place one that there is a column for, see `reach` */
  mark(place: number): boolean {
    const { flags } = this.#columns[columnOf(place)];
    const is = flags[rowOf(place)] as number;
    if ((is & isMarked) !== 0) return false;
    flags[rowOf(place)] = is | isMarked;
    return true;
  }

  unmark(place: number): void {
    const { flags } = this.#columns[columnOf(place)];
    flags[rowOf(place)] = (flags[rowOf(place)] as number) & ~isMarked;
  }

  /** Makes room for a place that is new. */
  reach(place: number): void {
    const column = columnOf(place);
    const columns = this.#columns[column];
    if (rowOf(place) < columns.flags.length) return;
    const capacity = this.#prefixes.capacity(column);
    columns.attributes = new Uint32Array(columns.attributes.buffer.transfer(capacity * 4));
    columns.sequenceNumbers = new Uint32Array(columns.sequenceNumbers.buffer.transfer(capacity * 4));
    columns.flags = new Uint8Array(columns.flags.buffer.transfer(capacity));
    if (columns.since !== undefined)
      columns.since = new Float64Array(columns.since.buffer.transfer(capacity * 8));
  }

  /**
   * The server says a route: no earlier one of the place, and no earlier one of the id, stands then. Its id must be at no other place.
   * @param place a marked one of the route's prefix
   */
  say(place: number, route: VpnRoute): void {
    const columns = this.#columns[columnOf(place)];
    const row = rowOf(place);
    if (((columns.flags[row] as number) & (isStale | isHeld)) !== 0) this.#hold(place, route);
    const before = columns.attributes[row] as number;
    if (before === NO_ROUTE || !this.#sets.isOf(before, route)) {
      columns.attributes[row] = this.#sets.take(route);
      this.#sets.release(before);
    }
    columns.sequenceNumbers[row] = sequenceNumberOf(route.sequenceNumber);
    let is = (columns.flags[row] as number) & ~(isStale | hasSequenceNumber);
    if (route.sequenceNumber !== undefined) is |= hasSequenceNumber;
    if (route.id === route.prefix && isFoundByText(place, route.prefix)) {
      if ((is & isNamedByPrefix) === 0) this.#forgetId(place);
      is |= isNamedByPrefix;
    } else {
      is &= ~isNamedByPrefix;
      if (this.#ids.get(place) !== route.id) this.#name(place, route.id);
    }
    columns.flags[row] = is;
  }

  /** Removes all that the server said of a place. */
  remove(place: number): void {
    if (!this.has(place)) return;
    const { attributes, flags } = this.#columns[columnOf(place)];
    const row = rowOf(place);
    this.#forgetId(place);
    this.dropHeld(place);
    this.#freshen(place);
    this.#sets.release(attributes[row] as number);
    attributes[row] = NO_ROUTE;
    flags[row] = (flags[row] as number) & isMarked;
  }

  /** The route becomes stale; of one that is already the time stays. @param place one that it `has` */
  makeStale(place: number, now: number): void {
    if ((this.#flags(place) & isStale) !== 0) return;
    const columns = this.#columns[columnOf(place)];
    const row = rowOf(place);
    columns.since ??= new Float64Array(columns.flags.length);
    columns.since[row] = now;
    columns.flags[row] = (columns.flags[row] as number) | isStale;
    this.#stale++;
  }

  /** Since when the route that was said last is stale; undefined where it is not. */
  staleSince(place: number): number | undefined {
    const { flags, since } = this.#columns[columnOf(place)];
    const row = rowOf(place);
    return since !== undefined && ((flags[row] as number) & isStale) !== 0 ? since[row] : undefined;
  }

  /** Since when a held route of the place is stale; undefined where there is none. */
  heldSince(place: number): number | undefined {
    return this.#held.get(place)?.since;
  }

  /** The route that was said since counts. */
  dropHeld(place: number): void {
    const held = this.#held.get(place);
    if (held === undefined) return;
    const { flags } = this.#columns[columnOf(place)];
    this.#sets.release(held.attributes);
    this.#held.delete(place);
    flags[rowOf(place)] = (flags[rowOf(place)] as number) & ~isHeld;
  }

  /** Since when the first stale route is; Infinity where none is. */
  oldest(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { flags, since } of this.#stale === 0 ? [] : this.#columns) {
      if (since === undefined) continue;
      for (let row = 0; row < flags.length; row++)
        if (((flags[row] as number) & isStale) !== 0) oldest = Math.min(oldest, since[row] as number);
    }
    for (const { since } of this.#held.values()) oldest = Math.min(oldest, since);
    return oldest;
  }

  #flags(place: number): number {
    const { flags } = this.#columns[columnOf(place)];
    return rowOf(place) < flags.length ? (flags[rowOf(place)] as number) : 0;
  }

  /**
   * A restarted server learns its table piece by piece, and tells it so: what it says first may be the standby of what it says next. So a stale route
   * that is better than the new one is held until the server has said all. Compare RFC 4724 section 4.1, deferral of route selection.
   */
  #hold(place: number, route: VpnRoute): void {
    const { attributes, flags } = this.#columns[columnOf(place)];
    const row = rowOf(place);
    const wasHeld = this.#held.has(place);
    const number = this.attributes(place);
    const sequenceNumber = this.sequenceNumber(place);
    const order =
      this.#sets.localPreference(number) - localPreferenceOf(route.localPreference) ||
      sequenceNumberOf(sequenceNumber) - sequenceNumberOf(route.sequenceNumber);
    if (order <= 0) this.dropHeld(place);
    else if (!wasHeld) {
      this.#sets.hold(attributes[row] as number);
      this.#held.set(place, {
        attributes: number,
        sequenceNumber,
        id: ownText(this.id(place, route.prefix)),
        since: this.staleSince(place) ?? 0,
      });
      flags[row] = (flags[row] as number) | isHeld;
    }
    this.#freshen(place);
  }

  /** The route itself is not stale any more. */
  #freshen(place: number): void {
    const { flags } = this.#columns[columnOf(place)];
    const is = flags[rowOf(place)] as number;
    if ((is & isStale) === 0) return;
    flags[rowOf(place)] = is & ~isStale;
    if (--this.#stale === 0) for (const columns of this.#columns) columns.since = undefined;
  }

  // A server that names its items after their publishers retracts the loser's id after the winner's item: by then that id must lead nowhere.
  #name(place: number, text: string): void {
    const id = ownText(text);
    this.#forgetId(place);
    this.#places.set(id, place);
    this.#ids.set(place, id);
  }

  #forgetId(place: number): void {
    if (this.#ids.size === 0) return;
    const id = this.#ids.get(place);
    if (id === undefined) return;
    this.#ids.delete(place);
    this.#places.delete(id);
  }
}

/** Whether `findText` finds the place by its prefix. */
function isFoundByText(place: number, prefix: IpPrefix): boolean {
  return columnOf(place) === 0 || !prefix.includes('.');
}

function emptyColumns(): Columns {
  return {
    attributes: new Uint32Array(),
    sequenceNumbers: new Uint32Array(),
    flags: new Uint8Array(),
    since: undefined,
  };
}

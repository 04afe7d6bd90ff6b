// What one subscriber has still to hear of one VPN. While it keeps up, that is a queue of messages shared with others. While it hears the
// table, and when it fell behind, it is no queue: a cursor in the table, and the prefixes that changed, each said as it is when its turn
// comes. So a reader however slow costs no more than the table has prefixes. Never sends. Sizes in bytes, as estimated.
import type { IpPrefix } from '@hostpe/net';
import type { VpnEvent, VpnRoute } from '@hostpe/signaling';
import type { PlacedRoute, Rib } from './rib.ts';
import { SEGMENT_SIZE, segments, sizeOf } from './segments.ts';
import type { Change, KeptBytes, SharedBody } from './shared-body.ts';

export interface FeedLimits {
  /** Of a message, in items and next-hops. */
  readonly segment: number;
  /** Who would have more than this in its queue has fallen behind. */
  readonly queued: number;
  /** While more than this is kept for all together, so has who has anything in its queue. */
  readonly kept: number;
}

export const FEED_LIMITS: FeedLimits = {
  segment: SEGMENT_SIZE,
  queued: 8 * 1024 * 1024,
  kept: 64 * 1024 * 1024,
};

/** Stands in the order of changes where End-of-RIB is due. */
const END_OF_RIB = Symbol('End-of-RIB');

export interface VpnFeedOptions {
  readonly vpn: string;
  readonly rib: Pick<Rib, 'table' | 'route' | 'lastPlace'>;
  readonly encode: (event: VpnEvent) => readonly Uint8Array[];
  readonly kept: KeptBytes;
  readonly limits: FeedLimits;
}

export class VpnFeed {
  readonly #options: VpnFeedOptions;
  /** Empty while there is a cursor or something is dirty. */
  #queue: SharedBody[] = [];
  /** The first of the queue that was not taken. */
  #first = 0;
  #queued = 0;
  /**
   * What changed, in the order in which it first did: prefixes, and whether the subscriber has a route for them. A prefix that it has not
   * and is not to get is not there.
   */
  readonly #dirty = new Map<IpPrefix | typeof END_OF_RIB, boolean>();
  #cursor: Iterator<PlacedRoute> | undefined;
  /** The subscriber has had, or has as dirty, all of the table up to this place. */
  #toldUpTo = Number.POSITIVE_INFINITY;
  /** Prefixes that the subscriber was told although the cursor has not come to them: they went, and came back behind all others. */
  readonly #toldAhead = new Set<IpPrefix>();
  #endOfRibAfterTable = false;
  #tableNext = false;

  constructor(options: VpnFeedOptions) {
    this.#options = options;
  }

  /** @param bodies makes the change's messages. */
  take(change: Change, bodies: () => readonly SharedBody[]): void {
    if (change.event.kind === 'end-of-rib' && this.#cursor !== undefined) {
      this.#endOfRibAfterTable = true;
      return;
    }
    if (this.#keepsUp(change.size)) {
      for (const body of bodies()) {
        this.#queue.push(body.keep());
        this.#queued += body.size;
      }
      return;
    }
    this.#fallBehind();
    this.#mark(change.event, change);
  }

  /** The subscriber asked for the table anew: an End-of-RIB of before would say that it had it. */
  forgetEndOfRib(): void {
    this.#fallBehind();
    this.#dirty.delete(END_OF_RIB);
    this.#endOfRibAfterTable = false;
  }

  /**
   * The whole table, from its beginning.
   * @param known whether the subscriber has had the table before, or part of it.
   */
  startTable(known: boolean): void {
    const { rib, vpn } = this.#options;
    this.#fallBehind();
    if (this.#cursor === undefined) this.#toldUpTo = known ? rib.lastPlace : 0;
    this.#cursor = rib.table(vpn);
  }

  /** The next payloads, perhaps none; undefined when there is nothing more. End-of-RIB comes alone. */
  next(): readonly Uint8Array[] | undefined {
    const body = this.#queue[this.#first];
    if (body !== undefined) return this.#takeQueued(body);
    // In turn, so that neither a table that is long nor changes that never cease hold up the other.
    this.#tableNext = !this.#tableNext;
    if (this.#cursor !== undefined && (this.#tableNext || this.#dirty.size === 0))
      return this.#takeTable(this.#cursor);
    return this.#dirty.size > 0 ? this.#takeDirty() : undefined;
  }

  /** Lets go of what it shares with others. */
  close(): void {
    for (const body of this.#waitingBodies()) body.release();
    this.#emptyQueue();
  }

  #keepsUp(size: number): boolean {
    if (this.#cursor !== undefined || this.#dirty.size > 0) return false;
    const { kept, limits } = this.#options;
    if (this.#queued + size > limits.queued) return false;
    return this.#queued === 0 || kept.total + size <= limits.kept;
  }

  /** Turns the queue into dirty prefixes. */
  #fallBehind(): void {
    const bodies = this.#waitingBodies();
    this.#emptyQueue();
    for (const body of bodies) {
      this.#mark(body.event, body.change);
      body.release();
    }
  }

  #waitingBodies(): readonly SharedBody[] {
    return this.#queue.slice(this.#first);
  }

  #emptyQueue(): void {
    this.#queue = [];
    this.#first = 0;
    this.#queued = 0;
  }

  #takeQueued(body: SharedBody): readonly Uint8Array[] {
    // End-of-RIB is not the same for all: some hear one of all their VPNs.
    const payloads = body.event.kind === 'end-of-rib' ? this.#encodeEndOfRib() : body.payloads();
    body.release();
    this.#first += 1;
    this.#queued -= body.size;
    if (this.#first === this.#queue.length) this.#emptyQueue();
    return payloads;
  }

  /** @param event all of the change, or a segment of it. */
  #mark(event: VpnEvent, change: Change): void {
    if (event.kind === 'end-of-rib') {
      this.#dirty.set(END_OF_RIB, true);
      return;
    }
    const places = event === change.event ? change.places : placesIn(event, change);
    let at = 0;
    for (const { prefix } of event.routes) this.#markChanged(prefix, places[at++] ?? 0);
    for (const id of event.retractedIds) this.#markWithdrawn(id as IpPrefix, places[at++] ?? 0);
  }

  #markChanged(prefix: IpPrefix, place: number): void {
    if (this.#dirty.has(prefix)) return;
    if (this.#isTold(prefix, place)) this.#dirty.set(prefix, true);
    // Otherwise the cursor comes to it.
    else if (this.#cursor === undefined) this.#dirty.set(prefix, false);
  }

  #markWithdrawn(prefix: IpPrefix, place: number): void {
    const had = this.#dirty.get(prefix);
    if (had === false) this.#dirty.delete(prefix);
    else if (had === undefined && this.#isTold(prefix, place)) this.#dirty.set(prefix, true);
    this.#toldAhead.delete(prefix);
  }

  #isTold(prefix: IpPrefix, place: number): boolean {
    return place !== 0 && (place <= this.#toldUpTo || this.#toldAhead.has(prefix));
  }

  #takeTable(cursor: Iterator<PlacedRoute>): readonly Uint8Array[] {
    const routes: VpnRoute[] = [];
    for (let size = 0; size < this.#options.limits.segment; ) {
      const { done, value } = cursor.next();
      if (done) return this.#endTable(routes);
      const { place, announced } = value;
      this.#toldUpTo = Math.max(this.#toldUpTo, place);
      this.#dirty.delete(announced.prefix);
      this.#toldAhead.delete(announced.prefix);
      routes.push(announced);
      size += sizeOf(announced);
    }
    return this.#encode(routes, []);
  }

  #endTable(routes: readonly VpnRoute[]): readonly Uint8Array[] {
    this.#cursor = undefined;
    this.#toldUpTo = Number.POSITIVE_INFINITY;
    this.#toldAhead.clear();
    if (this.#endOfRibAfterTable) this.#dirty.set(END_OF_RIB, true);
    this.#endOfRibAfterTable = false;
    return this.#encode(routes, []);
  }

  #takeDirty(): readonly Uint8Array[] {
    const routes: VpnRoute[] = [];
    const retractedIds: IpPrefix[] = [];
    let size = 0;
    for (const [prefix, had] of this.#dirty) {
      if (size >= this.#options.limits.segment || (prefix === END_OF_RIB && size > 0)) break;
      this.#dirty.delete(prefix);
      if (prefix === END_OF_RIB) return this.#encodeEndOfRib();
      const route = this.#options.rib.route(this.#options.vpn, prefix);
      if (route !== undefined) {
        routes.push(route.announced);
        if (route.place > this.#toldUpTo) this.#toldAhead.add(prefix);
      } else if (had) retractedIds.push(prefix);
      size += sizeOf(route?.announced ?? prefix);
    }
    return this.#encode(routes, retractedIds);
  }

  #encode(routes: readonly VpnRoute[], retractedIds: readonly IpPrefix[]): readonly Uint8Array[] {
    const { vpn, encode, limits } = this.#options;
    const payloads: Uint8Array[] = [];
    for (const segment of segments(
      { kind: 'items', vpn, routes, retractedIds, rejected: [] },
      limits.segment,
    ))
      payloads.push(...encode(segment));
    return payloads;
  }

  #encodeEndOfRib(): readonly Uint8Array[] {
    const { vpn, encode } = this.#options;
    return encode({ kind: 'end-of-rib', vpn });
  }
}

/** The places of a segment's items. */
function placesIn(segment: VpnEvent, { event, places }: Change): readonly number[] {
  if (segment.kind !== 'items' || event.kind !== 'items') return [];
  const routesFrom = event.routes.indexOf(segment.routes[0] as VpnRoute);
  const idsFrom = event.routes.length + event.retractedIds.indexOf(segment.retractedIds[0] as string);
  return [
    ...places.slice(routesFrom, routesFrom + segment.routes.length),
    ...places.slice(idsFrom, idsFrom + segment.retractedIds.length),
  ];
}

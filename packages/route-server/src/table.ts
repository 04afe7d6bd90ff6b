// The routes of one VPN (loc-RIB) as its subscribers are to hear them: in the order in which they last changed, and each subscriber has its
// place in that order. A change is put at the end, whoever is to hear of it and however many they are; it costs nothing for each of them, and
// who is far behind hears each prefix once, as it is when its turn comes. Pure; chooses no route and serialises nothing.
//
//   sweeper ─ route ─ route ─ [a reader] ─ route ─ withdrawn ─ [a reader] ─ route
//
// What is withdrawn stays in its place until all readers have passed it: the sweeper walks behind the last of them.
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import { ShardedMap } from './sharded-map.ts';
import { Entry, Link } from './table-list.ts';
import { TableReader } from './table-reader.ts';

/** Entries that the sweeper walks for a change: it catches up although there are more changes than reads. */
const SWEPT_A_CHANGE = 4;
/** And for each that a reader read. */
const SWEPT_A_READ = 2;

export class Table<Path extends object> {
  readonly #entries = new ShardedMap<IpPrefix, Entry<Path>>();
  readonly #end = new Link();
  readonly #sweeper = new Link();
  #readers = 0;
  #size = 0;
  #lastChange = 0;

  constructor() {
    this.#sweeper.insertBefore(this.#end);
  }

  /** Prefixes that have a route. */
  get size(): number {
    return this.#size;
  }

  /** Of a prefix without a route: none. */
  paths(prefix: IpPrefix): readonly Path[] {
    return this.#entries.get(prefix)?.paths ?? [];
  }

  announced(prefix: IpPrefix): VpnRoute | undefined {
    return this.#entries.get(prefix)?.announced;
  }

  /** In no order; those that come or go meanwhile are among them or not. */
  *routes(): Generator<readonly [VpnRoute, readonly Path[]]> {
    for (const { announced, paths } of this.#entries.values())
      if (announced !== undefined) yield [announced, paths];
  }

  /** Other paths, of which subscribers hear nothing. */
  setPaths(prefix: IpPrefix, paths: readonly Path[]): void {
    const entry = this.#entries.get(prefix);
    if (entry !== undefined) entry.paths = paths;
  }

  /** A new or changed route. */
  announce(announced: VpnRoute, paths: readonly Path[]): void {
    const { prefix } = announced;
    this.#lastChange += 1;
    const known = this.#entries.get(prefix);
    const entry = known ?? new Entry<Path>(prefix, this.#lastChange);
    if (known === undefined) this.#entries.set(prefix, entry);
    if (entry.announced === undefined) this.#size += 1;
    this.#change(entry, paths, announced);
  }

  /** @returns whether there was a route. */
  withdraw(prefix: IpPrefix): boolean {
    const entry = this.#entries.get(prefix);
    if (entry?.announced === undefined) return false;
    this.#lastChange += 1;
    this.#size -= 1;
    if (this.#readers === 0) this.#remove(entry);
    else this.#change(entry, [], undefined);
    return true;
  }

  /** One that has heard nothing yet. */
  reader(): TableReader {
    const marker = new Link();
    marker.insertBefore(this.#end.next);
    this.#readers += 1;
    this.#sweepFromTheBeginning();
    return new TableReader({
      marker,
      end: this.#end,
      lastChange: () => this.#lastChange,
      onPassed: (entries) => this.#sweep(SWEPT_A_READ * entries + 1),
      onRestart: () => this.#sweepFromTheBeginning(),
      onClose: () => {
        this.#readers -= 1;
      },
    });
  }

  #change(entry: Entry<Path>, paths: readonly Path[], announced: VpnRoute | undefined): void {
    entry.change = this.#lastChange;
    entry.paths = paths;
    entry.announced = announced;
    entry.unlink();
    entry.insertBefore(this.#end);
    this.#sweep(SWEPT_A_CHANGE);
  }

  #remove(entry: Entry<Path>): void {
    entry.unlink();
    this.#entries.delete(entry.prefix);
  }

  /** No reader is before the sweeper, so that none loses what it has still to hear. */
  #sweepFromTheBeginning(): void {
    this.#sweeper.unlink();
    this.#sweeper.insertBefore(this.#end.next);
  }

  /** Walks on, by so many entries at the most, and takes what is withdrawn away, as far as nobody has still to hear of it. */
  #sweep(most: number): void {
    let link = this.#sweeper.next;
    let walked = 0;
    for (; walked < most && link instanceof Entry; walked++) {
      const { next } = link;
      if (link.announced === undefined) this.#remove(link);
      link = next;
    }
    if (walked === 0) return;
    this.#sweeper.unlink();
    this.#sweeper.insertBefore(link);
  }
}

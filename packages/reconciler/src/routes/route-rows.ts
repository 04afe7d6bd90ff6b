// The routes of one VPN and family, in columns: what is wanted of each prefix beside what the kernel is known to have. Pure; decides nothing.
// Nexthop ids are the kernel's, 0: no route.
import type { IpPrefix } from '@hostpe/net';
import { PrefixIndex } from '@hostpe/net';
import type { NexthopSets } from './nexthop-sets.ts';
import { UNKNOWN } from './nexthop-sets.ts';

const isListed = 1;
const wasSeen = 2;

/** Growable list of row numbers. */
class RowList {
  #rows = new Uint32Array(16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(row: number): void {
    if (this.#length === this.#rows.length)
      this.#rows = new Uint32Array(this.#rows.buffer.transfer(this.#length * 8));
    this.#rows[this.#length++] = row;
  }

  /** All of them; the list is empty then. */
  take(): Uint32Array {
    const taken = this.#rows.subarray(0, this.#length);
    this.#rows = new Uint32Array(16);
    this.#length = 0;
    return taken;
  }
}

export class RouteRows {
  readonly index: PrefixIndex;
  readonly #sets: NexthopSets;
  #wanted: Uint32Array<ArrayBuffer>;
  #actual: Uint32Array<ArrayBuffer>;
  #flags: Uint8Array<ArrayBuffer>;
  /** Rows to be looked at: each once. */
  #changed = new RowList();

  constructor(family: 'ipv4' | 'ipv6', sets: NexthopSets) {
    this.index = new PrefixIndex(family);
    this.#sets = sets;
    this.#wanted = new Uint32Array(this.index.capacity);
    this.#actual = new Uint32Array(this.index.capacity);
    this.#flags = new Uint8Array(this.index.capacity);
  }

  /** Number of the wanted nexthops, see NexthopSets. */
  wanted(row: number): number {
    return this.#wanted[row] as number;
  }

  /** Nexthop id of the route in the kernel. */
  actual(row: number): number {
    return this.#actual[row] as number;
  }

  /**
   * @param number a set that was taken for this row: it is released when the row wants another.
   * @returns whether nothing was known of the prefix before
   */
  want(prefix: IpPrefix, number: number): boolean {
    const row = this.#insert(this.index.insert(prefix));
    const before = this.#wanted[row] as number;
    this.#sets.release(before);
    this.#wanted[row] = number;
    if (before !== number) this.change(row);
    return before === UNKNOWN;
  }

  /** Nothing is known of a prefix any more. @returns whether something was */
  unwant(prefix: IpPrefix): boolean {
    const row = this.index.find(prefix);
    if (row < 0 || this.#wanted[row] === UNKNOWN) return false;
    this.#sets.release(this.#wanted[row] as number);
    this.#wanted[row] = UNKNOWN;
    this.change(row);
    return true;
  }

  /** What the kernel has now. A row that nothing wants and the kernel has not is forgotten. */
  setActual(row: number, id: number): void {
    this.#actual[row] = id;
    this.#drop(row);
  }

  /** The row is to be looked at. */
  change(row: number): void {
    if (((this.#flags[row] as number) & isListed) !== 0) return;
    this.#flags[row] = (this.#flags[row] as number) | isListed;
    this.#changed.push(row);
  }

  get changes(): number {
    return this.#changed.length;
  }

  /** The rows to be looked at, each once: what changes from now on is in the next answer. */
  takeChanges(): Uint32Array {
    const rows = this.#changed.take();
    for (const row of rows) this.#flags[row] = (this.#flags[row] as number) & ~isListed;
    return rows;
  }

  /** A row that was taken was found to be as it should. */
  settle(row: number): void {
    this.#drop(row);
  }

  /** A dump has this route. */
  see(words: Uint32Array, at: number, length: number, id: number): void {
    const row = this.#insert(this.index.insertWords(words, at, length));
    this.#flags[row] = (this.#flags[row] as number) | wasSeen;
    this.#actual[row] = id;
  }

  /** After the last route of a dump: what was not seen is not there. @param first row, up to @param end without it */
  unsee(first: number, end: number): void {
    for (let row = first; row < end; row++) {
      if (!this.index.has(row)) continue;
      if (((this.#flags[row] as number) & wasSeen) === 0) this.#actual[row] = 0;
      this.#flags[row] = (this.#flags[row] as number) & ~wasSeen;
      this.#drop(row);
    }
  }

  #insert(row: number): number {
    const { capacity } = this.index;
    if (capacity > this.#flags.length) {
      this.#wanted = new Uint32Array(this.#wanted.buffer.transfer(capacity * 4));
      this.#actual = new Uint32Array(this.#actual.buffer.transfer(capacity * 4));
      this.#flags = new Uint8Array(this.#flags.buffer.transfer(capacity));
    }
    return row;
  }

  #drop(row: number): void {
    if (this.#wanted[row] === UNKNOWN && this.#actual[row] === 0 && this.#flags[row] === 0)
      this.index.remove(row);
  }
}

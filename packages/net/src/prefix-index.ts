// Rows of prefixes, found by prefix: a dense table whose columns are typed arrays, for millions of them. Owns the prefixes and the numbers of their
// rows; whoever uses it keeps what belongs to a row in arrays of its own, by row number. Addresses are numbers of 32 bits, most significant first.
import { addressFamily, addressFromBytes, addressToBytes } from './address.ts';
import type { IpPrefix } from './prefix.ts';
import { prefixAddress, prefixLength } from './prefix.ts';
import { readIpv4PrefixWords, readIpv6PrefixWords } from './prefix-words.ts';

const firstCapacity = 16;
/** Marks a row without a prefix. */
const none = 255;
/** Above this part of the slots in use there are twice as many. */
const fullest = 0.75;

/**
 * A row number stays what it is until the prefix is removed, and may be given again after that. Memory: 5 bytes a row of IPv4 and 17 of IPv6, and 5
 * to 11 for finding it.
 */
export class PrefixIndex {
  readonly family: 'ipv4' | 'ipv6';
  /** Numbers that an address has: 1 or 4. */
  readonly width: 1 | 4;
  readonly #seed: number;
  readonly #key: Uint32Array;
  #addresses: Uint32Array<ArrayBuffer>;
  #lengths: Uint8Array<ArrayBuffer>;
  /** Row numbers plus 1, at the hash of the row's prefix or behind it; 0: free. */
  #slots: Uint32Array<ArrayBuffer>;
  /** Rows below were used at some time. */
  #limit = 0;
  #size = 0;
  readonly #free: number[] = [];

  /** @param seed of the hash: not to be guessed by those who choose prefixes, or they could make every look-up a search. */
  constructor(family: 'ipv4' | 'ipv6', seed = Math.floor(Math.random() * 2 ** 32)) {
    this.family = family;
    this.width = family === 'ipv4' ? 1 : 4;
    this.#seed = seed;
    this.#key = new Uint32Array(this.width);
    this.#addresses = new Uint32Array(firstCapacity * this.width);
    this.#lengths = new Uint8Array(firstCapacity).fill(none);
    this.#slots = new Uint32Array(firstCapacity * 2);
  }

  /** How many prefixes there are. */
  get size(): number {
    return this.#size;
  }

  /** All rows are below. */
  get limit(): number {
    return this.#limit;
  }

  /** How long the arrays must be that belong to the rows; grows by doubling. */
  get capacity(): number {
    return this.#lengths.length;
  }

  /** @returns the row; -1 where the prefix has none, or is of the other family. */
  find(prefix: IpPrefix): number {
    const length = this.#read(prefix);
    return length < 0 ? -1 : this.findWords(this.#key, 0, length);
  }

  /** @returns the row, new where there was none. @throws TypeError for a prefix of the other family. */
  insert(prefix: IpPrefix): number {
    const length = this.#read(prefix);
    if (length < 0) throw new TypeError(`${prefix} is not an ${this.family} prefix in canonical text`);
    return this.insertWords(this.#key, 0, length);
  }

  /** @param at where the address begins in `words`. @returns as `find` */
  findWords(words: Uint32Array, at: number, length: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#hash(words, at, length) & mask; ; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] as number) - 1;
      if (row < 0 || this.#isAt(row, words, at, length)) return row;
    }
  }

  /** @returns as `insert` */
  insertWords(words: Uint32Array, at: number, length: number): number {
    const known = this.findWords(words, at, length);
    if (known >= 0) return known;
    const row = this.#free.pop() ?? this.#limit++;
    if (row === this.#lengths.length) this.#growRows();
    for (let word = 0; word < this.width; word++)
      this.#addresses[row * this.width + word] = words[at + word] as number;
    this.#lengths[row] = length;
    this.#size++;
    if (this.#size > this.#slots.length * fullest) this.#growSlots();
    else this.#place(row);
    return row;
  }

  /** The row and its number are free then. */
  remove(row: number): void {
    if (!this.has(row)) return;
    const mask = this.#slots.length - 1;
    let hole = this.#home(row) & mask;
    while (this.#slots[hole] !== row + 1) hole = (hole + 1) & mask;
    // What stands behind moves up where the hole would part it from its hash.
    for (let slot = (hole + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#home((this.#slots[slot] as number) - 1) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#slots[hole] = this.#slots[slot] as number;
      hole = slot;
    }
    this.#slots[hole] = 0;
    this.#lengths[row] = none;
    this.#free.push(row);
    this.#size--;
  }

  has(row: number): boolean {
    return row >= 0 && row < this.#limit && this.#lengths[row] !== none;
  }

  /** @param row one that `has` */
  prefixAt(row: number): IpPrefix {
    const bytes = new Uint8Array(this.width * 4);
    const view = new DataView(bytes.buffer);
    for (let word = 0; word < this.width; word++)
      view.setUint32(word * 4, this.#addresses[row * this.width + word] as number);
    return `${addressFromBytes(bytes)}/${this.#lengths[row]}` as IpPrefix;
  }

  lengthAt(row: number): number {
    return this.#lengths[row] as number;
  }

  /** Writes the row's address into `words`, from `at` on. */
  copyWords(row: number, words: Uint32Array, at: number): void {
    for (let word = 0; word < this.width; word++)
      words[at + word] = this.#addresses[row * this.width + word] as number;
  }

  /** @returns the length, with the address in the key; -1 for a prefix of the other family. */
  #read(prefix: IpPrefix): number {
    if (this.width === 1) return readIpv4PrefixWords(prefix, this.#key);
    const length = readIpv6PrefixWords(prefix, this.#key);
    if (length >= 0 || addressFamily(prefix) !== 'ipv6') return length;
    // With an embedded IPv4 address.
    const view = new DataView(addressToBytes(prefixAddress(prefix)).slice().buffer);
    for (let word = 0; word < 4; word++) this.#key[word] = view.getUint32(word * 4);
    return prefixLength(prefix);
  }

  #isAt(row: number, words: Uint32Array, at: number, length: number): boolean {
    if (this.#lengths[row] !== length) return false;
    for (let word = 0; word < this.width; word++)
      if (this.#addresses[row * this.width + word] !== words[at + word]) return false;
    return true;
  }

  #home(row: number): number {
    return this.#hash(this.#addresses, row * this.width, this.#lengths[row] as number);
  }

  #hash(words: Uint32Array, at: number, length: number): number {
    let hash = this.#seed ^ length;
    for (let word = 0; word < this.width; word++) {
      hash = Math.imul(hash ^ (words[at + word] as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85ebca77);
    return (hash ^ (hash >>> 13)) >>> 0;
  }

  #place(row: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#home(row) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
  }

  #growRows(): void {
    const capacity = this.#lengths.length * 2;
    this.#addresses = new Uint32Array(this.#addresses.buffer.transfer(capacity * this.width * 4));
    const lengths = new Uint8Array(this.#lengths.buffer.transfer(capacity));
    lengths.fill(none, capacity / 2);
    this.#lengths = lengths;
  }

  #growSlots(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let row = 0; row < this.#limit; row++) if (this.#lengths[row] !== none) this.#place(row);
  }
}

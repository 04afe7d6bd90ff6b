// The prefixes of one VPN, of both families, each known by one number: its place. Pure; whoever uses it keeps what belongs to a place in arrays.
import type { IpPrefix } from '@hostpe/net';
import { addressFamily, PrefixIndex, readIpv4PrefixWords, readIpv6PrefixWords } from '@hostpe/net';

// Reused: nothing here is re-entrant.
const words = new Uint32Array(4);

/** Places of IPv4 are even, those of IPv6 odd: see `columnOf` and `rowOf`. */
export class VpnPrefixes {
  readonly #families = [new PrefixIndex('ipv4'), new PrefixIndex('ipv6')] as const;
  /** Of the prefix that was read last. */
  #column: 0 | 1 = 0;

  get size(): number {
    return this.#families[0].size + this.#families[1].size;
  }

  /** @returns the place; -1 where there is none */
  find(prefix: IpPrefix): number {
    const place = this.findText(prefix);
    return place >= 0 || addressFamily(prefix) === 'ipv4'
      ? place
      : placeOf(this.#families[1].find(prefix), 1);
  }

  /** @param text anything. @returns the place of the prefix that it is; -1 where it is none, or is said with an IPv4 address in an IPv6 one */
  findText(text: string): number {
    const length = this.#read(text);
    return length < 0 ? -1 : placeOf(this.#families[this.#column].findWords(words, 0, length), this.#column);
  }

  /** @returns the place, new where there was none */
  insert(prefix: IpPrefix): number {
    const length = this.#read(prefix);
    return length < 0
      ? placeOf(this.#families[1].insert(prefix), 1)
      : placeOf(this.#families[this.#column].insertWords(words, 0, length), this.#column);
  }

  /** The place and its number are free then. */
  remove(place: number): void {
    this.#family(place).remove(rowOf(place));
  }

  prefixAt(place: number): IpPrefix {
    return this.#family(place).prefixAt(rowOf(place));
  }

  /** How long the arrays of a column must be. */
  capacity(column: 0 | 1): number {
    return this.#families[column].capacity;
  }

  *places(): Iterable<number> {
    for (const column of [0, 1] as const) {
      const index = this.#families[column];
      for (let row = 0; row < index.limit; row++) if (index.has(row)) yield placeOf(row, column);
    }
  }

  #family(place: number): PrefixIndex {
    return this.#families[columnOf(place)];
  }

  /** @returns the length, with the address in `words` and its column in `#column`; -1 where the text is no prefix */
  #read(text: string): number {
    this.#column = 0;
    const length = readIpv4PrefixWords(text, words);
    if (length >= 0) return length;
    this.#column = 1;
    return readIpv6PrefixWords(text, words);
  }
}

/** Which arrays a place is in. */
export function columnOf(place: number): 0 | 1 {
  return (place & 1) as 0 | 1;
}

/** Where in its arrays a place is. */
export function rowOf(place: number): number {
  return place >> 1;
}

function placeOf(row: number, column: number): number {
  return row < 0 ? -1 : (row << 1) | column;
}

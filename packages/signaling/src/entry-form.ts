// Entries that differ from one that was read by their texts alone, straight from the bytes of these. The same values pass the same checks
// in the same order as when they come tag by tag; where one says no, the reader of tags decides.
import { EntryContent, readNexthopAddress } from './entry-content.ts';
import {
  ENCAPSULATION,
  NEXTHOP,
  NEXTHOP_ADDRESS,
  NEXTHOP_FAMILY,
  NLRI,
  NLRI_ADDRESS,
  NLRI_FAMILY,
  NLRI_SAFI,
  NOTHING,
} from './entry-elements.ts';
import type { EntryValue } from './entry-value.ts';
import { greatestNumber, LONGEST_TEXT } from './limits.ts';
import { TextTable } from './text-table.ts';

/** Next-hops are few, and routes many. */
const addresses = new TextTable(readNexthopAddress);
const encapsulations = new TextTable((text) => text);
const ONE = 0x31;
const TWO = 0x32;

/** Where a next-hop begins; the other steps are the elements that end, and NOTHING for a text that means nothing. */
export const BEGIN_NEXTHOP = -1;

export class EntryForm {
  readonly texts: number;
  readonly #steps: readonly number[];
  readonly #content = new EntryContent();

  /** @param steps what happens in an entry, in its order: the elements that end, and BEGIN_NEXTHOP. */
  constructor(steps: readonly number[]) {
    this.#steps = steps;
    this.texts = steps.filter(hasText).length;
  }

  /** @param places begin and end in `bytes` of each text, from `first` on. @returns undefined where the reader of tags has to decide. */
  read(bytes: Buffer, places: Uint32Array, first: number): EntryValue | undefined {
    const content = this.#content;
    const steps = this.#steps;
    content.clear();
    let place = first;
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index] as number;
      if (step === BEGIN_NEXTHOP) content.beginNexthop();
      else if (step === NLRI) {
        if (!content.endNlri()) return undefined;
      } else if (step === NEXTHOP) {
        if (!content.endNexthop()) return undefined;
      } else {
        const start = places[place] as number;
        const end = places[place + 1] as number;
        if (end - start > LONGEST_TEXT || !this.#take(step, bytes, start, end)) return undefined;
        place += 2;
      }
    }
    return content.value();
  }

  #take(element: number, bytes: Buffer, start: number, end: number): boolean {
    switch (element) {
      case NOTHING:
        return true;
      case NLRI_FAMILY:
      case NLRI_SAFI:
      case NEXTHOP_FAMILY:
        return end - start === 1 && this.#takeDigit(element, bytes[start] as number);
      case ENCAPSULATION:
        return this.#content.takeText(element, encapsulations.get(bytes, start, end));
      case NLRI_ADDRESS:
        return this.#content.takeText(element, bytes.toString('latin1', start, end));
      case NEXTHOP_ADDRESS:
        return this.#content.takeAddress(addresses.get(bytes, start, end));
      default:
        return this.#content.takeNumber(element, readNumber(bytes, start, end));
    }
  }

  /** There are no other families. */
  #takeDigit(element: number, byte: number): boolean {
    if (byte === ONE) return this.#content.takeText(element, '1');
    return byte === TWO && this.#content.takeText(element, '2');
  }
}

function hasText(step: number): boolean {
  return step !== BEGIN_NEXTHOP && step !== NLRI && step !== NEXTHOP;
}

/** @returns 0 to 2^32-1; -1 where it is no decimal number of that size. */
function readNumber(bytes: Buffer, start: number, end: number): number {
  if (end - start > 10) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value <= greatestNumber ? value : -1;
}

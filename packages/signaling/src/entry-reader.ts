// Entries of VPN routes straight to values, as the parser reads them: the form that senders of today write, which is nearly all that
// ever comes. Of any other form, and of any that has a mistake, it gives the tree back, so that decode-route.ts alone says what that
// means. What it does make of an entry is what decode-route.ts makes of its tree.
// Source: draft-ietf-l3vpn-end-system-06 section 6.
import { Element } from 'ltx';
import { EntryContent } from './entry-content.ts';
import {
  childOf,
  ENCAPSULATION,
  ENCAPSULATIONS,
  ENTRY,
  hasText,
  NEXTHOP,
  NEXTHOP_ADDRESS,
  NEXTHOP_FAMILY,
  NEXTHOP_LABEL,
  NLRI,
  NLRI_ADDRESS,
  NLRI_FAMILY,
  NOTHING,
  PARENTS,
  UNKNOWN,
} from './entry-elements.ts';
import { BEGIN_NEXTHOP, EntryForm } from './entry-form.ts';
import type { EntryValue } from './entry-value.ts';
import { LONGEST_TEXT } from './limits.ts';
import { earlyEntryNamespace, entryNamespace, eventNamespace, pubsubNamespace } from './namespaces.ts';

/** These may come more than once in their parents; the marks of the latter's children begin anew with each. */
const REPEATED = (1 << NEXTHOP) | (1 << ENCAPSULATION);
const OF_NEXTHOP =
  (1 << NEXTHOP_FAMILY) | (1 << NEXTHOP_ADDRESS) | (1 << NEXTHOP_LABEL) | (1 << ENCAPSULATIONS);
const NLRI_NEEDS = (1 << NLRI_FAMILY) | (1 << NLRI_ADDRESS);
const NEXTHOP_NEEDS = (1 << NEXTHOP_FAMILY) | (1 << NEXTHOP_ADDRESS) | (1 << NEXTHOP_LABEL);

// What the record of an entry consists of: the names of elements that begin, and these, the first two with what follows.
const ATTRIBUTES = 0;
const TEXT = 1;
const CLOSE = 2;
/** A longer record is not kept for the next entry. */
const KEPT_RECORD = 1024;

/** For the parser of a stream: reads its entries one after the other. Never throws. */
export class EntryReader {
  readonly name = 'entry';
  /** An entry without a namespace of its own has that of the message around it. */
  readonly namespaces = [entryNamespace, earlyEntryNamespace, pubsubNamespace, eventNamespace] as const;

  /** What was read, for the tree; beyond `#length` it is of an earlier entry. */
  #record: unknown[] = [];
  #length = 0;
  /** How much of it is the entry that ended last, if that had a value. */
  #read = 0;
  #at = NOTHING;
  /** Bits of the elements that came. */
  #seen = 0;
  #text = '';
  readonly #content = new EntryContent();

  /** An element of the entry, or that itself where nothing is open. @param attributes null where it has none. */
  open(name: string, _namespace: string, attributes: Readonly<Record<string, string>> | null): void {
    const record = this.#record;
    record[this.#length++] = name;
    if (attributes !== null) {
      record[this.#length++] = ATTRIBUTES;
      record[this.#length++] = attributes;
    }
    const element = childOf(this.#at, name);
    const bit = 1 << element;
    if (element === ENTRY) this.#seen = 0;
    const isKnown = attributes === null || (element === ENTRY && hasNamespaceOnly(attributes));
    if (element === UNKNOWN || !isKnown || (this.#seen & bit & ~REPEATED) !== 0) {
      this.#at = UNKNOWN;
      return;
    }
    if (element === NEXTHOP) {
      this.#seen &= ~OF_NEXTHOP;
      this.#content.beginNexthop();
    }
    this.#seen |= bit;
    this.#at = element;
    this.#text = '';
  }

  /** Text of an element that has others means nothing. */
  text(text: string): void {
    this.#record[this.#length++] = TEXT;
    this.#record[this.#length++] = text;
    if (text.length > LONGEST_TEXT) this.#at = UNKNOWN;
    else this.#text = text;
  }

  close(): void {
    this.#record[this.#length++] = CLOSE;
    if (this.#at !== UNKNOWN) this.#at = this.#take(this.#at) ? (PARENTS[this.#at] as number) : UNKNOWN;
  }

  /** @param entry gets the tree where there is no value. */
  end(entry: Element): EntryValue | undefined {
    const isWhole = this.#at === NOTHING && (this.#seen & (1 << NLRI)) !== 0;
    const value = isWhole ? this.#content.value() : undefined;
    if (value === undefined) this.#rebuild(entry);
    this.#at = NOTHING;
    this.#read = value === undefined ? 0 : this.#length;
    this.#length = 0;
    this.#content.clear();
    if (value === undefined || this.#record.length > KEPT_RECORD) this.#record = [];
    return value;
  }

  /** Of the entry that ended last, where that had a value and its record is kept. */
  form(): EntryForm | undefined {
    if (this.#record.length === 0) return undefined;
    const steps: number[] = [];
    const record = this.#record;
    let element = NOTHING;
    for (let at = 0; at < this.#read; at++) {
      const mark = record[at];
      if (mark === CLOSE) {
        if (element === NLRI || element === NEXTHOP) steps.push(element);
        element = PARENTS[element] as number;
      } else if (mark === TEXT) {
        at += 1;
        steps.push(hasText(element) ? element : NOTHING);
      } else if (mark === ATTRIBUTES) at += 1;
      else {
        element = childOf(element, mark as string);
        if (element === NEXTHOP) steps.push(BEGIN_NEXTHOP);
      }
    }
    return new EntryForm(steps);
  }

  /** Takes what the element said that ends here. @returns whether a value can still come of it all. */
  #take(element: number): boolean {
    if (hasText(element)) return this.#content.takeText(element, this.#text);
    if (element === NLRI) return (this.#seen & NLRI_NEEDS) === NLRI_NEEDS && this.#content.endNlri();
    if (element === NEXTHOP)
      return (this.#seen & NEXTHOP_NEEDS) === NEXTHOP_NEEDS && this.#content.endNexthop();
    return true;
  }

  #rebuild(entry: Element): void {
    const record = this.#record;
    let parent: Element | null = entry;
    // Behind the entry's own name, which `entry` has.
    for (let at = 1; at < this.#length && parent !== null; at++) {
      const mark = record[at];
      if (mark === CLOSE) parent = parent.parent;
      else if (mark === TEXT) parent.t(record[++at] as string);
      else if (mark === ATTRIBUTES) parent.attrs = record[++at] as Record<string, string>;
      else parent = parent.cnode(new Element(mark as string));
    }
  }
}

function hasNamespaceOnly(attributes: Readonly<Record<string, string>>): boolean {
  for (const name in attributes) if (name !== 'xmlns') return false;
  return true;
}

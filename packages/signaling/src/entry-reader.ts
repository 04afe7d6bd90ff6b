// Entries of VPN routes straight to values, as the parser reads them: the form that senders of today write, which is nearly all that
// ever comes. Of any other form, and of any that has a mistake, it gives the tree back, so that decode-route.ts alone says what that
// means. What it does make of an entry is what decode-route.ts makes of its tree.
// Source: draft-ietf-l3vpn-end-system-06 section 6.
import type { Encapsulation, IpAddress, IpPrefix } from '@hostpe/net';
import {
  addressFamily,
  NetError,
  parseIpAddress,
  parseIpPrefix,
  parseLabel,
  readIpv4PrefixWords,
} from '@hostpe/net';
import { Element } from 'ltx';
import {
  childOf,
  ENCAPSULATION,
  ENCAPSULATIONS,
  ENTRY,
  LOCAL_PREFERENCE,
  NEXTHOP,
  NEXTHOP_ADDRESS,
  NEXTHOP_FAMILY,
  NEXTHOP_LABEL,
  NLRI,
  NLRI_ADDRESS,
  NLRI_FAMILY,
  NLRI_SAFI,
  NOTHING,
  PARENTS,
  SEQUENCE_NUMBER,
  UNKNOWN,
} from './entry-elements.ts';
import { EntryValue } from './entry-value.ts';
import { greatestNumber, isUnspecified } from './limits.ts';
import type { VpnNexthop } from './messages.ts';
import { earlyEntryNamespace, entryNamespace, eventNamespace, pubsubNamespace } from './namespaces.ts';

/** Lists that nearly all routes have, once. */
const NO_ENCAPSULATIONS: readonly Encapsulation[] = [];
const SINGLE_ENCAPSULATIONS: ReadonlyMap<string, readonly Encapsulation[]> = new Map([
  ['gre', ['gre']],
  ['udp', ['udp']],
]);

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
/** A route of more is for the tree: to look through them all for each one is work that grows with their square. */
const MOST_NEXTHOPS = 32;
/** No value is as long; what is would be kept too. */
const LONGEST_TEXT = 64;

const words = new Uint32Array(1);

/** For the parser of a stream: reads its entries one after the other. Never throws. */
export class EntryReader {
  readonly name = 'entry';
  /** An entry without a namespace of its own has that of the message around it. */
  readonly namespaces = [entryNamespace, earlyEntryNamespace, pubsubNamespace, eventNamespace] as const;

  /** What was read, for the tree; beyond `#length` it is of an earlier entry. */
  #record: unknown[] = [];
  #length = 0;
  #at = NOTHING;
  /** Bits of the elements that came. */
  #seen = 0;
  #text = '';
  #prefix: IpPrefix | undefined;
  #family = '';
  #nexthops: VpnNexthop[] = [];
  #address: IpAddress | undefined;
  #nexthopFamily = '';
  #label = 0;
  #encapsulations: readonly Encapsulation[] = NO_ENCAPSULATIONS;
  #sequenceNumber: number | undefined;
  #localPreference: number | undefined;

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
      this.#encapsulations = NO_ENCAPSULATIONS;
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
    const value = this.#value();
    if (value === undefined) this.#rebuild(entry);
    this.#at = NOTHING;
    this.#length = 0;
    this.#nexthops = [];
    this.#sequenceNumber = undefined;
    this.#localPreference = undefined;
    if (value === undefined || this.#record.length > KEPT_RECORD) this.#record = [];
    return value;
  }

  #value(): EntryValue | undefined {
    if (this.#at !== NOTHING || this.#prefix === undefined || this.#nexthops.length === 0) return undefined;
    if ((this.#seen & (1 << NLRI)) === 0) return undefined;
    return new EntryValue(this.#prefix, this.#nexthops, this.#sequenceNumber, this.#localPreference);
  }

  /** Takes what the element said that ends here. @returns whether a value can still come of it all. */
  #take(element: number): boolean {
    const text = this.#text;
    switch (element) {
      case NLRI:
        return this.#takeNlri();
      case NLRI_FAMILY:
        this.#family = text;
        return true;
      case NLRI_SAFI:
        return text === '1';
      case NLRI_ADDRESS:
        this.#prefix = readPrefix(text);
        return this.#prefix !== undefined;
      case NEXTHOP:
        return this.#takeNexthop();
      case NEXTHOP_FAMILY:
        this.#nexthopFamily = text;
        return true;
      case NEXTHOP_ADDRESS:
        this.#address = readAddress(text);
        return this.#address !== undefined;
      case NEXTHOP_LABEL:
        this.#label = readNumber(text);
        return this.#label >= 0;
      case ENCAPSULATION:
        return this.#takeEncapsulation(text);
      case SEQUENCE_NUMBER:
        this.#sequenceNumber = readNumber(text);
        return this.#sequenceNumber >= 0;
      case LOCAL_PREFERENCE:
        this.#localPreference = readNumber(text);
        return this.#localPreference >= 0;
      default:
        return true;
    }
  }

  #takeNlri(): boolean {
    if ((this.#seen & NLRI_NEEDS) !== NLRI_NEEDS || this.#prefix === undefined) return false;
    return this.#family === familyNumber(this.#prefix);
  }

  #takeNexthop(): boolean {
    if ((this.#seen & NEXTHOP_NEEDS) !== NEXTHOP_NEEDS || this.#address === undefined) return false;
    if (this.#nexthopFamily !== familyNumber(this.#address) || isUnspecified(this.#address)) return false;
    if (this.#nexthops.length === MOST_NEXTHOPS) return false;
    const address = this.#address;
    let label: VpnNexthop['label'];
    try {
      label = parseLabel(this.#label);
    } catch (error) {
      if (error instanceof NetError) return false;
      throw error;
    }
    if (this.#nexthops.some((other) => other.address === address && other.label === label)) return false;
    this.#nexthops.push({ address, label, encapsulations: this.#encapsulations });
    return true;
  }

  #takeEncapsulation(text: string): boolean {
    const single = SINGLE_ENCAPSULATIONS.get(text);
    if (single === undefined) return false;
    const before = this.#encapsulations;
    if (single.some((encapsulation) => before.includes(encapsulation))) return false;
    this.#encapsulations = before.length === 0 ? single : [...before, ...single];
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

function familyNumber(addressOrPrefix: string): string {
  return addressFamily(addressOrPrefix) === 'ipv4' ? '1' : '2';
}

function readPrefix(text: string): IpPrefix | undefined {
  if (readIpv4PrefixWords(text, words) >= 0) return text as IpPrefix;
  try {
    return parseIpPrefix(text);
  } catch (error) {
    if (error instanceof NetError) return undefined;
    throw error;
  }
}

function readAddress(text: string): IpAddress | undefined {
  try {
    return parseIpAddress(text);
  } catch (error) {
    if (error instanceof NetError) return undefined;
    throw error;
  }
}

/** @returns 0 to 2^32-1; -1 where it is no decimal number of that size. */
function readNumber(text: string): number {
  if (text.length === 0 || text.length > 10) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value <= greatestNumber ? value : -1;
}

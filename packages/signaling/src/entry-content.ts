// What an entry has said so far, value by value, and what it says at its end: the checks of the form that senders of today write. Never
// looks at tags. Where it says no, the entry is for decode-route.ts, which alone says what is wrong with it.
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
import {
  ENCAPSULATION,
  LOCAL_PREFERENCE,
  NEXTHOP_ADDRESS,
  NEXTHOP_FAMILY,
  NEXTHOP_LABEL,
  NLRI_ADDRESS,
  NLRI_FAMILY,
  NLRI_SAFI,
  SEQUENCE_NUMBER,
} from './entry-elements.ts';
import { EntryValue } from './entry-value.ts';
import { greatestNumber, isUnspecified } from './limits.ts';
import type { VpnNexthop } from './messages.ts';

const NO_NEXTHOPS: VpnNexthop[] = [];
/** Lists that nearly all routes have, once. */
const NO_ENCAPSULATIONS: readonly Encapsulation[] = [];
const SINGLE_ENCAPSULATIONS: ReadonlyMap<string, readonly Encapsulation[]> = new Map([
  ['gre', ['gre']],
  ['udp', ['udp']],
]);

/** A route of more is for the tree: to look through them all for each one is work that grows with their square. */
const MOST_NEXTHOPS = 32;

const words = new Uint32Array(1);

/** With its address family number (IANA). Never the unspecified one. */
export interface NexthopAddress {
  readonly address: IpAddress;
  readonly family: string;
}

export class EntryContent {
  #prefix: IpPrefix | undefined;
  #prefixFamily = '';
  #family = '';
  #nexthops = NO_NEXTHOPS;
  #address: NexthopAddress | undefined;
  #nexthopFamily = '';
  #label = 0;
  #encapsulations: readonly Encapsulation[] = NO_ENCAPSULATIONS;
  #sequenceNumber: number | undefined;
  #localPreference: number | undefined;

  /** The next entry begins. */
  clear(): void {
    this.#prefix = undefined;
    this.#nexthops = NO_NEXTHOPS;
    this.#sequenceNumber = undefined;
    this.#localPreference = undefined;
  }

  /** The next one begins. */
  beginNexthop(): void {
    this.#address = undefined;
    this.#encapsulations = NO_ENCAPSULATIONS;
  }

  /** Of an entry that had an nlri; undefined where something is missing. */
  value(): EntryValue | undefined {
    if (this.#prefix === undefined || this.#nexthops.length === 0) return undefined;
    return new EntryValue(this.#prefix, this.#nexthops, this.#sequenceNumber, this.#localPreference);
  }

  /** @param element one with a text. @returns whether a value can still come of it all; so do the others. */
  takeText(element: number, text: string): boolean {
    switch (element) {
      case NLRI_FAMILY:
        this.#family = text;
        return true;
      case NLRI_SAFI:
        return text === '1';
      case NLRI_ADDRESS:
        return this.#takePrefix(text);
      case NEXTHOP_FAMILY:
        this.#nexthopFamily = text;
        return true;
      case NEXTHOP_ADDRESS:
        return this.takeAddress(readNexthopAddress(text));
      case ENCAPSULATION:
        return this.#takeEncapsulation(text);
      default:
        return this.takeNumber(element, readNumber(text));
    }
  }

  /** @param address of the next-hop. */
  takeAddress(address: NexthopAddress | undefined): boolean {
    this.#address = address;
    return address !== undefined;
  }

  /** @param element one with a number: -1 where it has none. */
  takeNumber(element: number, value: number): boolean {
    if (element === NEXTHOP_LABEL) this.#label = value;
    else if (element === SEQUENCE_NUMBER) this.#sequenceNumber = value;
    else if (element === LOCAL_PREFERENCE) this.#localPreference = value;
    return value >= 0;
  }

  /** It ends, and had all that it needs. */
  endNlri(): boolean {
    return this.#prefix !== undefined && this.#family === this.#prefixFamily;
  }

  /** As the nlri. */
  endNexthop(): boolean {
    if (this.#address === undefined || this.#nexthopFamily !== this.#address.family) return false;
    if (this.#nexthops.length === MOST_NEXTHOPS) return false;
    const { address } = this.#address;
    const label = readLabel(this.#label);
    if (label === undefined) return false;
    for (const other of this.#nexthops) {
      if (other.address === address && other.label === label) return false;
    }
    const nexthop: VpnNexthop = { address, label, encapsulations: this.#encapsulations };
    // Pushed to an empty list the first would make room for 17, of which nearly all routes need one.
    if (this.#nexthops.length === 0) this.#nexthops = [nexthop];
    else this.#nexthops.push(nexthop);
    return true;
  }

  #takePrefix(text: string): boolean {
    const isIpv4 = readIpv4PrefixWords(text, words) >= 0;
    const prefix = isIpv4 ? (text as IpPrefix) : readPrefix(text);
    this.#prefix = prefix;
    if (prefix === undefined) return false;
    this.#prefixFamily = isIpv4 ? '1' : familyNumber(prefix);
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
}

function familyNumber(addressOrPrefix: string): string {
  return addressFamily(addressOrPrefix) === 'ipv4' ? '1' : '2';
}

function readLabel(label: number): VpnNexthop['label'] | undefined {
  try {
    return parseLabel(label);
  } catch (error) {
    if (error instanceof NetError) return undefined;
    throw error;
  }
}

function readPrefix(text: string): IpPrefix | undefined {
  try {
    return parseIpPrefix(text);
  } catch (error) {
    if (error instanceof NetError) return undefined;
    throw error;
  }
}

export function readNexthopAddress(text: string): NexthopAddress | undefined {
  try {
    const address = parseIpAddress(text);
    return isUnspecified(address) ? undefined : { address, family: familyNumber(address) };
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

// What route targets and route distinguishers share: 'ADMINISTRATOR:NUMBER', where the administrator is an AS number or an IPv4 address and the
// two together have six octets behind a type (RFC 4364 section 4.2, RFC 4360 section 3, RFC 5668), as text and as bytes.
// Each value has one text: an AS number of four octets that would fit in two has an L behind it, '65000L:1', as it is another value than '65000:1'.
import { formatIpv4, readIpv4 } from './ipv4.ts';

const maximum16 = 0xffff;
const maximum32 = 0xffffffff;

/** Types 0, 1 and 2 of both: how the six octets are divided. */
const twoOctetAs = 0;
const ipv4Address = 1;
const fourOctetAs = 2;

interface AdministeredNumber {
  readonly type: number;
  readonly administrator: number;
  readonly number: number;
}

/**
 * An AS number below 65536 leaves 32 bits for the number, a greater one, one with an L behind it or an IPv4 address 16.
 * @returns the canonical text, or undefined where it is none.
 */
export function readAdministeredNumber(text: string): string | undefined {
  const read = divide(text);
  return read && format(read.type, read.administrator, read.number);
}

/** @param text canonical. @param subtype what stands behind a type of 8 bits; undefined where the type has 16. @returns 8 bytes. */
export function administeredNumberToBytes(text: string, subtype: number | undefined): Uint8Array {
  const { type, administrator, number } = divide(text) ?? { type: 0, administrator: 0, number: 0 };
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, subtype === undefined ? type : type * 256 + subtype);
  if (type === twoOctetAs) {
    view.setUint16(2, administrator);
    view.setUint32(4, number);
  } else {
    view.setUint32(2, administrator);
    view.setUint16(6, number);
  }
  return bytes;
}

/** @param type as on the wire. @param high the first two of the six octets. @param low the other four. @returns undefined for a type that has no text. */
export function administeredNumberFromWords(type: number, high: number, low: number): string | undefined {
  if (type === twoOctetAs) return format(type, high, low);
  if (type !== ipv4Address && type !== fourOctetAs) return undefined;
  return format(type, high * 0x10000 + (low >>> 16), low & maximum16);
}

function format(type: number, administrator: number, number: number): string {
  if (type === ipv4Address) return `${formatIpv4(administrator)}:${number}`;
  return `${administrator}${type === fourOctetAs && administrator <= maximum16 ? 'L' : ''}:${number}`;
}

function divide(text: string): AdministeredNumber | undefined {
  const colon = text.indexOf(':');
  const number = readDecimal(text.slice(colon + 1));
  if (colon < 0 || number === undefined) return undefined;
  const address = readIpv4(text, 0, colon);
  if (address >= 0) return fit({ type: ipv4Address, administrator: address, number });
  const long = text[colon - 1] === 'L';
  const administrator = readDecimal(text.slice(0, long ? colon - 1 : colon));
  if (administrator === undefined) return undefined;
  return fit({ type: long || administrator > maximum16 ? fourOctetAs : twoOctetAs, administrator, number });
}

function fit(read: AdministeredNumber): AdministeredNumber | undefined {
  return read.type === twoOctetAs || read.number <= maximum16 ? read : undefined;
}

function readDecimal(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,9})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= maximum32 ? value : undefined;
}

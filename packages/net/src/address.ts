// IP addresses as canonical text: IPv4 dotted quads, IPv6 as RFC 5952 has it, so that two equal addresses are equal strings.
// Never holds a zone: a link-local address is of an interface, which its holder knows.
import type { Brand } from './brand.ts';
import { NetError } from './error.ts';
import { formatIpv4, readIpv4 } from './ipv4.ts';
import { formatIpv6, readIpv6 } from './ipv6.ts';

export type IpAddress = Brand<string, 'IpAddress'>;
export type AddressFamily = 'ipv4' | 'ipv6';

// Reused: routes are parsed by the hundred thousand, and nothing here is re-entrant.
const groups = new Uint16Array(8);
const otherGroups = new Uint16Array(8);

/**
 * @param text an IPv4 dotted quad without leading zeros or any IPv6 form of RFC 4291 section 2.2.
 * @throws NetError `invalid-address`
 */
export function parseIpAddress(text: string): IpAddress {
  const address = readAddress(text);
  if (address === undefined) throw new NetError('invalid-address', text, 'is not an IP address');
  return address;
}

/** As parseIpAddress, for callers that have their own words for a failure. */
export function readAddress(text: string): IpAddress | undefined {
  if (text.includes(':')) return readIpv6(text, groups) ? (formatIpv6(groups) as IpAddress) : undefined;
  return readIpv4(text, 0, text.length) < 0 ? undefined : (text as IpAddress);
}

/** The family of an address or a prefix in canonical text. */
export function addressFamily(addressOrPrefix: string): AddressFamily {
  return addressOrPrefix.includes(':') ? 'ipv6' : 'ipv4';
}

/** @returns 4 or 16 bytes in network order. */
export function addressToBytes(address: IpAddress): Uint8Array {
  if (addressFamily(address) === 'ipv4') {
    const value = readIpv4(address, 0, address.length);
    return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
  }
  readIpv6(address, groups);
  const bytes = new Uint8Array(16);
  for (let at = 0; at < 8; at++) {
    const group = groups[at] ?? 0;
    bytes[at * 2] = group >>> 8;
    bytes[at * 2 + 1] = group & 255;
  }
  return bytes;
}

/**
 * @param bytes 4 or 16 bytes in network order.
 * @throws NetError `invalid-address` for any other length.
 */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) {
    return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as IpAddress;
  }
  if (bytes.length !== 16) {
    throw new NetError('invalid-address', Buffer.from(bytes).toString('hex'), 'is not 4 or 16 bytes');
  }
  for (let at = 0; at < 8; at++) groups[at] = ((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0);
  return formatIpv6(groups) as IpAddress;
}

/** Numeric order, IPv4 before IPv6; for Array.sort. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  const family = addressFamily(a);
  if (family !== addressFamily(b)) return family === 'ipv4' ? -1 : 1;
  if (family === 'ipv4') return readIpv4(a, 0, a.length) - readIpv4(b, 0, b.length);
  readIpv6(a, groups);
  readIpv6(b, otherGroups);
  for (let at = 0; at < 8; at++) {
    const difference = (groups[at] ?? 0) - (otherGroups[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The address with the bits behind the first `length` cleared. @param length 0..32 or 0..128 */
export function maskAddress(address: IpAddress, length: number): IpAddress {
  if (addressFamily(address) === 'ipv4') {
    if (length === 32) return address;
    const value = readIpv4(address, 0, address.length);
    return formatIpv4(length === 0 ? 0 : (value & (-1 << (32 - length))) >>> 0) as IpAddress;
  }
  if (length === 128) return address;
  readIpv6(address, groups);
  const group = length >>> 4;
  groups.fill(0, group + 1);
  groups[group] = (groups[group] ?? 0) & (0xffff << (16 - (length & 15)));
  return formatIpv6(groups) as IpAddress;
}

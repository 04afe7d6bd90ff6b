// What a message may carry, the same for decoder and encoder.
import type { IpAddress } from '@hostpe/net';

/** Sequence numbers and local preferences have 32 bits in BGP. */
export const greatestNumber = 0xffff_ffff;
/** The assigned number of a type 1 route distinguisher has 16 bits (RFC 4364 section 4.2). */
export const greatestInstanceId = 0xffff;

/** No value of an entry is as long; what is longer is left to the tree. */
export const LONGEST_TEXT = 64;

const vpnName = /^[\x20-\x7e]{1,128}$/;
/** What nearly all are; the other pattern is slower. */
const plainItemId = /^[\x20-\x7e]{1,256}$/;
const itemId = /^[^\p{Cc}\p{Cs}\uFFFE\uFFFF]{1,256}$/u;
const unspecifiedAddresses: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Whether `name` can be a VPN identifier: 1 to 128 printable ASCII characters (draft-ietf-l3vpn-end-system-06 section 6). */
export function isVpnName(name: string): boolean {
  return vpnName.test(name);
}

/**
 * Whether `id` can be an item's id: 1 to 256 characters that XML 1.0 allows, no control characters. The draft sets no
 * limit; the longest id of its suggested form (IPv6 forwarder, instance-id, IPv6 prefix) has 89.
 */
export function isItemId(id: string): boolean {
  return plainItemId.test(id) || itemId.test(id);
}

export function isUnspecified(address: IpAddress): boolean {
  return unspecifiedAddresses.has(address);
}

// Address families as the kernel numbers them (linux/socket.h).
import type { AddressFamily, IpAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { RouteFamily } from '../../objects.ts';

export const familyNumber = { unspecified: 0, ipv4: 2, ipv6: 10, packet: 17, mpls: 28 } as const;

/** Bits of an address. */
export const addressBits = { ipv4: 32, ipv6: 128 } as const;

/** @returns undefined for a family that is not IP. */
export function ipFamily(number: number): AddressFamily | undefined {
  if (number === familyNumber.ipv4) return 'ipv4';
  return number === familyNumber.ipv6 ? 'ipv6' : undefined;
}

/** @returns undefined for a family that has no routes of ours. */
export function routeFamily(number: number): RouteFamily | undefined {
  return number === familyNumber.mpls ? 'mpls' : ipFamily(number);
}

export function sameFamily(family: AddressFamily, ...addresses: readonly IpAddress[]): boolean {
  return addresses.every((address) => addressFamily(address) === family);
}

// What every encoder checks before it writes a value: nothing leaves that a decoder would refuse. Owns no dialect.
import type { IpAddress, IpPrefix } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import { quote, SignalingError } from './errors.ts';
import { isItemId, isUnspecified, isVpnName } from './limits.ts';
import type { VpnNexthop, VpnRoute } from './messages.ts';

/** The address family number (IANA): 1 for IPv4, 2 for IPv6. */
export function familyNumber(addressOrPrefix: IpAddress | IpPrefix): '1' | '2' {
  return addressFamily(addressOrPrefix) === 'ipv4' ? '1' : '2';
}

/** @throws SignalingError `not-encodable` */
export function checkedVpn(name: string): string {
  if (!isVpnName(name)) {
    throw notEncodable(`the VPN name ${quote(name)}: 1 to 128 printable ASCII characters are allowed`);
  }
  return name;
}

/** @throws SignalingError `not-encodable` */
export function checkedId(id: string): string {
  if (!isItemId(id)) {
    throw notEncodable(
      `the item id ${quote(id)}: 1 to 256 characters without control characters are allowed`,
    );
  }
  return id;
}

/** @throws SignalingError `not-encodable` */
export function checkedNumber(value: number, greatest: number, what: string): string {
  if (!Number.isInteger(value) || value < 0 || value > greatest) {
    throw notEncodable(`the ${what} ${value}: 0 to ${greatest} are allowed`);
  }
  return String(value);
}

/** The next-hops, at least one, none twice, none unspecified. @throws SignalingError `not-encodable` */
export function checkedNexthops({ prefix, nexthops }: VpnRoute): readonly VpnNexthop[] {
  if (nexthops.length === 0) throw notEncodable(`${prefix} without a next-hop`);
  if (new Set(nexthops.map(({ address, label }) => `${address} ${label}`)).size < nexthops.length) {
    throw notEncodable(`${prefix} with the same next-hop twice`);
  }
  for (const { address } of nexthops)
    if (isUnspecified(address)) throw notEncodable(`the next-hop ${address}`);
  return nexthops;
}

/** Of a route that a forwarder publishes. @throws SignalingError `not-encodable` */
export function checkedOwnNexthop(vpn: string, route: VpnRoute): VpnNexthop {
  const [nexthop, ...others] = checkedNexthops(route);
  if (nexthop === undefined || others.length > 0) {
    throw notEncodable(
      `${route.prefix} in VPN ${quote(vpn)} with ${route.nexthops.length} next-hops: a forwarder publishes one`,
    );
  }
  return nexthop;
}

/** Something without content, which would be read as End-of-RIB or as nothing. @throws SignalingError `not-encodable` */
export function checkedContent<Item>(items: readonly Item[], what: string): readonly Item[] {
  if (items.length === 0) throw notEncodable(what);
  return items;
}

export function notEncodable(what: string): SignalingError {
  return new SignalingError('not-encodable', `cannot send ${what}`);
}

// The RD of a forwarder in a VPN: the same on every route server, whatever came first (RFC 4364 section 4.2, type 1). Pure.
import { addressFamily, type IpAddress, parseRouteDistinguisher, type RouteDistinguisher } from '@hostpe/net';

const instances = 0x1_0000;

/**
 * Numbers from the end of the range for VPNs of which a forwarder gave none: the same where the configuration has the same VPNs since the start.
 * @param known what VPNs have already, and keep
 */
export function usualInstanceIds(
  vpns: Iterable<string>,
  known: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const names = [...vpns].toSorted(compareText);
  const used = new Set(names.flatMap((vpn) => known.get(vpn) ?? []));
  let next = instances - 1;
  return new Map(
    names.map((vpn) => {
      const number = known.get(vpn);
      if (number !== undefined) return [vpn, number];
      while (used.has(next)) next -= 1;
      used.add(next);
      return [vpn, next % instances];
    }),
  );
}

/**
 * @param addresses the next-hops that the forwarder may announce: its first IPv4 address, in order, stands for it; where it has none, a number
 * made of its account does.
 */
export function distinguisherOf(
  account: string,
  addresses: Iterable<IpAddress>,
  instanceId: number,
): RouteDistinguisher {
  const own = [...addresses].filter((address) => addressFamily(address) === 'ipv4').toSorted(compareText)[0];
  return parseRouteDistinguisher(`${own ?? numberAddress(account)}:${instanceId}`);
}

/** FNV-1a, as an address of 240.0.0.0/4: no host has one. */
function numberAddress(text: string): string {
  let hash = 0x811c9dc5;
  for (const octet of Buffer.from(text)) hash = Math.imul(hash ^ octet, 0x01000193);
  const octets = [24, 16, 8, 0].map((shift) => (hash >>> shift) & 0xff);
  return [(octets[0] ?? 0) | 0xf0, ...octets.slice(1)].join('.');
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

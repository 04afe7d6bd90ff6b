// The routes that the benchmark is about, as a route server says them: typed records, a hundred a message.
import type { IpAddress } from '@hostpe/net';
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { VpnEvent, VpnNexthop, VpnRoute } from '@hostpe/signaling';

/** Different lists of nexthops of a VPN. */
const listCount = 64;
const eventSize = 100;
const firstLabel = 1000;

/** @param pe counted from 0 */
function peAddress(pe: number): IpAddress {
  return parseIpAddress(`10.254.0.${pe + 1}`);
}

export function vpnName(vpn: number): string {
  return `vpn${vpn}`;
}

/** @param label the VPN's at this PE. @returns what one message says of one PE: as it comes out of a decoder, no two share anything */
export function nexthopOf(pe: number, label: number): VpnNexthop {
  return { address: peAddress(pe), label: parseLabel(label), encapsulations: ['gre'] };
}

/** 64 lists in turn, every fourth of two PEs. */
function mixedNexthops(vpn: number, route: number): readonly VpnNexthop[] {
  const pe = route % listCount;
  const label = firstLabel + vpn;
  return pe % 4 === 3 ? [nexthopOf(pe, label), nexthopOf(pe + 1, label)] : [nexthopOf(pe, label)];
}

/** @param route of the VPN, counted from 0: 10.0.0.0 + n, contiguous */
function routeOf(route: number, nexthops: readonly VpnNexthop[]): VpnRoute {
  const prefix = parseIpPrefix(`10.${route >> 16}.${(route >> 8) & 255}.${route & 255}/32`);
  return { id: prefix, prefix, nexthops };
}

/** Messages of a VPN's routes, each made when it is asked for. */
export function* routeEvents(
  vpn: number,
  count: number,
  nexthops: (vpn: number, route: number) => readonly VpnNexthop[] = mixedNexthops,
): Iterable<VpnEvent> {
  for (let first = 0; first < count; first += eventSize) {
    const routes = Array.from({ length: Math.min(eventSize, count - first) }, (_, at) =>
      routeOf(first + at, nexthops(vpn, first + at)),
    );
    yield { kind: 'items', vpn: vpnName(vpn), routes, retractedIds: [], rejected: [] };
  }
}

export function endOfRib(vpn: number): VpnEvent {
  return { kind: 'end-of-rib', vpn: vpnName(vpn) };
}

/** All that a route server has to say of its VPNs, one after the other. */
export function* tableEvents(vpns: number, routesOfVpn: number): Iterable<VpnEvent> {
  for (let vpn = 0; vpn < vpns; vpn++) {
    yield* routeEvents(vpn, routesOfVpn);
    yield endOfRib(vpn);
  }
}

// Routes of IPv4 and IPv6: struct rtmsg and RTA_* of linux/rtnetlink.h. Label routes are in mpls-route.ts.
import type { AddressFamily, IpAddress } from '@hostpe/net';
import { addressFamily, prefixOf } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import type { Operation } from '../../kernel.ts';
import type { IpRoute, MplsRoute, RouteFamily, RouteNexthop, RouteType } from '../../objects.ts';
import { AttributeTable, present, unsaid, type Values } from '../wire/attributes.ts';
import { checkedPrefix } from '../wire/checked-ip.ts';
import { routeFamily } from '../wire/family.ts';
import { ip, plainNest, ranged, u16, u32 } from '../wire/formats.ts';
import { inRange } from '../wire/in-range.ts';
import { isMac } from '../wire/link-layer-address.ts';
import { malformed, type Payload } from '../wire/reader.ts';
import type { MessageWriter } from '../wire/writer.ts';
import { encap, encapFacts, encapValues } from './encap.ts';
import { decodeMplsRoute } from './mpls-route.ts';
import { type Member, multipath } from './multipath.ts';
import { protocolBoot, routeAttributeNames, routeHeaderLength, writeRouteHeader } from './route-header.ts';
import { metricsAttributes, metricsFacts, metricsValues } from './route-metrics.ts';
import { via } from './via.ts';

const largestU32 = 0xffffffff;
/** RTN_* by their numbers. */
export const routeTypes = [
  'other',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
] as const satisfies readonly RouteType[];
/** RT_SCOPE_*. */
const scope = { universe: 0, link: 253, host: 254, nowhere: 255 } as const;
/** RTM_F_CLONED: an exception, such as a learned path MTU, not a route. */
const flagCloned = 0x200;
/** RTNH_F_ONLINK */
const flagOnlink = 4;
/** rtnh_hops is one less. */
const heaviest = 256;

/** Of a route that has one nexthop, and of each member of one that has several. */
const legEntries = {
  RTA_GATEWAY: [5, ip],
  RTA_VIA: [18, via],
  RTA_ENCAP_TYPE: [21, u16],
  RTA_ENCAP: [22, encap('RTA_ENCAP_TYPE')],
} as const;

const memberEntries = { ...routeAttributeNames, ...legEntries } as const;

const memberAttributes = new AttributeTable(memberEntries);

export const routeAttributes = new AttributeTable({
  ...memberEntries,
  RTA_DST: [1, ip],
  RTA_OIF: [4, u32],
  RTA_PRIORITY: [6, u32],
  RTA_PREFSRC: [7, ip],
  RTA_METRICS: [8, plainNest(metricsAttributes)],
  RTA_MULTIPATH: [9, multipath(memberAttributes)],
  RTA_TABLE: [15, ranged(u32, 1, largestU32)],
  RTA_NH_ID: [30, ranged(u32, 1, largestU32)],
});

/**
 * A delete sends table, prefix, metric, type and nexthop id: of IPv4 the kernel takes the first route of the prefix that none of them
 * contradicts, and metric 0 contradicts nothing. A nexthop's device and gateway are not for it to compare.
 * @throws RtnetlinkError `invalid`
 */
export function encodeRoute(writer: MessageWriter, op: Operation, route: IpRoute): void {
  const { family } = route;
  const prefix = checkedPrefix(route.prefix, family);
  const key = {
    RTA_DST: prefix.address,
    RTA_TABLE: route.table,
    RTA_PRIORITY: route.metric,
    RTA_NH_ID: route.nexthopId,
  };
  const header = { family, length: prefix.length, table: 0 };
  if (op === 'delete') {
    const deletedScope = family === 'ipv4' ? scope.nowhere : scope.universe;
    writeRouteHeader(writer, { ...header, protocol: 0, scope: deletedScope, type: deletedType(route) });
    routeAttributes.write(writer, key);
    return;
  }
  check(route);
  writeRouteHeader(writer, {
    ...header,
    protocol: route.protocol ?? protocolBoot,
    scope: scopeOf(route),
    type: typeOf(route),
    flags: legFlags(route),
  });
  routeAttributes.write(writer, {
    ...key,
    RTA_PREFSRC: route.preferredSource,
    RTA_METRICS: metricsValues(route.metrics),
    RTA_OIF: route.device,
    ...legValues(route, family),
    RTA_MULTIPATH: route.multipath?.map((member) => memberValues(member, family)),
    unknown: route.unknown,
  });
}

export function encodeRouteDump(
  writer: MessageWriter,
  family: RouteFamily,
  table: number | undefined,
  protocol: number | undefined,
): void {
  writeRouteHeader(writer, { family, length: 0, table: 0, protocol: protocol ?? 0, scope: 0, type: 0 });
  routeAttributes.write(writer, { RTA_TABLE: table });
}

/** Refuses what leads to two places at once, of which the kernel would take one. */
function check(route: IpRoute): void {
  const { nexthopId, multipath: members, preferredSource } = route;
  const leg = (['device', 'gateway', 'onlink', 'encapLabels', 'otherEncap'] as const).find(
    (name) => route[name] !== undefined && route[name] !== false,
  );
  if (nexthopId !== undefined && (leg !== undefined || members !== undefined))
    throw new RtnetlinkError('invalid', `a route with a nexthop id and ${leg ?? 'multipath'}`);
  if (members !== undefined && leg !== undefined)
    throw new RtnetlinkError('invalid', `a route with multipath and ${leg}`);
  if (members?.length === 0) throw new RtnetlinkError('invalid', 'a multipath route without a nexthop');
  if (preferredSource !== undefined && addressFamily(preferredSource) !== route.family)
    throw new RtnetlinkError('invalid', `the preferred source ${preferredSource} is not of ${route.family}`);
}

function typeOf(route: IpRoute): number {
  if (route.type === 'other')
    throw new RtnetlinkError('invalid', 'a route of type other cannot be asked for');
  return routeTypes.indexOf(route.type ?? 'unicast');
}

/** 0 for any: a dump shows the type of a nexthop object in the place of the route's own, and there may be one that we have no word for. */
function deletedType(route: IpRoute): number {
  return route.nexthopId !== undefined || route.type === 'other' ? 0 : typeOf(route);
}

/** The scope that iproute2 would choose; IPv6 has none. */
function scopeOf(route: IpRoute): number {
  if (route.family === 'ipv6') return scope.universe;
  const { type = 'unicast' } = route;
  if (type === 'local') return scope.host;
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return scope.link;
  const onLink = route.gateway === undefined && route.nexthopId === undefined && route.device !== undefined;
  return onLink ? scope.link : scope.universe;
}

type Leg = Pick<RouteNexthop, 'gateway' | 'onlink' | 'encapLabels' | 'otherEncap'>;

function legFlags(leg: Leg): number {
  return leg.onlink === true ? flagOnlink : 0;
}

function legValues(leg: Leg, family: AddressFamily): Values<typeof legEntries> {
  const { gateway } = leg;
  const tunnel = encapValues(leg);
  const isOwnFamily = gateway !== undefined && addressFamily(gateway) === family;
  return {
    RTA_GATEWAY: isOwnFamily ? gateway : undefined,
    RTA_VIA: isOwnFamily ? undefined : gateway,
    RTA_ENCAP_TYPE: tunnel.type,
    RTA_ENCAP: tunnel.encap,
  };
}

function legFacts(values: Values<typeof legEntries>, flags: number): Leg {
  const { RTA_VIA: address } = values;
  const otherFamily = address === undefined || isMac(address) ? undefined : address;
  return present<Leg>({
    gateway: values.RTA_GATEWAY ?? otherFamily,
    onlink: (flags & flagOnlink) !== 0 || undefined,
    ...encapFacts(values.RTA_ENCAP_TYPE, values.RTA_ENCAP),
  });
}

function memberValues(member: RouteNexthop, family: AddressFamily): Member<typeof memberEntries> {
  const { weight, device, unknown } = member;
  return {
    flags: legFlags(member),
    hops: inRange(weight, 1, heaviest, 'weight') - 1,
    device: device ?? 0,
    values: { ...legValues(member, family), unknown },
  };
}

function memberFacts({ flags, hops, device, values }: Member<typeof memberEntries>): RouteNexthop {
  return {
    weight: hops + 1,
    ...present<RouteNexthop>({ device: device || undefined, unknown: unsaid(values) }),
    ...legFacts(values, flags),
  };
}

/**
 * @returns undefined for what no Route says: route caches, routes of a source prefix or of a type of service, families other than IPv4,
 *   IPv6 and MPLS.
 * @throws RtnetlinkError `decode`
 */
export function decodeRoute(payload: Payload): IpRoute | MplsRoute | undefined {
  const family = routeFamily(payload.u8(0));
  if (family === undefined || (payload.u32(8) & flagCloned) !== 0) return undefined;
  if (family === 'mpls') return decodeMplsRoute(payload);
  const isSelective = payload.u8(2) !== 0 || payload.u8(3) !== 0;
  return isSelective ? undefined : decodeIpRoute(payload, family);
}

const unspecifiedAddress = { ipv4: '0.0.0.0' as IpAddress, ipv6: '::' as IpAddress } as const;

function decodeIpRoute(payload: Payload, family: AddressFamily): IpRoute {
  const values = routeAttributes.read(payload, routeHeaderLength);
  const { RTA_DST: destination, RTA_NH_ID: nexthopId } = values;
  if (destination !== undefined && addressFamily(destination) !== family)
    throw malformed(`an ${family} route to ${destination}`);
  const type = routeTypes[payload.u8(7)] ?? 'other';
  return {
    object: 'route',
    family,
    table: values.RTA_TABLE ?? payload.u8(4),
    prefix: prefixOf(destination ?? unspecifiedAddress[family], payload.u8(1)),
    protocol: payload.u8(5),
    ...present<IpRoute>({
      type: type === 'unicast' ? undefined : type,
      metric: values.RTA_PRIORITY,
      nexthopId,
      preferredSource: values.RTA_PREFSRC,
      metrics: metricsFacts(values.RTA_METRICS),
      unknown: unsaid(values),
    }),
    // With net.ipv4.nexthop_compat_mode the kernel also spells out where a nexthop id leads; the id says it all.
    ...(nexthopId === undefined && {
      ...present<IpRoute>({ device: values.RTA_OIF, multipath: values.RTA_MULTIPATH?.map(memberFacts) }),
      ...legFacts(values, payload.u32(8)),
    }),
  };
}

// Routes of IPv4 and IPv6: struct rtmsg and RTA_* of linux/rtnetlink.h. Label routes are in mpls-route.ts.
import type { AddressFamily, IpAddress } from '@hostpe/net';
import { addressFamily, prefixAddress, prefixLength, prefixOf } from '@hostpe/net';
import { RtnetlinkError } from '../errors.ts';
import type { Operation } from '../kernel.ts';
import type { IpRoute, MplsRoute, RouteFamily } from '../objects.ts';
import { routeFamily } from './family.ts';
import { isMac } from './link-layer-address.ts';
import { decodeMplsRoute } from './mpls-route.ts';
import type { Payload } from './reader.ts';
import { routeHeaderLength, writeRouteHeader } from './route-header.ts';
import { readVia, writeVia } from './via.ts';
import type { MessageWriter } from './writer.ts';

const attribute = {
  destination: 1,
  device: 4,
  gateway: 5,
  metric: 6,
  table: 15,
  via: 18,
  nexthopId: 30,
} as const;
const typeNumber = { unicast: 1, local: 2, blackhole: 6, unreachable: 7 } as const;
/** RT_SCOPE_*. */
const scope = { universe: 0, link: 253, host: 254, nowhere: 255 } as const;
/** RTPROT_BOOT: what iproute2 says for a route whose maker says nothing. */
const protocolBoot = 3;
/** RTM_F_CLONED: an exception, such as a learned path MTU, not a route. */
const flagCloned = 0x200;

/**
 * A delete sends table, prefix, metric, type and nexthop id: of IPv4 the kernel takes the first route of the prefix that none of them
 * contradicts, and metric 0 contradicts nothing. A nexthop's device and gateway are not for it to compare.
 */
export function encodeRoute(writer: MessageWriter, op: Operation, route: IpRoute): void {
  const prefix = route.prefix;
  if (addressFamily(prefix) !== route.family) {
    throw new RtnetlinkError('invalid', `${prefix} is no prefix of ${route.family}`);
  }
  writeRouteHeader(writer, {
    family: route.family,
    length: prefixLength(prefix),
    table: 0,
    protocol: op === 'delete' ? 0 : (route.protocol ?? protocolBoot),
    scope: op === 'delete' ? scope.nowhere : scopeOf(route),
    type: op === 'delete' ? deletedType(route) : typeOf(route),
  });
  writer.attributeAddress(attribute.destination, prefixAddress(prefix));
  writer.attributeU32(attribute.table, route.table);
  if (route.metric !== undefined) writer.attributeU32(attribute.metric, route.metric);
  if (route.nexthopId !== undefined) writer.attributeU32(attribute.nexthopId, route.nexthopId);
  if (op === 'delete') return;
  if (route.device !== undefined) writer.attributeU32(attribute.device, route.device);
  if (route.gateway === undefined) return;
  if (addressFamily(route.gateway) === route.family)
    writer.attributeAddress(attribute.gateway, route.gateway);
  else writeVia(writer, attribute.via, route.gateway);
}

export function encodeRouteDump(
  writer: MessageWriter,
  family: RouteFamily,
  table: number | undefined,
  protocol: number | undefined,
): void {
  writeRouteHeader(writer, { family, length: 0, table: 0, protocol: protocol ?? 0, scope: 0, type: 0 });
  if (table !== undefined) writer.attributeU32(attribute.table, table);
}

function typeOf(route: IpRoute): number {
  if (route.type === 'other')
    throw new RtnetlinkError('invalid', 'a route of type other cannot be asked for');
  return typeNumber[route.type ?? 'unicast'];
}

/** 0 for any: a dump shows the type of a nexthop object in the place of the route's own, and there may be one that we have no word for. */
function deletedType(route: IpRoute): number {
  return route.nexthopId !== undefined || route.type === 'other' ? 0 : typeOf(route);
}

/** The scope that iproute2 would choose; IPv6 has none. */
function scopeOf(route: IpRoute): number {
  if (route.family === 'ipv6') return scope.universe;
  if (route.type === 'local') return scope.host;
  const onLink = route.gateway === undefined && route.nexthopId === undefined && route.device !== undefined;
  return onLink ? scope.link : scope.universe;
}

/** @returns undefined for route caches and families other than IPv4, IPv6 and MPLS. */
export function decodeRoute(payload: Payload): IpRoute | MplsRoute | undefined {
  const family = routeFamily(payload.u8(0));
  if (family === undefined || (payload.u32(8) & flagCloned) !== 0) return undefined;
  return family === 'mpls' ? decodeMplsRoute(payload) : decodeIpRoute(payload, family);
}

function decodeIpRoute(payload: Payload, family: AddressFamily): IpRoute {
  let table = payload.u8(4);
  let destination: IpAddress | undefined;
  let metric: number | undefined;
  let nexthopId: number | undefined;
  let device: number | undefined;
  let gateway: IpAddress | undefined;
  payload.attributes(routeHeaderLength, (type, value) => {
    if (type === attribute.destination) destination = value.addressOf(family);
    else if (type === attribute.table) table = value.u32(0);
    else if (type === attribute.metric) metric = value.u32(0);
    else if (type === attribute.nexthopId) nexthopId = value.u32(0);
    else if (type === attribute.device) device = value.u32(0);
    else if (type === attribute.gateway) gateway = value.addressOf(family);
    else if (type === attribute.via) {
      const via = readVia(value);
      if (via !== undefined && !isMac(via)) gateway = via;
    }
  });
  const type = typeName(payload.u8(7));
  return {
    object: 'route',
    family,
    table,
    prefix: prefixOf(destination ?? unspecifiedAddress[family], payload.u8(1)),
    ...(type === 'unicast' ? {} : { type }),
    ...(metric === undefined ? {} : { metric }),
    protocol: payload.u8(5),
    ...(nexthopId === undefined ? legs(device, gateway) : { nexthopId }),
  };
}

const unspecifiedAddress = { ipv4: '0.0.0.0' as IpAddress, ipv6: '::' as IpAddress } as const;

/** With net.ipv4.nexthop_compat_mode the kernel also spells out where a nexthop id leads; the id says it all. */
function legs(
  device: number | undefined,
  gateway: IpAddress | undefined,
): { device?: number; gateway?: IpAddress } {
  return { ...(device === undefined ? {} : { device }), ...(gateway === undefined ? {} : { gateway }) };
}

function typeName(type: number): NonNullable<IpRoute['type']> {
  if (type === typeNumber.unicast) return 'unicast';
  if (type === typeNumber.local) return 'local';
  if (type === typeNumber.blackhole) return 'blackhole';
  return type === typeNumber.unreachable ? 'unreachable' : 'other';
}

// Where a route of the fake kernel may lead: the checks of a device, a gateway and a source address that the kernel makes before it takes
// the route, and the facts that it fills in. Owns no routes.
import type { IpAddress, Label } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { IpRoute, RouteNexthop } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import { refuse } from './refusal.ts';

/** Types of routes that lead nowhere. */
const rejecting: ReadonlySet<IpRoute['type']> = new Set(['blackhole', 'unreachable', 'prohibit', 'throw']);
const loopbackIndex = 1;

/** RFC 3032 section 2.1: a label that is never on the wire. */
const implicitNull = 3;

type Leg = Pick<RouteNexthop, 'device' | 'gateway' | 'onlink' | 'encapLabels'>;

/** What the checks ask of the tables. */
export interface Reachability {
  /** Whether `gateway` is on the link of the device for a route of that table. */
  isOnLink(gateway: IpAddress, device: Device, table?: number): boolean;
  /** Whether a route of that table may give the address as its source. */
  isSource(address: IpAddress, table: number): boolean;
  /** Whether it is an address of this host, a link-local one: of this device. */
  isLocal(address: IpAddress, device: number | undefined): boolean;
}

/** @returns the route with the devices that the kernel finds for it. @throws RtnetlinkError where it would not take it. */
export function resolveLegs(route: IpRoute, devices: Devices, reachability: Reachability): IpRoute {
  if (route.type === 'other') refuse('EINVAL', 'Invalid route type');
  if (rejecting.has(route.type)) return rejectRoute(route);
  const { preferredSource, multipath } = route;
  const resolve = <L extends Leg>(leg: L): L => resolveLeg(leg, route, devices, reachability);
  const resolved = multipath === undefined ? resolve(route) : resolveMultipath(route, multipath, resolve);
  if (preferredSource !== undefined && !reachability.isSource(preferredSource, route.table)) {
    refuse('EINVAL', route.family === 'ipv4' ? 'Invalid prefsrc address' : 'Invalid source address');
  }
  return resolved;
}

/** @param paths at least one; a single one is none of several: the route itself leads there. */
export function withPaths(
  { multipath: _, ...route }: IpRoute,
  paths: NonNullable<IpRoute['multipath']>,
): IpRoute {
  const [only, ...others] = paths;
  if (only === undefined || others.length > 0) return { ...route, multipath: paths };
  const { weight: _weight, ...leg } = only;
  return { ...route, ...leg };
}

function rejectRoute(route: IpRoute): IpRoute {
  const { device, gateway, multipath, ...rest } = route;
  // A reject route of IPv6 is one of the loopback device, whatever was asked for.
  if (route.family === 'ipv6') return { ...rest, device: loopbackIndex };
  if ((device ?? gateway ?? multipath) !== undefined) {
    refuse('EINVAL', 'Gateway, device and multipath can not be specified for this route type');
  }
  return route;
}

function resolveMultipath(
  route: IpRoute,
  paths: readonly RouteNexthop[],
  resolve: (path: RouteNexthop) => RouteNexthop,
): IpRoute {
  if (route.family === 'ipv6' && paths.some(({ gateway }) => gateway === undefined)) {
    refuse('EINVAL', 'Device only routes can not be added for IPv6 using the multipath API.');
  }
  return withPaths(route, paths.map(resolve));
}

function resolveLeg<L extends Leg>(
  leg: L,
  { family, table }: IpRoute,
  devices: Devices,
  reachability: Reachability,
): L {
  const { gateway, onlink, encapLabels } = leg;
  checkEncapLabels(encapLabels);
  if (leg.device === undefined && gateway === undefined) refuse('ENODEV');
  const isIpv6 = family === 'ipv6' || (gateway !== undefined && addressFamily(gateway) === 'ipv6');
  // Of an IPv4 gateway the kernel only asks whether there is a way, not why there is none.
  if (gateway === undefined || isIpv6 || onlink === true) checkDevice(leg.device, family, devices);
  if (gateway === undefined) return leg;
  if (isIpv6) checkIpv6Gateway(gateway, leg.device, reachability);
  if (onlink === true && leg.device === undefined) refuse('ENODEV', 'Nexthop device required for onlink');
  if (onlink === true || gateway.startsWith('fe80:')) return leg;
  const candidates = devices.all().filter(({ index }) => leg.device === undefined || index === leg.device);
  const found = candidates.find(
    (candidate) => candidate.up && reachability.isOnLink(gateway, candidate, table),
  );
  if (found !== undefined) return { ...leg, device: found.index };
  return isIpv6 ? refuse('EHOSTUNREACH') : refuse('ENETUNREACH', 'Nexthop has invalid gateway');
}

function checkDevice(index: number | undefined, family: IpRoute['family'], devices: Devices): void {
  if (index === undefined || devices.get(index).up) return;
  refuse('ENETDOWN', family === 'ipv4' ? 'Device for nexthop is not up' : 'Nexthop device is not up');
}

function checkIpv6Gateway(gateway: IpAddress, device: number | undefined, reachability: Reachability): void {
  if (addressFamily(gateway) === 'ipv4') refuse('EINVAL', 'IPv6 does not support RTA_VIA attribute');
  if (reachability.isLocal(gateway, device)) refuse('EINVAL', 'Gateway can not be a local address');
  if (gateway.startsWith('fe80:') && device === undefined) refuse('EINVAL', 'Egress device not specified');
}

/** @throws RtnetlinkError where no packet can have the labels. */
export function checkEncapLabels(labels: readonly Label[] | undefined): void {
  if (labels?.some((label) => label === implicitNull)) {
    refuse('EINVAL', 'Implicit NULL Label (3) can not be used in encapsulation');
  }
}

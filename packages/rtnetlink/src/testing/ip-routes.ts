// RTM_*ROUTE of IPv4 and IPv6 in the fake kernel. Owns the routes of all tables, those that the kernel makes for addresses
// included; knows nexthop objects by id only and asks for the rest.
import type { IpAddress, IpPrefix } from '@hostpe/net';
import { addressFamily, prefixContains } from '@hostpe/net';
import type { IpRoute, Nexthop } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import type { FakeSysctl } from './fake-sysctl.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refuse } from './refusal.ts';
import { resolveLegs, withPaths } from './route-legs.ts';

/** RTPROT_KERNEL: the protocol of the routes that the kernel makes itself. */
export const kernelProtocol = 2;
/** RTPROT_BOOT: that of routes whose maker says nothing. */
export const bootProtocol = 3;
const localTable = 255;
const mainTable = 254;
/** IP6_RT_PRIO_USER. */
const ipv6Metric = 1024;
type Family = IpRoute['family'];

export class IpRoutes {
  private readonly devices: Devices;
  private readonly sysctl: FakeSysctl;
  private readonly notifications: NotificationQueue;
  private readonly nexthop: (id: number) => Nexthop | undefined;
  private readonly members: (nexthop: Nexthop) => readonly Nexthop[];
  private readonly isLocal: (address: IpAddress, device: number | undefined) => boolean;
  /** By `family table`, then by prefix; routes of one prefix in the order of their metrics. */
  private readonly tables = new Map<string, Map<IpPrefix, IpRoute[]>>();
  private readonly byNexthop = new Map<number, Set<IpRoute>>();

  /** @param isLocal whether it is an address of this host, a link-local one: of this device. */
  constructor(
    devices: Devices,
    sysctl: FakeSysctl,
    notifications: NotificationQueue,
    nexthops: { find(id: number): Nexthop | undefined; members(nexthop: Nexthop): readonly Nexthop[] },
    isLocal: (address: IpAddress, device: number | undefined) => boolean,
  ) {
    this.devices = devices;
    this.sysctl = sysctl;
    this.notifications = notifications;
    this.nexthop = (id) => nexthops.find(id);
    this.members = (nexthop) => nexthops.members(nexthop);
    this.isLocal = isLocal;
  }

  dump(family: Family, table?: number, protocol?: number): IpRoute[] {
    const found: IpRoute[] = [];
    for (const [key, prefixes] of this.tables) {
      if (!key.startsWith(family) || (table !== undefined && key !== tableKey(family, table))) continue;
      for (const routes of prefixes.values()) {
        for (const route of routes) {
          if (protocol === undefined || route.protocol === protocol) found.push(this.shown(route));
        }
      }
    }
    return found;
  }

  add(request: IpRoute): void {
    const route = this.accepted(request);
    // A route of the same prefix and metric is the same route to the kernel, wherever it leads.
    if (this.at(route).some((other) => metricOf(other) === metricOf(route))) refuse('EEXIST');
    this.insert(route);
  }

  replace(request: IpRoute): void {
    const route = this.accepted(request);
    const old = this.at(route).find((other) => metricOf(other) === metricOf(route));
    if (old !== undefined) this.remove(old);
    this.insert(route);
  }

  /** The first route of the prefix that the request does not contradict goes. */
  delete(request: IpRoute): void {
    const { nexthopId } = request;
    if (nexthopId !== undefined && this.nexthop(nexthopId) === undefined)
      refuse('EINVAL', 'Nexthop id does not exist');
    const route = this.at(request).find((other) => isMeant(request, other)) ?? refuse('ESRCH');
    this.remove(route);
    this.notify('delete', route);
  }

  /** A route that the kernel makes for an address or a device, beside others of the same prefix. */
  addOwn(route: IpRoute): void {
    if (this.at(route).some((other) => isSameOwn(other, route))) return;
    this.insert(route);
  }

  /** Takes such a route away. */
  deleteOwn(route: IpRoute): void {
    const own = this.at(route).find((other) => isSameOwn(other, route));
    if (own === undefined) return;
    this.remove(own);
    this.notify('delete', own);
  }

  /**
   * The device went down (`down`), changed its VRF (`moved`) or lost its last IPv4 address (`unnumbered`: of IPv4 only); the last two take
   * the routes of its addresses too. IPv4 routes go without a word, IPv6 routes with one; one of several paths goes with the last of them.
   * Routes by nexthop object are the nexthops' affair.
   */
  deviceLost(device: Device, how: 'down' | 'moved' | 'unnumbered'): void {
    for (const route of this.everyRoute()) {
      if (how === 'unnumbered' && route.family !== 'ipv4') continue;
      if (route.family === 'ipv4' && route.type === 'local' && how === 'down') continue;
      if (!leadsTo(route, device) || this.hasPathBeside(route, device)) continue;
      this.remove(route);
      if (route.family === 'ipv6') this.notify('delete', route);
    }
  }

  /** What leads there in part goes as well: of IPv4 whole, of IPv6 this part. */
  deviceDeleted(device: Device): void {
    for (const route of this.everyRoute()) {
      if (!leadsTo(route, device)) continue;
      this.remove(route);
      const rest = route.multipath?.filter((path) => path.device !== device.index) ?? [];
      if (route.family === 'ipv4') continue;
      if (rest.length > 0) this.insertQuietly(withPaths(route, rest));
      else this.notify('delete', route);
    }
  }

  /**
   * The device has lost the address: IPv4 routes of its table that give it as source go (without a word, as before kernel 6.6), and IPv6 routes give none any
   * more (before kernel 6.3 those of the device alone).
   */
  sourceLost(address: IpAddress, device: Device): void {
    const table = this.devices.vrfTable(device) ?? mainTable;
    for (const route of this.everyRoute()) {
      if (route.preferredSource !== address || route.protocol === kernelProtocol) continue;
      if (route.family === 'ipv4' && route.table !== table) continue;
      const { preferredSource: _, ...rest } = route;
      this.remove(route);
      if (route.family === 'ipv6') this.insertQuietly(rest);
    }
  }

  /** The nexthop object is gone, and so are its routes: those of IPv6 with a word in compatibility mode, all others without. */
  nexthopRemoved(id: number): void {
    for (const route of [...(this.byNexthop.get(id) ?? [])]) {
      this.remove(route);
      if (route.family === 'ipv6' && this.compatible()) this.notify('delete', route);
    }
  }

  /** In compatibility mode the kernel tells each route of a replaced nexthop object again. */
  nexthopReplaced(id: number): void {
    if (!this.compatible()) return;
    for (const route of this.byNexthop.get(id) ?? []) this.notify('new', route);
  }

  hasIpv6RouteBy(id: number): boolean {
    for (const route of this.byNexthop.get(id) ?? []) if (route.family === 'ipv6') return true;
    return false;
  }

  /** Whether `gateway` is on the link of the device, by a route without a gateway in the device's own table, or in `own`. */
  isOnLink(gateway: IpAddress, device: Device, own?: number): boolean {
    const table = this.devices.vrfTable(device);
    for (const route of this.everyRoute()) {
      if (route.type !== undefined || route.device !== device.index || route.gateway !== undefined) continue;
      const isMain = route.table >= 253 && route.table <= 255;
      const isAsked = route.table === own || (table === undefined ? isMain : route.table === table);
      if (isAsked && prefixContains(route.prefix, gateway)) return true;
    }
    return false;
  }

  private isSource(address: IpAddress, table: number): boolean {
    if (addressFamily(address) === 'ipv6') return this.isLocal(address, undefined);
    return this.everyRoute().some(
      (route) =>
        route.type === 'local' &&
        (route.table === localTable || route.table === table) &&
        prefixContains(route.prefix, address),
    );
  }

  /** The route as the kernel will hold it. @throws RtnetlinkError where it would not. */
  private accepted(request: IpRoute): IpRoute {
    const route = stored(request);
    if (route.nexthopId === undefined) {
      return resolveLegs(route, this.devices, {
        isOnLink: (gateway, device, table) => this.isOnLink(gateway, device, table),
        isSource: (address, table) => this.isSource(address, table),
        isLocal: this.isLocal,
      });
    }
    const nexthop = this.nexthop(route.nexthopId) ?? refuse('EINVAL', 'Nexthop id does not exist');
    if (route.family === 'ipv6' && this.members(nexthop).some((member) => member.family === 'ipv4')) {
      refuse('EINVAL', 'IPv6 routes can not use an IPv4 nexthop');
    }
    return route;
  }

  private hasPathBeside(route: IpRoute, lost: Device): boolean {
    return (route.multipath ?? []).some(
      ({ device }) => device !== undefined && device !== lost.index && this.devices.find(device)?.up === true,
    );
  }

  private at(route: IpRoute): readonly IpRoute[] {
    return this.tables.get(tableKey(route.family, route.table))?.get(route.prefix) ?? [];
  }

  private insert(route: IpRoute): void {
    this.insertQuietly(route);
    this.notify('new', route);
  }

  private insertQuietly(route: IpRoute): void {
    const key = tableKey(route.family, route.table);
    const table = this.tables.get(key) ?? new Map<IpPrefix, IpRoute[]>();
    this.tables.set(key, table);
    const routes = table.get(route.prefix) ?? [];
    table.set(route.prefix, routes);
    routes.push(route);
    routes.sort((a, b) => metricOf(a) - metricOf(b));
    if (route.nexthopId === undefined) return;
    const users = this.byNexthop.get(route.nexthopId) ?? new Set();
    this.byNexthop.set(route.nexthopId, users.add(route));
  }

  private remove(route: IpRoute): void {
    const table = this.tables.get(tableKey(route.family, route.table));
    const rest = this.at(route).filter((other) => other !== route);
    if (rest.length > 0) table?.set(route.prefix, rest);
    else table?.delete(route.prefix);
    if (route.nexthopId !== undefined) this.byNexthop.get(route.nexthopId)?.delete(route);
  }

  private notify(type: 'new' | 'delete', route: IpRoute): void {
    this.notifications.notify(`route-${route.family}`, type, this.shown(route));
  }

  /** As the kernel sends it. What it adds in compatibility mode of the nexthop object, no reader of its messages keeps. */
  private shown(route: IpRoute): IpRoute {
    const nexthop = route.nexthopId === undefined ? undefined : this.nexthop(route.nexthopId);
    return nexthop?.blackhole === true ? { ...route, type: 'blackhole' } : route;
  }

  private compatible(): boolean {
    return this.sysctl.isOn('net/ipv4/nexthop_compat_mode');
  }

  private everyRoute(): IpRoute[] {
    return [...this.tables.values()].flatMap((prefixes) => [...prefixes.values()].flat());
  }
}

function tableKey(family: Family, table: number): string {
  return `${family} ${table}`;
}

function metricOf(route: IpRoute): number {
  return route.metric ?? (route.family === 'ipv6' ? ipv6Metric : 0);
}

function leadsTo(route: IpRoute, { index }: Device): boolean {
  return route.device === index || (route.multipath?.some(({ device }) => device === index) ?? false);
}

function isSameOwn(a: IpRoute, b: IpRoute): boolean {
  return a.device === b.device && a.type === b.type;
}

/** Whether a delete means the route. IPv6 looks at the nexthop only of routes that have one, and never at the type. */
function isMeant({ family, metric, type, nexthopId }: IpRoute, route: IpRoute): boolean {
  if (metric !== undefined && metricOf(route) !== metric) return false;
  if (family === 'ipv6' && route.nexthopId === undefined) return true;
  if (nexthopId !== undefined) return route.nexthopId === nexthopId;
  return family === 'ipv6' || (route.type ?? 'unicast') === (type ?? 'unicast');
}

/** A requested route with the facts that the kernel fills in, and without those that it does not send. */
function stored({ type, onlink, ...route }: IpRoute): IpRoute {
  return {
    ...route,
    ...(type === undefined || type === 'unicast' ? {} : { type }),
    ...(route.family === 'ipv6' ? { metric: metricOf(route) } : {}),
    protocol: route.protocol ?? bootProtocol,
    ...(onlink === true ? { onlink } : {}),
  };
}

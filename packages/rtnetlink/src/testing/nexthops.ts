// RTM_*NEXTHOP of the fake kernel: nexthop objects and groups of them, and what becomes of their routes.
import { addressFamily } from '@hostpe/net';
import type { Nexthop } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import type { IpRoutes } from './ip-routes.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refuse } from './refusal.ts';
import { checkEncapLabels } from './route-legs.ts';

/** Hundredths of a second. */
const defaultTimers = { idleTimer: 12_000, unbalancedTimer: 0 } as const;

export class Nexthops {
  private readonly byId = new Map<number, Nexthop>();
  private readonly devices: Devices;
  private readonly notifications: NotificationQueue;
  private readonly isLocal: (nexthop: Nexthop) => boolean;
  private readonly routes: () => IpRoutes;

  /**
   * @param isLocal whether the gateway of the nexthop is an address of this host.
   * @param routes the routes that use nexthops; asked for late as the two know each other.
   */
  constructor(
    devices: Devices,
    notifications: NotificationQueue,
    isLocal: (nexthop: Nexthop) => boolean,
    routes: () => IpRoutes,
  ) {
    this.devices = devices;
    this.notifications = notifications;
    this.isLocal = isLocal;
    this.routes = routes;
  }

  dump(): Nexthop[] {
    return [...this.byId.values()].sort((a, b) => a.id - b.id);
  }

  find(id: number): Nexthop | undefined {
    return this.byId.get(id);
  }

  /** The nexthops that packets take: a group's members, or the nexthop itself. */
  members(nexthop: Nexthop): readonly Nexthop[] {
    if (nexthop.group === undefined) return [nexthop];
    return nexthop.group.flatMap(({ id }) => this.byId.get(id) ?? []);
  }

  add(nexthop: Nexthop): void {
    this.check(nexthop);
    if (this.byId.has(nexthop.id)) refuse('EEXIST');
    this.put(nexthop);
  }

  replace(nexthop: Nexthop): void {
    this.check(nexthop);
    const old = this.byId.get(nexthop.id);
    if (old !== undefined) this.checkReplacement(old, nexthop);
    this.put(nexthop);
    if (old === undefined) return;
    for (const id of [nexthop.id, ...this.groupsOf(nexthop.id)]) this.routes().nexthopReplaced(id);
  }

  delete(nexthop: Nexthop): void {
    const old = this.byId.get(nexthop.id) ?? refuse('ENOENT');
    this.remove(old, true);
  }

  /** The device is down, has lost its carrier or is gone: its nexthops go, without a word. */
  deviceLost(device: Device): void {
    for (const nexthop of this.dump()) if (nexthop.device === device.index) this.remove(nexthop, false);
  }

  private put(request: Nexthop): void {
    const { resilient } = request;
    const old = this.byId.get(request.id)?.resilient;
    const nexthop: Nexthop = {
      ...request,
      protocol: request.protocol ?? 0,
      // A group that is replaced keeps the timers that it is not given.
      ...(resilient === undefined ? {} : { resilient: { ...defaultTimers, ...old, ...resilient } }),
    };
    this.byId.set(nexthop.id, nexthop);
    this.notifications.notify('nexthop', 'new', nexthop);
  }

  private remove(nexthop: Nexthop, announced: boolean): void {
    this.byId.delete(nexthop.id);
    if (announced) this.notifications.notify('nexthop', 'delete', nexthop);
    for (const id of this.groupsOf(nexthop.id)) {
      const group = this.byId.get(id);
      const rest = group?.group?.filter((member) => member.id !== nexthop.id) ?? [];
      if (group === undefined) continue;
      if (rest.length === 0) {
        this.remove(group, announced);
        continue;
      }
      const shrunk = { ...group, group: rest };
      this.byId.set(id, shrunk);
      if (announced) this.notifications.notify('nexthop', 'new', shrunk);
    }
    this.routes().nexthopRemoved(nexthop.id);
  }

  private groupsOf(id: number): number[] {
    const groups: number[] = [];
    for (const { id: group, group: members } of this.byId.values()) {
      if (members?.some((member) => member.id === id)) groups.push(group);
    }
    return groups;
  }

  private check(nexthop: Nexthop): void {
    if (nexthop.group !== undefined) this.checkGroup(nexthop.group);
    else if (nexthop.family === undefined) refuse('EINVAL', 'Invalid address family');
    else if (nexthop.blackhole !== true) this.checkSingle(nexthop);
  }

  private checkSingle(nexthop: Nexthop): void {
    if (nexthop.device === undefined) refuse('EINVAL', 'Nexthop device required for non-group');
    const device = this.devices.find(nexthop.device) ?? refuse('EINVAL', 'Invalid device index');
    if (!device.up) refuse('ENETDOWN', 'Nexthop device is not up');
    if (!this.devices.hasCarrier(device)) refuse('ENETDOWN', 'Carrier for nexthop device is down');
    checkEncapLabels(nexthop.encapLabels);
    const gateway = nexthop.gateway;
    if (gateway === undefined) return;
    if (addressFamily(gateway) !== nexthop.family) refuse('EINVAL', 'Invalid gateway length');
    if (this.isLocal(nexthop)) refuse('EINVAL', 'Gateway can not be a local address');
    if (nexthop.onlink === true || gateway.startsWith('fe80:')) return;
    if (this.routes().isOnLink(gateway, device)) return;
    if (nexthop.family === 'ipv4') refuse('ENETUNREACH', 'Nexthop has invalid gateway');
    refuse('EHOSTUNREACH');
  }

  private checkGroup(members: NonNullable<Nexthop['group']>): void {
    const ids = new Set(members.map(({ id }) => id));
    if (ids.size === 0) refuse('EINVAL', 'Invalid length for nexthop group attribute');
    if (ids.size < members.length) refuse('EINVAL', 'Nexthop id can not be used twice in a group');
    for (const id of ids) {
      const member = this.byId.get(id) ?? refuse('EINVAL', 'Invalid nexthop id');
      if (member.resilient !== undefined) {
        refuse('EINVAL', 'Resilient group can not be a nexthop within a group');
      }
      if (member.group !== undefined) {
        refuse('EINVAL', 'Hash-threshold group can not be a nexthop within a group');
      }
      if (member.blackhole === true && ids.size > 1) {
        refuse('EINVAL', 'Blackhole nexthop can not be used in a group with more than 1 path');
      }
    }
  }

  private checkReplacement(old: Nexthop, nexthop: Nexthop): void {
    if (old.group !== undefined && nexthop.group === undefined) {
      refuse('EINVAL', 'Can not replace a nexthop group with a nexthop.');
    }
    if (old.group === undefined && nexthop.group !== undefined) {
      refuse('EINVAL', 'Can not replace a nexthop with a nexthop group.');
    }
    if ((old.resilient === undefined) !== (nexthop.resilient === undefined)) {
      refuse('EINVAL', 'Can not replace a nexthop group with one of a different type.');
    }
    if (old.resilient !== undefined && old.resilient.buckets !== nexthop.resilient?.buckets) {
      refuse('EINVAL', 'Can not change number of buckets of a resilient nexthop group.');
    }
    const ipv4 = this.members(nexthop).some((member) => member.family === 'ipv4');
    const users = [nexthop.id, ...this.groupsOf(nexthop.id)];
    if (ipv4 && users.some((id) => this.routes().hasIpv6RouteBy(id))) {
      refuse('EINVAL', 'IPv6 routes can not use an IPv4 nexthop');
    }
  }
}

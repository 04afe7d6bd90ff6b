// RTM_*ROUTE of AF_MPLS in the fake kernel: label routes. They outlive a device that is down and die with one that is deleted, or with the
// last one of several.
import type { Label } from '@hostpe/net';
import type { MplsRoute } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import type { FakeSysctl } from './fake-sysctl.ts';
import { bootProtocol } from './ip-routes.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refuse } from './refusal.ts';

/** MPLS_LABEL_FIRST_UNRESERVED */
const firstLabel = 16;

export class MplsRoutes {
  private readonly byLabel = new Map<Label, MplsRoute>();
  private readonly devices: Devices;
  private readonly sysctl: FakeSysctl;
  private readonly notifications: NotificationQueue;

  constructor(devices: Devices, sysctl: FakeSysctl, notifications: NotificationQueue) {
    this.devices = devices;
    this.sysctl = sysctl;
    this.notifications = notifications;
  }

  /** In the order of labels. */
  dump(protocol?: number): MplsRoute[] {
    return [...this.byLabel.values()]
      .filter((route) => protocol === undefined || route.protocol === protocol)
      .sort((a, b) => a.label - b.label);
  }

  add(route: MplsRoute): void {
    this.check(route);
    if (this.byLabel.has(route.label)) refuse('EEXIST');
    this.put(route);
  }

  replace(route: MplsRoute): void {
    this.check(route);
    this.put(route);
  }

  /** The kernel agrees to delete what is not there. */
  delete(route: MplsRoute): void {
    this.checkLabel(route.label);
    const old = this.byLabel.get(route.label);
    if (old !== undefined) this.remove(old);
  }

  deviceDeleted(device: Device): void {
    for (const route of this.dump()) {
      const legs = route.multipath ?? [route];
      const rest = legs.filter((leg) => leg.device !== device.index);
      if (rest.length === 0) this.remove(route);
      // Without a word.
      else if (route.multipath !== undefined) this.byLabel.set(route.label, { ...route, multipath: rest });
    }
  }

  private check(route: MplsRoute): void {
    this.checkLabel(route.label);
    for (const { device } of route.multipath ?? [route]) this.devices.get(device);
  }

  private checkLabel(label: Label): void {
    if (label < firstLabel) refuse('EINVAL', 'Invalid label - must be MPLS_LABEL_FIRST_UNRESERVED or higher');
    if (label >= this.sysctl.number('net/mpls/platform_labels')) {
      refuse('EINVAL', 'Label >= configured maximum in platform_labels');
    }
  }

  private put(request: MplsRoute): void {
    const { multipath, ...rest } = request;
    const [first, ...others] = multipath ?? [];
    const route: MplsRoute = {
      ...rest,
      protocol: request.protocol ?? bootProtocol,
      // One path is no multipath to the kernel.
      ...(first === undefined ? {} : others.length === 0 ? first : { multipath: [first, ...others] }),
    };
    this.byLabel.set(route.label, route);
    this.notifications.notify('route-mpls', 'new', route);
  }

  private remove(route: MplsRoute): void {
    this.byLabel.delete(route.label);
    this.notifications.notify('route-mpls', 'delete', route);
  }
}

// Netconf of the fake kernel (RTM_*NETCONF): what sysctls say of how each device forwards, in the order of the real one: devices first.
import type { Netconf, RouteFamily } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import type { FakeSysctl } from './fake-sysctl.ts';
import type { NotificationQueue } from './notification-queue.ts';

const families = ['ipv4', 'ipv6', 'mpls'] as const;
const scopes = ['all', 'default'] as const;
/** What each sysctl of a device is called in netconf. */
const factBySysctl: Readonly<
  Record<string, 'forwarding' | 'rpFilter' | 'ignoreRoutesWithLinkdown' | 'input'>
> = {
  forwarding: 'forwarding',
  rp_filter: 'rpFilter',
  ignore_routes_with_linkdown: 'ignoreRoutesWithLinkdown',
  input: 'input',
};

export class Netconfs {
  private readonly devices: Devices;
  private readonly sysctl: FakeSysctl;
  private readonly notifications: NotificationQueue;

  constructor(devices: Devices, sysctl: FakeSysctl, notifications: NotificationQueue) {
    this.devices = devices;
    this.sysctl = sysctl;
    this.notifications = notifications;
  }

  dump(family: RouteFamily): Netconf[] {
    const devices = this.devices.all().map(({ index, name }) => this.netconf(family, index, name));
    if (family === 'mpls') return devices;
    return [...devices, ...scopes.map((scope) => this.netconf(family, scope, scope))];
  }

  deviceAdded({ index, name }: Device): void {
    for (const family of families)
      this.notifications.notify('netconf', 'new', this.netconf(family, index, name));
  }

  deviceDeleted({ index }: Device): void {
    for (const family of families)
      this.notifications.notify('netconf', 'delete', { object: 'netconf', family, index });
  }

  /** Tells the one fact that the sysctl is, if it is one. @param path below /proc/sys. */
  sysctlChanged(path: string): void {
    const [, name = '', key = ''] = /^net\/[^/]+\/conf\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    const family = families.find((candidate) => path.startsWith(`net/${candidate}/`));
    const fact = factBySysctl[key];
    const index = scopes.find((scope) => scope === name) ?? this.devices.named(name)?.index;
    if (family === undefined || fact === undefined || index === undefined) return;
    const value = this.netconf(family, index, name)[fact];
    if (value === undefined) return;
    this.notifications.notify('netconf', 'new', { object: 'netconf', family, index, [fact]: value });
  }

  private netconf(family: RouteFamily, index: Netconf['index'], name: string): Netconf {
    const isOn = (key: string): boolean => this.sysctl.isOn(`net/${family}/conf/${name}/${key}`);
    if (family === 'mpls') return { object: 'netconf', family, index, input: isOn('input') };
    return {
      object: 'netconf',
      family,
      index,
      forwarding: isOn('forwarding'),
      ...(family === 'ipv4' ? { rpFilter: this.sysctl.number(`net/ipv4/conf/${name}/rp_filter`) } : {}),
      ignoreRoutesWithLinkdown: isOn('ignore_routes_with_linkdown'),
    };
  }
}

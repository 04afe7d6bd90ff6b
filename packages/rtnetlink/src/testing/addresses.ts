// RTM_*ADDR of the fake kernel, and the routes that the kernel makes for addresses: local, connected, broadcast, anycast and
// multicast ones, in the table of the device's VRF where it has one. Duplicate address detection ends at once.
import type { IpAddress, IpPrefix } from '@hostpe/net';
import {
  addressFamily,
  addressFromBytes,
  addressToBytes,
  hostPrefix,
  macToBytes,
  prefixOf,
} from '@hostpe/net';
import type { Address, IpRoute } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import type { FakeSysctl } from './fake-sysctl.ts';
import type { IpRoutes } from './ip-routes.ts';
import { kernelProtocol } from './ip-routes.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refuse } from './refusal.ts';

const mainTable = 254;
const localTable = 255;
/** IP6_RT_PRIO_ADDRCONF */
const ipv6ConnectedMetric = 256;
const multicast = 'ff00::/8' as IpPrefix;

export class Addresses {
  private readonly devices: Devices;
  private readonly sysctl: FakeSysctl;
  private readonly notifications: NotificationQueue;
  private readonly routes: IpRoutes;
  private held: Address[] = [];

  constructor(devices: Devices, sysctl: FakeSysctl, notifications: NotificationQueue, routes: IpRoutes) {
    this.devices = devices;
    this.sysctl = sysctl;
    this.notifications = notifications;
    this.routes = routes;
  }

  dump(family?: 'ipv4' | 'ipv6'): Address[] {
    return this.held.filter(({ address }) => family === undefined || addressFamily(address) === family);
  }

  /** Whether it is an address of this host; a link-local one is that only of its own device. */
  isLocal(address: IpAddress, device: number): boolean {
    return this.held.some(
      (own) => own.address === address && (own.index === device || !address.startsWith('fe80:')),
    );
  }

  add(address: Address): void {
    const device = this.devices.get(address.index);
    if (this.same(address) !== undefined) refuse('EEXIST', `${words(address)}: address already assigned`);
    this.hold(address, device);
  }

  /** `lo` of a new namespace, up and with its addresses. */
  addLoopback(device: Device): void {
    this.hold(
      { object: 'address', index: device.index, address: '127.0.0.1' as IpAddress, prefixLength: 8 },
      device,
    );
    this.hold(
      { object: 'address', index: device.index, address: '::1' as IpAddress, prefixLength: 128 },
      device,
    );
  }

  replace(address: Address): void {
    const device = this.devices.get(address.index);
    if (this.same(address) === undefined) this.hold(address, device);
    else this.notifications.notify('address', 'new', address);
  }

  delete(address: Address): void {
    const device = this.devices.get(address.index);
    const own = this.same(address) ?? refuse('EADDRNOTAVAIL', `${words(address)}: address not found`);
    this.drop(own, device);
  }

  deviceUp(device: Device): void {
    for (const address of this.of(device))
      if (addressFamily(address.address) === 'ipv4') this.connect(address, device);
  }

  /** IPv6 begins on a device with its carrier. */
  carrierFound(device: Device): void {
    if (this.sysctl.isOn(`net/ipv6/conf/${device.name}/disable_ipv6`)) return;
    const linkLocal = generatedLinkLocal(device);
    if (linkLocal !== undefined)
      this.routes.addOwn(this.ownRoute(device, multicast, 'other', ipv6ConnectedMetric));
    for (const address of this.of(device))
      if (addressFamily(address.address) === 'ipv6') this.connect(address, device);
    if (linkLocal === undefined) return;
    const generated: Address = {
      object: 'address',
      index: device.index,
      address: linkLocal,
      prefixLength: 64,
    };
    if (this.same(generated) === undefined) this.hold(generated, device);
  }

  /**
   * The device went down, or changed its VRF, up or not: IPv6 addresses go, IPv4 ones stay. Their routes are gone already, and come back
   * when it goes up.
   */
  ipv6Lost(device: Device): void {
    for (const address of this.of(device)) {
      if (addressFamily(address.address) === 'ipv6') this.forget(address);
    }
  }

  deviceDeleted(device: Device): void {
    for (const address of this.of(device)) this.drop(address, device);
  }

  private of(device: Device): Address[] {
    return this.held.filter(({ index }) => index === device.index);
  }

  private same(address: Address): Address | undefined {
    return this.held.find(
      (own) =>
        own.index === address.index &&
        own.address === address.address &&
        own.prefixLength === address.prefixLength,
    );
  }

  private hold(address: Address, device: Device): void {
    const family = addressFamily(address.address);
    if (family === 'ipv6' && this.sysctl.isOn(`net/ipv6/conf/${device.name}/disable_ipv6`)) {
      refuse('EACCES', 'IPv6 is disabled on this device');
    }
    this.held.push(address);
    this.notifications.notify('address', 'new', address);
    this.connect(address, device);
  }

  private forget(address: Address): void {
    this.held = this.held.filter((own) => own !== address);
    this.notifications.notify('address', 'delete', address);
  }

  private drop(address: Address, device: Device): void {
    this.forget(address);
    const kept = new Set(this.of(device).flatMap((other) => this.routesFor(other, device).map(routeKey)));
    for (const route of this.routesFor(address, device)) {
      if (!kept.has(routeKey(route))) this.routes.deleteOwn(route);
    }
  }

  private connect(address: Address, device: Device): void {
    for (const route of this.routesFor(address, device)) this.routes.addOwn(route);
  }

  private routesFor({ address, prefixLength }: Address, device: Device): IpRoute[] {
    const prefix = prefixOf(address, prefixLength);
    const routes = [this.ownRoute(device, hostPrefix(address), 'local', 0)];
    if (addressFamily(address) === 'ipv6') {
      const forwards = this.sysctl.isOn(`net/ipv6/conf/${device.name}/forwarding`);
      // The subnet-router anycast address of RFC 4291 section 2.6.1.
      if (forwards && prefixLength < 127) {
        routes.push(
          this.ownRoute(device, hostPrefix(prefix.slice(0, prefix.indexOf('/')) as IpAddress), 'other', 0),
        );
      }
      if (device.up) routes.push(this.ownRoute(device, prefix, 'unicast', ipv6ConnectedMetric));
    } else if (device.up && prefixLength < 32) {
      routes.push(this.ownRoute(device, prefix, device.name === 'lo' ? 'local' : 'unicast'));
      if (prefixLength < 31) routes.push(this.ownRoute(device, lastOf(address, prefixLength), 'other'));
    }
    return routes;
  }

  private ownRoute(
    device: Device,
    prefix: IpPrefix,
    type: IpRoute['type'] & string,
    metric?: number,
  ): IpRoute {
    const family = addressFamily(prefix);
    return {
      object: 'route',
      family,
      table: this.devices.vrfTable(device) ?? (type === 'unicast' ? mainTable : localTable),
      prefix,
      ...(type === 'unicast' ? {} : { type }),
      ...(family === 'ipv6' && metric !== undefined ? { metric } : {}),
      protocol: kernelProtocol,
      device: device.index,
    };
  }
}

function words({ address }: Address): string {
  return addressFamily(address);
}

function routeKey(route: IpRoute): string {
  return `${route.type} ${route.prefix}`;
}

/** The broadcast address of an IPv4 prefix. */
function lastOf(address: IpAddress, length: number): IpPrefix {
  const bytes = addressToBytes(address);
  for (let bit = length; bit < 32; bit++) bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (0x80 >>> (bit & 7));
  return hostPrefix(addressFromBytes(bytes));
}

/** What the kernel gives a device when IPv6 begins: EUI-64 on Ethernet, fe80::5efe:ADDRESS on a tunnel with a local IPv4 address, none on a VRF. */
function generatedLinkLocal(device: Device): IpAddress | undefined {
  const bytes = new Uint8Array(16);
  bytes.set([0xfe, 0x80]);
  if (device.info?.kind === 'gre' || device.info?.kind === 'ipip') {
    bytes.set([0, 0, 0x5e, 0xfe], 8);
    bytes.set(addressToBytes(device.info.local), 12);
    return addressFromBytes(bytes);
  }
  if (device.address === undefined || device.info === undefined || device.info.kind === 'vrf')
    return undefined;
  const mac = macToBytes(device.address);
  bytes.set(mac.subarray(0, 3), 8);
  bytes.set([0xff, 0xfe], 11);
  bytes.set(mac.subarray(3), 13);
  bytes[8] = (bytes[8] ?? 0) ^ 2;
  return addressFromBytes(bytes);
}

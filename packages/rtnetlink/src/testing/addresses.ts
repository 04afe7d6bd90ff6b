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
import { madeUpMac } from './link-kinds.ts';
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
  /** Called when a device has lost its last IPv4 address, and with it IPv4. */
  private readonly ipv4Lost: (device: Device) => void;
  private held: Address[] = [];

  constructor(
    devices: Devices,
    sysctl: FakeSysctl,
    notifications: NotificationQueue,
    routes: IpRoutes,
    ipv4Lost: (device: Device) => void,
  ) {
    this.ipv4Lost = ipv4Lost;
    this.devices = devices;
    this.sysctl = sysctl;
    this.notifications = notifications;
    this.routes = routes;
  }

  dump(family?: 'ipv4' | 'ipv6'): Address[] {
    return this.held.filter(({ address }) => family === undefined || addressFamily(address) === family);
  }

  /** Whether it is an address of this host; a link-local one is that only of its own device. */
  isLocal(address: IpAddress, device: number | undefined): boolean {
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
    const secondaries = this.secondariesOf(own);
    this.drop(own, device);
    for (const secondary of secondaries) this.drop(secondary, device);
    const family = addressFamily(own.address);
    if (family === 'ipv4' && !this.of(device).some((other) => addressFamily(other.address) === family)) {
      this.ipv4Lost(device);
    }
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
      this.routes.addOwn(this.ownRoute(device, multicast, 'multicast', { metric: ipv6ConnectedMetric }));
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

  private of({ index }: { readonly index: number }): Address[] {
    return this.held.filter((address) => address.index === index);
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
    const routes = this.routesFor(address, device);
    this.forget(address);
    const kept = new Set(this.of(device).flatMap((other) => this.routesFor(other, device).map(routeKey)));
    for (const route of routes) {
      if (!kept.has(routeKey(route))) this.routes.deleteOwn(route);
    }
    if (!this.isLocal(address.address, device.index)) this.routes.sourceLost(address.address, device);
  }

  /** Later IPv4 addresses of the device in the same subnet, which the kernel deletes with the first one. */
  private secondariesOf(address: Address): Address[] {
    const subnet = subnetOf(address);
    const alike = this.of(address).filter(
      (other) => addressFamily(other.address) === 'ipv4' && subnetOf(other) === subnet,
    );
    return alike[0] === address ? alike.slice(1) : [];
  }

  private connect(address: Address, device: Device): void {
    for (const route of this.routesFor(address, device)) this.routes.addOwn(route);
  }

  private routesFor(address: Address, device: Device): IpRoute[] {
    return addressFamily(address.address) === 'ipv4'
      ? this.ipv4RoutesFor(address, device)
      : this.ipv6RoutesFor(address, device);
  }

  private ipv4RoutesFor(address: Address, device: Device): IpRoute[] {
    const subnet = subnetOf(address);
    const first = this.of(device).find((other) => subnetOf(other) === subnet) ?? address;
    const source = { preferredSource: first.address };
    const host = hostPrefix(address.address);
    const routes = [this.ownRoute(device, host, 'local', source)];
    if (!device.up || subnet === host || first !== address) return routes;
    routes.push(this.ownRoute(device, subnet, device.name === 'lo' ? 'local' : 'unicast', source));
    if (address.prefixLength < 31) {
      const last = lastOf(address.peer ?? address.address, address.prefixLength);
      routes.push(this.ownRoute(device, last, 'broadcast', source));
    }
    return routes;
  }

  private ipv6RoutesFor({ address, prefixLength, peer }: Address, device: Device): IpRoute[] {
    const subnet = prefixOf(address, prefixLength);
    const routes = [this.ownRoute(device, hostPrefix(address), 'local', { metric: 0 })];
    // The subnet-router anycast address of RFC 4291 section 2.6.1.
    if (this.sysctl.isOn(`net/ipv6/conf/${device.name}/forwarding`) && prefixLength < 127) {
      const lowest = hostPrefix(subnet.slice(0, subnet.indexOf('/')) as IpAddress);
      routes.push(this.ownRoute(device, lowest, 'anycast', { metric: 0 }));
    }
    if (!device.up) return routes;
    const connected = peer === undefined ? [subnet] : [subnet, hostPrefix(peer)];
    for (const prefix of connected) {
      routes.push(this.ownRoute(device, prefix, 'unicast', { metric: ipv6ConnectedMetric }));
    }
    return routes;
  }

  private ownRoute(
    device: Device,
    prefix: IpPrefix,
    type: NonNullable<IpRoute['type']>,
    facts: { readonly metric: number } | { readonly preferredSource: IpAddress },
  ): IpRoute {
    return {
      object: 'route',
      family: addressFamily(prefix),
      table: this.devices.vrfTable(device) ?? (type === 'unicast' ? mainTable : localTable),
      prefix,
      ...(type === 'unicast' ? {} : { type }),
      ...facts,
      protocol: kernelProtocol,
      device: device.index,
    };
  }
}

/** Of a point-to-point address, that of the other end. */
function subnetOf({ address, peer, prefixLength }: Address): IpPrefix {
  return prefixOf(peer ?? address, prefixLength);
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
  if (device.info === undefined || device.info.kind === 'vrf') return undefined;
  // Tunnels over IPv6 make one up.
  const mac = macToBytes(device.address ?? madeUpMac(device.index));
  bytes.set(mac.subarray(0, 3), 8);
  bytes.set([0xff, 0xfe], 11);
  bytes.set(mac.subarray(3), 13);
  bytes[8] = (bytes[8] ?? 0) ^ 2;
  return addressFromBytes(bytes);
}

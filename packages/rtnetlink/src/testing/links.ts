// RTM_*LINK of the fake kernel: creation, enslaving, up and down, deletion, in the order in which the kernel does it.
// Tells everything that happens to a device to `raise`; owns nothing that hangs on devices. A bridge keeps its MAC address and MTU,
// whatever its ports have, and forwards from the moment on that a port has carrier.
import type { Link, LinkInfo } from '../objects.ts';
import type { Device, DeviceEvent, Devices } from './device.ts';
import type { FakeSysctl } from './fake-sysctl.ts';
import {
  changedInfo,
  checkNew,
  defaultMtu,
  heldInfo,
  isTunnel,
  madeUpMac,
  smallestMtu,
} from './link-kinds.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refuse } from './refusal.ts';

export class Links {
  private readonly devices: Devices;
  private readonly sysctl: FakeSysctl;
  private readonly notifications: NotificationQueue;
  private readonly raise: (device: Device, event: DeviceEvent) => void;
  /** Called when the first VRF of the namespace is created; it adds the l3mdev rules. */
  private firstVrf: (() => void) | undefined;

  constructor(
    devices: Devices,
    sysctl: FakeSysctl,
    notifications: NotificationQueue,
    raise: (device: Device, event: DeviceEvent) => void,
    firstVrf: () => void,
  ) {
    this.devices = devices;
    this.sysctl = sysctl;
    this.notifications = notifications;
    this.raise = raise;
    this.firstVrf = firstVrf;
  }

  dump(): Link[] {
    return this.devices.all().map((device) => this.devices.link(device));
  }

  add(link: Link): void {
    const info = link.info;
    if (link.name !== undefined && this.devices.named(link.name) !== undefined) refuse('EEXIST');
    if (info === undefined) refuse('EOPNOTSUPP', 'Unknown device type');
    checkNew(link, info, this.devices, this.sysctl);
    if (link.mtu !== undefined && link.mtu < smallestMtu) refuse('EINVAL', 'mtu less than device minimum');
    if (info.kind === 'vrf') {
      this.firstVrf?.();
      this.firstVrf = undefined;
    }
    if (info.kind === 'veth') this.createPair(link, info.peer);
    else this.create(link, info, this.devices.takeIndex());
  }

  /** An existing device, by index or by name. The kernel takes no `replace` of a device that exists. */
  replace(link: Link): void {
    if (this.resolve(link) !== undefined) refuse('EOPNOTSUPP');
    this.add(link);
  }

  set(link: Link): void {
    const device = this.resolve(link) ?? refuse('ENODEV');
    if (link.name !== undefined && link.name !== device.name) {
      throw new TypeError('the fake kernel renames no device');
    }
    const before = JSON.stringify(this.devices.link(device));
    if (link.info !== undefined) device.info = changedInfo(device, link.info);
    if (link.address !== undefined && link.address !== device.address) {
      device.address = link.address;
      this.raise(device, 'address-changed');
    }
    if (link.mtu !== undefined) this.setMtu(device, link.mtu);
    if (link.alias !== undefined) device.alias = link.alias === '' ? undefined : link.alias;
    if (link.master !== undefined) this.setMaster(device, link.master);
    if (link.up !== undefined) this.setUp(device, link.up);
    // The kernel does not tell of what it was before.
    if (JSON.stringify(this.devices.link(device)) !== before) this.announce(device);
  }

  delete(link: Link): void {
    const device = this.resolve(link) ?? refuse('ENODEV');
    if (device.info === undefined) refuse('EOPNOTSUPP');
    this.remove(device);
  }

  /** Pulls the cable of a device, or plugs it in again. */
  setCarrier(name: string, plugged: boolean): void {
    const device = this.devices.named(name) ?? refuse('ENODEV');
    this.keepingCarriers([device, ...this.devices.dependants(device)], () => {
      device.plugged = plugged;
    });
  }

  private remove(device: Device): void {
    for (const vlan of this.devices.vlansOn(device)) this.remove(vlan);
    for (const slave of this.devices.all()) if (slave.master === device.index) this.setMaster(slave, 0);
    const peer = device.peer === undefined ? undefined : this.devices.find(device.peer);
    for (const end of peer === undefined ? [device] : [device, peer]) {
      this.setUp(end, false);
      this.raise(end, 'deleted');
      this.devices.remove(end);
      this.sysctl.removeDevice(end.name);
      this.notifications.notify('link', 'delete', this.devices.link(end));
    }
  }

  private resolve(link: Link): Device | undefined {
    if (link.index !== undefined) return this.devices.find(link.index);
    return link.name === undefined ? undefined : this.devices.named(link.name);
  }

  private create(link: Link, info: LinkInfo, index: number, peer?: number): Device {
    const name = link.name ?? this.freeName(info.kind === 'other' ? info.name : info.kind);
    const lower = link.link === undefined || peer !== undefined ? undefined : this.devices.find(link.link);
    const device: Device = {
      index,
      name,
      info: heldInfo(info),
      ...(peer === undefined ? {} : { peer }),
      ...(lower === undefined ? {} : { lower: lower.index }),
      up: false,
      plugged: true,
      mtu: link.mtu ?? defaultMtu(info, lower),
      master: 0,
      address: isTunnel(info) ? undefined : (link.address ?? lower?.address ?? madeUpMac(index)),
      // Not from the request: the kernel takes no alias at creation.
      alias: undefined,
    };
    this.devices.add(device);
    this.sysctl.addDevice(name);
    this.raise(device, 'added');
    if (link.master !== undefined) this.setMaster(device, link.master);
    if (link.up === true) this.setUp(device, true);
    this.announce(device);
    return device;
  }

  private createPair(link: Link, peerName: string | undefined): void {
    if (peerName !== undefined && this.devices.named(peerName) !== undefined) refuse('EEXIST');
    // The kernel registers the peer first.
    const peer = this.devices.takeIndex();
    const index = this.devices.takeIndex();
    const info: LinkInfo = { kind: 'veth' };
    this.create({ object: 'link', ...(peerName === undefined ? {} : { name: peerName }) }, info, peer, index);
    this.create(link, info, index, peer);
  }

  private freeName(stem: string): string {
    let number = 0;
    while (this.devices.named(`${stem}${number}`) !== undefined) number++;
    return `${stem}${number}`;
  }

  private setMtu(device: Device, mtu: number): void {
    if (mtu < smallestMtu) refuse('EINVAL', 'mtu less than device minimum');
    const lower = device.info?.kind === 'vlan' ? this.devices.find(device.lower ?? 0) : undefined;
    if (lower !== undefined && mtu > lower.mtu) refuse('ERANGE');
    device.mtu = mtu;
    for (const vlan of this.devices.vlansOn(device)) {
      if (vlan.mtu <= mtu) continue;
      this.setMtu(vlan, mtu);
      this.announce(vlan);
    }
  }

  /** @param master index, 0 to release. */
  private setMaster(device: Device, master: number): void {
    if (device.master === master) return;
    if (device.master !== 0) this.changeMaster(device, 0);
    if (master === 0) return;
    const upper = this.devices.find(master) ?? refuse('EINVAL');
    if (upper.info?.kind === 'bridge') checkPort(device);
    else if (upper.info?.kind !== 'vrf') refuse('EOPNOTSUPP');
    else if (device.info?.kind === 'vrf') refuse('EINVAL', 'Can not enslave an L3 master device to a VRF');
    else if (device.name === 'lo') refuse('EOPNOTSUPP', 'Can not enslave loopback device to a VRF');
    this.changeMaster(device, master);
  }

  private changeMaster(device: Device, master: number): void {
    const masters = [device.master, master].flatMap((index) => this.devices.find(index) ?? []);
    const bridges = masters.filter(({ info }) => info?.kind === 'bridge');
    const above = bridges.flatMap((bridge) => [bridge, ...this.devices.dependants(bridge)]);
    this.keepingCarriers(above, () => {
      device.master = master;
      for (const bridge of bridges) bridge.plugged = false;
    });
    this.announce(device);
    if (!masters.some(({ info }) => info?.kind === 'vrf')) return;
    this.raise(device, 'master-changed');
    if (!device.up) return;
    // The VRF driver sets an enslaved or released device down and up again where it was up (cycle_netdev).
    this.setUp(device, false);
    this.setUp(device, true);
  }

  private setUp(device: Device, up: boolean): void {
    if (device.up === up) return;
    if (up && device.info?.kind === 'vlan' && this.devices.find(device.lower ?? 0)?.up !== true) {
      refuse('ENETDOWN');
    }
    this.keepingCarriers(this.devices.dependants(device), () => {
      device.up = up;
      this.raise(device, up ? 'up' : 'down');
      if (up && this.devices.hasCarrier(device)) this.raise(device, 'carrier-found');
      this.announce(device);
    });
    // VLANs follow the device below.
    for (const vlan of this.devices.vlansOn(device)) this.setUp(vlan, up);
  }

  /** Tells which of the devices got or lost their carrier by `change`. */
  private keepingCarriers(devices: readonly Device[], change: () => void): void {
    const before = devices.map((device) => this.devices.hasCarrier(device));
    change();
    devices.forEach((device, at) => {
      const now = this.devices.hasCarrier(device);
      if (now === before[at]) return;
      if (device.up) this.raise(device, now ? 'carrier-found' : 'carrier-lost');
      this.announce(device);
    });
  }

  private announce(device: Device): void {
    this.notifications.notify('link', 'new', this.devices.link(device));
  }
}

/** @throws RtnetlinkError where the device can be no port of a bridge. */
function checkPort(device: Device): void {
  if (device.info?.kind === 'bridge') refuse('ELOOP', 'Can not enslave a bridge to a bridge');
  if (device.info?.kind === 'vrf') refuse('EOPNOTSUPP');
  if (device.address === undefined) refuse('EINVAL');
}

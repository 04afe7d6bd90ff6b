// RTM_*LINK of the fake kernel: creation, enslaving, up and down, deletion, in the order in which the kernel does it.
// Tells everything that happens to a device to `raise`; owns nothing that hangs on devices.
import type { MacAddress } from '@hostpe/net';
import { macFromBytes } from '@hostpe/net';
import type { Link, LinkInfo } from '../objects.ts';
import type { Device, DeviceEvent, Devices } from './device.ts';
import type { FakeSysctl } from './fake-sysctl.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refuse } from './refusal.ts';

const smallestMtu = 68;

const mtuByKind: Readonly<Record<LinkInfo['kind'], number>> = {
  vrf: 65575,
  dummy: 1500,
  veth: 1500,
  gre: 1476,
  ipip: 1480,
  other: 1500,
};
/** A UDP header less than `ipip` alone. */
const fouMtu = 1472;

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
    this.checkInfo(info);
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
    if (link.info?.kind === 'vrf') refuse('EOPNOTSUPP');
    if (link.address !== undefined && link.address !== device.address) {
      device.address = link.address;
      this.raise(device, 'address-changed');
    }
    if (link.mtu !== undefined) {
      if (link.mtu < smallestMtu) refuse('EINVAL', 'mtu less than device minimum');
      device.mtu = link.mtu;
    }
    if (link.alias !== undefined) device.alias = link.alias === '' ? undefined : link.alias;
    if (link.master !== undefined) this.setMaster(device, link.master);
    if (link.up !== undefined) this.setUp(device, link.up);
    this.announce(device);
  }

  delete(link: Link): void {
    const device = this.resolve(link) ?? refuse('ENODEV');
    if (device.info === undefined) refuse('EOPNOTSUPP');
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

  /** Pulls the cable of a device, or plugs it in again. */
  setCarrier(name: string, plugged: boolean): void {
    const device = this.devices.named(name) ?? refuse('ENODEV');
    const before = this.devices.hasCarrier(device);
    device.plugged = plugged;
    this.carrierChanged(device, before);
    if (this.devices.hasCarrier(device) !== before) this.announce(device);
  }

  private resolve(link: Link): Device | undefined {
    if (link.index !== undefined) return this.devices.find(link.index);
    return link.name === undefined ? undefined : this.devices.named(link.name);
  }

  private checkInfo(info: LinkInfo): void {
    for (const { info: other } of this.devices.all()) {
      if (info.kind === 'vrf' && other?.kind === 'vrf' && other.table === info.table) {
        if (this.sysctl.isOn('net/vrf/strict_mode')) refuse('EBUSY', 'Table is used by another VRF');
      }
      if ((info.kind === 'gre' || info.kind === 'ipip') && other?.kind === info.kind) {
        if (other.local === info.local && other.remote === info.remote) refuse('EEXIST');
      }
    }
  }

  private create(link: Link, info: LinkInfo, index: number, peer?: number): Device {
    const name = link.name ?? this.freeName(info.kind === 'other' ? info.name : info.kind);
    const tunnel = info.kind === 'gre' || info.kind === 'ipip';
    const device: Device = {
      index,
      name,
      info,
      ...(peer === undefined ? {} : { peer }),
      up: false,
      plugged: true,
      mtu: link.mtu ?? (info.kind === 'ipip' && info.encap !== undefined ? fouMtu : mtuByKind[info.kind]),
      master: 0,
      address: tunnel ? undefined : (link.address ?? madeUpMac(index)),
      // Not from the request: the kernel takes no alias at creation.
      alias: undefined,
    };
    this.devices.add(device);
    this.sysctl.addDevice(name);
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

  /** @param master index, 0 to release. */
  private setMaster(device: Device, master: number): void {
    if (device.master === master) return;
    if (device.master !== 0) this.changeMaster(device, 0);
    if (master === 0) return;
    const upper = this.devices.find(master) ?? refuse('EINVAL');
    if (upper.info?.kind !== 'vrf') refuse('EOPNOTSUPP');
    if (device.info?.kind === 'vrf') refuse('EINVAL', 'Can not enslave an L3 master device to a VRF');
    if (device.name === 'lo') refuse('EOPNOTSUPP', 'Can not enslave loopback device to a VRF');
    this.changeMaster(device, master);
  }

  /** The VRF driver sets an enslaved or released device down and up again where it was up (cycle_netdev). */
  private changeMaster(device: Device, master: number): void {
    device.master = master;
    this.announce(device);
    this.raise(device, 'master-changed');
    if (!device.up) return;
    this.setUp(device, false);
    this.setUp(device, true);
  }

  private setUp(device: Device, up: boolean): void {
    if (device.up === up) return;
    const peer = device.peer === undefined ? undefined : this.devices.find(device.peer);
    const peerCarrier = peer !== undefined && this.devices.hasCarrier(peer);
    device.up = up;
    this.raise(device, up ? 'up' : 'down');
    if (up && this.devices.hasCarrier(device)) this.raise(device, 'carrier-found');
    this.announce(device);
    if (peer !== undefined && this.devices.hasCarrier(peer) !== peerCarrier) {
      this.carrierChanged(peer, peerCarrier);
      this.announce(peer);
    }
  }

  private carrierChanged(device: Device, before: boolean): void {
    const now = this.devices.hasCarrier(device);
    if (now !== before && device.up) this.raise(device, now ? 'carrier-found' : 'carrier-lost');
  }

  private announce(device: Device): void {
    this.notifications.notify('link', 'new', this.devices.link(device));
  }
}

/** Locally administered, one per index. */
function madeUpMac(index: number): MacAddress {
  return macFromBytes(Uint8Array.of(0x02, 0xfa, 0xce, index >>> 16, index >>> 8, index));
}

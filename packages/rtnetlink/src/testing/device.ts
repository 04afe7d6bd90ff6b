// Network devices as all tables of the fake kernel see them, and what may happen to one.
import type { MacAddress } from '@hostpe/net';
import type { Link, LinkInfo } from '../objects.ts';
import { refuse } from './refusal.ts';

export interface Device {
  readonly index: number;
  readonly name: string;
  info: LinkInfo | undefined;
  /** Index of the other end of a veth pair. */
  readonly peer?: number;
  /** Index of the device below a VLAN or a tunnel. */
  readonly lower?: number;
  up: boolean;
  /** Whether a signal could be there: false is a pulled cable, or a bridge that had a port once. */
  plugged: boolean;
  mtu: number;
  /** 0: none. */
  master: number;
  address: MacAddress | undefined;
  alias: string | undefined;
}

/**
 * What the kernel's notifier chain tells of a device, after the fact.
 * `up` comes without regard to carrier, `carrier-found` when there is carrier on a device that is up; `deleted` comes behind `down`.
 */
export type DeviceEvent =
  | 'added'
  | 'up'
  | 'carrier-found'
  | 'carrier-lost'
  | 'down'
  | 'master-changed'
  | 'address-changed'
  | 'deleted';

/** The devices of the namespace by index. */
export class Devices {
  private readonly byIndex = new Map<number, Device>();
  private nextIndex = 1;

  /** @returns an index never used before, as the kernel gives. */
  takeIndex(): number {
    return this.nextIndex++;
  }

  add(device: Device): void {
    this.byIndex.set(device.index, device);
  }

  remove(device: Device): void {
    this.byIndex.delete(device.index);
  }

  all(): Device[] {
    return [...this.byIndex.values()].sort((a, b) => a.index - b.index);
  }

  find(index: number): Device | undefined {
    return this.byIndex.get(index);
  }

  named(name: string): Device | undefined {
    for (const device of this.byIndex.values()) if (device.name === name) return device;
    return undefined;
  }

  /** @throws RtnetlinkError ENODEV */
  get(index: number): Device {
    return this.byIndex.get(index) ?? refuse('ENODEV');
  }

  /** IFF_LOWER_UP and IFF_RUNNING: up, plugged and, on a veth, the other end up; on a VLAN, the device below; on a bridge, a port, unless it never had one. */
  hasCarrier(device: Device): boolean {
    if (!device.up) return false;
    if (device.info?.kind === 'bridge') return this.bridgeCarrier(device);
    if (!device.plugged) return false;
    if (device.peer !== undefined) return this.byIndex.get(device.peer)?.up === true;
    const below = device.lower === undefined ? undefined : this.byIndex.get(device.lower);
    return device.info?.kind !== 'vlan' || (below !== undefined && this.hasCarrier(below));
  }

  /** The devices whose carrier may depend on that of this one, the nearest first. */
  dependants(device: Device): Device[] {
    const found = new Set<Device>();
    const visit = ({ index, peer, master }: Device): void => {
      for (const other of this.byIndex.values()) {
        const above = isVlanOn(other, index) || (other.index === master && other.info?.kind === 'bridge');
        if ((!above && other.index !== peer) || other === device || found.has(other)) continue;
        found.add(other);
        visit(other);
      }
    };
    visit(device);
    return [...found];
  }

  /** The VLANs of a device. */
  vlansOn(device: Device): Device[] {
    return this.all().filter((other) => isVlanOn(other, device.index));
  }

  private bridgeCarrier({ index, plugged }: Device): boolean {
    const ports = this.all().filter(({ master }) => master === index);
    return ports.length === 0 ? plugged : ports.some((port) => this.hasCarrier(port));
  }

  /** Table of the VRF that the device is enslaved to. */
  vrfTable(device: Device): number | undefined {
    const info = this.byIndex.get(device.master)?.info;
    return info?.kind === 'vrf' ? info.table : undefined;
  }

  /** The device as the kernel sends it. */
  link(device: Device): Link {
    const { index, name, up, mtu, master, address, alias, info } = device;
    const link = device.peer ?? device.lower;
    return {
      object: 'link',
      index,
      name,
      up,
      // A veth end that is up has IFF_LOWER_UP only with carrier on both ends.
      carrier: this.hasCarrier(device),
      mtu,
      ...(master === 0 ? {} : { master }),
      ...(link === undefined ? {} : { link }),
      ...(address === undefined ? {} : { address }),
      ...(alias === undefined ? {} : { alias }),
      ...(info === undefined ? {} : { info: info.kind === 'veth' ? { kind: 'veth' } : info }),
    };
  }
}

function isVlanOn(device: Device, index: number): boolean {
  return device.lower === index && device.info?.kind === 'vlan';
}

// RTM_*NEIGH of the fake kernel: entries that were set by request. Nothing is resolved, as there is no
// traffic, and the entries of multicast groups that the kernel makes (state noarp) are left out.
import { addressFamily } from '@hostpe/net';
import type { Neighbour } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refuse } from './refusal.ts';

export class Neighbours {
  private readonly byKey = new Map<string, Neighbour>();
  private readonly devices: Devices;
  private readonly notifications: NotificationQueue;

  constructor(devices: Devices, notifications: NotificationQueue) {
    this.devices = devices;
    this.notifications = notifications;
  }

  dump(index?: number, family?: 'ipv4' | 'ipv6'): Neighbour[] {
    return [...this.byKey.values()].filter(
      (entry) =>
        (index === undefined || entry.index === index) &&
        (family === undefined || addressFamily(entry.address) === family),
    );
  }

  add(entry: Neighbour): void {
    this.devices.get(entry.index);
    if (this.byKey.has(keyOf(entry))) refuse('EEXIST');
    this.replace(entry);
  }

  /** Also on a device that is down. */
  replace(entry: Neighbour): void {
    this.devices.get(entry.index);
    this.byKey.set(keyOf(entry), entry);
    this.notifications.notify('neighbour', 'new', entry);
  }

  delete(entry: Neighbour): void {
    this.devices.get(entry.index);
    const old = this.byKey.get(keyOf(entry)) ?? refuse('ENOENT');
    this.remove(old);
  }

  /** Down, deleted or with another MAC address: all its entries go, permanent ones too. */
  deviceLost(device: Device): void {
    for (const entry of this.dump(device.index)) this.remove(entry);
  }

  private remove(entry: Neighbour): void {
    this.byKey.delete(keyOf(entry));
    this.notifications.notify('neighbour', 'delete', entry);
  }
}

function keyOf({ index, address }: Neighbour): string {
  return `${index} ${address}`;
}

// RTM_*NEIGH of the fake kernel: entries that were set by request. There is no traffic and no clock: nothing is resolved, a state stays as it
// was set, and the entries of multicast groups that the kernel makes (state noarp) are left out.
import { addressFamily } from '@hostpe/net';
import type { Neighbour } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import type { NotificationQueue } from './notification-queue.ts';
import { refuse } from './refusal.ts';

/** NUD_VALID: states in which the kernel knows where to send to. */
const valid: ReadonlySet<Neighbour['state']> = new Set([
  'permanent',
  'noarp',
  'reachable',
  'probe',
  'stale',
  'delay',
]);

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
    this.put(entry);
  }

  /** Also on a device that is down. */
  replace(entry: Neighbour): void {
    this.devices.get(entry.index);
    this.put(entry);
  }

  delete(entry: Neighbour): void {
    this.devices.get(entry.index);
    const old = this.byKey.get(keyOf(entry)) ?? refuse('ENOENT');
    // First it is of no use any more, then it is gone: the kernel tells both.
    const { linkLayerAddress: _, ...rest } = old;
    const failed: Neighbour = { ...rest, state: 'failed' };
    this.notifications.notify('neighbour', 'new', failed);
    this.remove(failed);
  }

  /** Down, deleted or with another MAC address: all its entries go, permanent ones too. */
  deviceLost(device: Device): void {
    for (const entry of this.dump(device.index)) this.remove(entry);
  }

  /** The device has no IPv4 address any more. */
  ipv4Lost(device: Device): void {
    for (const entry of this.dump(device.index, 'ipv4')) this.remove(entry);
  }

  private put(request: Neighbour): void {
    const { router, externallyLearned, protocol = 0, linkLayerAddress, state, ...key } = request;
    if (valid.has(state) && linkLayerAddress === undefined && this.hasAddresses(request)) {
      // The entry was made before the kernel saw that.
      if (!this.byKey.has(keyOf(request))) this.byKey.set(keyOf(request), { ...key, state: 'none' });
      refuse('EINVAL', 'No link layer address given');
    }
    const entry: Neighbour = {
      ...key,
      ...(linkLayerAddress === undefined || !valid.has(state) ? {} : { linkLayerAddress }),
      state,
      ...(router === true ? { router } : {}),
      ...(externallyLearned === true ? { externallyLearned } : {}),
      ...(protocol === 0 ? {} : { protocol }),
    };
    this.byKey.set(keyOf(entry), entry);
    if (valid.has(state)) this.notifications.notify('neighbour', 'new', entry);
  }

  /** Whether there are link-layer addresses on the device. */
  private hasAddresses({ index }: Neighbour): boolean {
    return this.devices.get(index).address !== undefined;
  }

  private remove(entry: Neighbour): void {
    this.byKey.delete(keyOf(entry));
    this.notifications.notify('neighbour', 'delete', entry);
  }
}

function keyOf({ index, address }: Neighbour): string {
  return `${index} ${address}`;
}

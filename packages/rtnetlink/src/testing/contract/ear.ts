// What the kernel tells, as the cases of the contract hear it. Waits at most `deadline` milliseconds.
import { parseIpPrefix } from '@hostpe/net';
import { vi } from 'vitest';
import type { Notification, NotificationGroup, Rtnetlink } from '../../kernel.ts';
import type { IpRoute, KernelObject } from '../../objects.ts';
import type { Scene } from './scene.ts';

/** Milliseconds. */
export const deadline = 20_000;
const markerTable = 4242;
/** RTPROT_KERNEL */
const kernelProtocol = 2;
let markers = 0;

type Listener = (notification: Notification) => void;

/** All that there is to hear. */
export const everyGroup: readonly NotificationGroup[] = [
  'link',
  'address',
  'neighbour',
  'route-ipv4',
  'route-ipv6',
  'route-mpls',
  'nexthop',
  'rule',
  'netconf',
];
const hubs = new WeakMap<Rtnetlink, Promise<Set<Listener>>>();

/** One subscription a door for all cases: it may cost a thread. */
export function listenersOf(rtnetlink: Rtnetlink): Promise<Set<Listener>> {
  const open = async (): Promise<Set<Listener>> => {
    const listeners = new Set<Listener>();
    await rtnetlink.subscribe(everyGroup, (notification) => {
      for (const listener of listeners) listener(notification);
    });
    return listeners;
  };
  const hub = hubs.get(rtnetlink) ?? open();
  hubs.set(rtnetlink, hub);
  return hub;
}

/** Hears notifications, and knows when it has heard all that came before a moment. */
export class Ear {
  private readonly scene: Scene;
  private readonly groups: ReadonlySet<NotificationGroup>;
  private readonly heard: Notification[] = [];

  /** @param groups what is of interest; more may be heard, and IPv4 routes have to be. */
  constructor(scene: Scene, groups: readonly NotificationGroup[]) {
    this.scene = scene;
    this.groups = new Set(groups);
  }

  hear(notification: Notification): void {
    this.heard.push(notification);
  }

  /** What was heard and not yet asked for. */
  get pending(): readonly Notification[] {
    return this.heard;
  }

  /** Everything of interest so far but for what IPv6 makes of itself, and forgets it. */
  async everything(): Promise<readonly Exclude<Notification, { type: 'overrun' }>[]> {
    // Notifications keep their order over all groups, so this closes what came before it. One of its own: there are other ears.
    const marker: IpRoute = {
      object: 'route',
      family: 'ipv4',
      table: markerTable,
      prefix: parseIpPrefix(`192.0.2.${++markers % 256}/32`),
      type: 'blackhole',
    };
    await this.scene.add(marker);
    await this.scene.delete(marker);
    const isEnd = (notification: Notification): boolean =>
      notification.type === 'delete' &&
      isMarker(notification.object) &&
      'prefix' in notification.object &&
      notification.object.prefix === marker.prefix;
    await vi.waitUntil(() => this.heard.some(isEnd), { timeout: deadline, interval: 5 });
    return this.heard
      .splice(0, this.heard.findIndex(isEnd) + 1)
      .filter((notification) => notification.type !== 'overrun')
      .filter(({ object }) => !isMarker(object) && !isLate(object) && this.groups.has(groupOf(object)));
  }

  /** As `everything`, in a form that reads well in an assertion: `new link red`, `delete route 10.1.0.1/32`. */
  async told(): Promise<string[]> {
    return (await this.everything()).map(({ type, object }) => `${type} ${named(object)}`);
  }
}

function groupOf(object: KernelObject): NotificationGroup {
  switch (object.object) {
    case 'route':
      return `route-${object.family}`;
    case 'qdisc':
    case 'filter':
    case 'fou':
      throw new Error(`nobody asked for a ${object.object}`);
    default:
      return object.object;
  }
}

function isMarker(object: KernelObject): boolean {
  return object.object === 'route' && object.family === 'ipv4' && object.table === markerTable;
}

/** What the kernel makes when IPv6 begins on a device, some time after its carrier: no case can say when. */
function isLate(object: KernelObject): boolean {
  if (object.object === 'address') return object.address.includes(':') && object.noDad !== true;
  return object.object === 'route' && object.family === 'ipv6' && object.protocol === kernelProtocol;
}

function named(object: KernelObject): string {
  switch (object.object) {
    case 'link':
      return `link ${object.name}`;
    case 'address':
    case 'neighbour':
      return `${object.object} ${object.address}`;
    case 'route':
      return `route ${object.family === 'mpls' ? object.label : object.prefix}`;
    case 'nexthop':
      return `nexthop ${object.id}`;
    case 'rule':
      return `rule ${object.family} ${object.priority}`;
    default:
      return object.object;
  }
}

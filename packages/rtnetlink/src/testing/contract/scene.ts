// What every case of the kernel contract begins with: one fresh namespace, the few devices that cases share, and words for
// what a kernel agrees to, refuses and tells. Waits at most `deadline` milliseconds for a notification.
import type { MacAddress } from '@hostpe/net';
import { parseIpAddress, parseIpPrefix, parseLabel, parseMac } from '@hostpe/net';
import { expect, test, vi } from 'vitest';
import type { RtnetlinkError } from '../../errors.ts';
import type { Notification, NotificationGroup, Request, Rtnetlink, Sysctl } from '../../kernel.ts';
import type { IpRoute, KernelObject, Link } from '../../objects.ts';

export const ip = parseIpAddress;
export const prefix = parseIpPrefix;
export const mac = parseMac;
export const label = parseLabel;

const deadline = 20_000;
/** Emulated kernels are slow. */
const caseTimeout = 60_000;
const markerTable = 4242;
/** RTPROT_KERNEL */
const kernelProtocol = 2;
let markers = 0;

/** A network namespace that nobody else uses: `lo` up with its addresses, and nothing but what the kernel brings. */
export interface ContractKernel {
  readonly rtnetlink: Rtnetlink;
  readonly sysctl: Sysctl;
  close(): Promise<void>;
}

export type OpenKernel = () => Promise<ContractKernel>;
export type Case = (name: string, body: (scene: Scene) => Promise<void>) => void;

/** @returns `test` for cases that each get a namespace to themselves. */
export function casesOn(open: OpenKernel): Case {
  return (name, body) =>
    test(name, { timeout: caseTimeout }, async () => {
      const kernel = await open();
      try {
        await kernel.sysctl.write('net/ipv4/nexthop_compat_mode', '0');
        await kernel.sysctl.write('net/mpls/platform_labels', '1048575');
        await body(new Scene(kernel));
      } finally {
        await kernel.close();
      }
    });
}

export class Scene {
  readonly rtnetlink: Rtnetlink;
  readonly sysctl: Sysctl;

  constructor({ rtnetlink, sysctl }: ContractKernel) {
    this.rtnetlink = rtnetlink;
    this.sysctl = sysctl;
  }

  /** Executes the requests in one batch. @throws the first refusal. */
  async agreed(...requests: readonly Request[]): Promise<void> {
    for (const error of await this.rtnetlink.execute(requests)) if (error !== undefined) throw error;
  }

  async add(...objects: readonly KernelObject[]): Promise<void> {
    await this.agreed(...objects.map((object) => ({ op: 'add', object }) as const));
  }

  async replace(object: KernelObject): Promise<void> {
    await this.agreed({ op: 'replace', object });
  }

  async delete(object: KernelObject): Promise<void> {
    await this.agreed({ op: 'delete', object });
  }

  async set(link: Omit<Link, 'object'>): Promise<void> {
    await this.agreed({ op: 'set', object: { object: 'link', ...link } });
  }

  /** @returns what the kernel said; a test fails where it agreed. */
  async refusal(op: Request['op'], object: KernelObject): Promise<RtnetlinkError> {
    const [error] = await this.rtnetlink.execute([{ op, object }]);
    if (error === undefined) throw new Error(`the kernel agreed to ${op} ${JSON.stringify(object)}`);
    return error;
  }

  /** @returns the errno of the refusal. */
  async refused(op: Request['op'], object: KernelObject): Promise<string | undefined> {
    const error = await this.refusal(op, object);
    expect(error.code).toBe('kernel');
    return error.errno;
  }

  async find(name: string): Promise<Link | undefined> {
    return (await this.rtnetlink.dump({ object: 'link' })).find((link) => link.name === name);
  }

  async link(name: string): Promise<Link & { readonly index: number }> {
    const link = await this.find(name);
    if (link?.index === undefined) throw new Error(`no device ${name}`);
    return { ...link, index: link.index };
  }

  /** A VRF device that is up. */
  async vrf(name: string, table: number): Promise<number> {
    await this.add({ object: 'link', name, up: true, info: { kind: 'vrf', table } });
    return (await this.link(name)).index;
  }

  /** A dummy device that is up. */
  async dummy(name: string): Promise<number> {
    await this.add({ object: 'link', name, up: true, info: { kind: 'dummy' } });
    return (await this.link(name)).index;
  }

  /** A veth pair NAME and NAME-peer, both up. @returns the index of NAME. */
  async pair(name: string): Promise<number> {
    const peer = `${name}-peer`;
    await this.add({ object: 'link', name, info: { kind: 'veth', peer } });
    await this.set({ name: peer, up: true });
    await this.set({ name, up: true });
    return (await this.link(name)).index;
  }

  /** A multipoint GRE device that is up, with the PE address 10.255.0.1 on `lo`. */
  async gre(name: string): Promise<number> {
    const local = ip('10.255.0.1');
    const { index } = await this.link('lo');
    await this.agreed({
      op: 'replace',
      object: { object: 'address', index, address: local, prefixLength: 32 },
    });
    await this.add({ object: 'link', name, up: true, info: { kind: 'gre', local, ttl: 64 } });
    return (await this.link(name)).index;
  }

  /** Prefixes of the routes of a table that somebody asked for, sorted. */
  async prefixes(family: 'ipv4' | 'ipv6', table: number): Promise<string[]> {
    const routes = await this.rtnetlink.dump({ object: 'route', family, table });
    return routes
      .flatMap((route) =>
        route.family !== 'mpls' && route.protocol !== kernelProtocol ? [route.prefix] : [],
      )
      .sort();
  }

  async addressesOf(index: number): Promise<string[]> {
    const addresses = await this.rtnetlink.dump({ object: 'address' });
    return addresses.filter((address) => address.index === index).map(({ address }) => address);
  }

  async nexthopIds(): Promise<number[]> {
    return (await this.rtnetlink.dump({ object: 'nexthop' })).map(({ id }) => id).sort((a, b) => a - b);
  }

  /** Hears notifications of these groups from now on. */
  async listen(...groups: readonly NotificationGroup[]): Promise<Ear> {
    const listeners = await listenersOf(this.rtnetlink);
    const ear = new Ear(this, groups);
    listeners.add((notification) => ear.hear(notification));
    // What happened before may still be on its way.
    await ear.everything();
    return ear;
  }
}

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
];
const hubs = new WeakMap<Rtnetlink, Promise<Set<Listener>>>();

/** One subscription a door for all cases: it may cost a thread. */
function listenersOf(rtnetlink: Rtnetlink): Promise<Set<Listener>> {
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

  /** Everything of interest so far, and forgets it. */
  async everything(): Promise<readonly Exclude<Notification, { type: 'overrun' }>[]> {
    // Notifications keep their order over all groups, so this closes what came before it. One of its own: there are other ears.
    const marker: IpRoute = {
      object: 'route',
      family: 'ipv4',
      table: markerTable,
      prefix: prefix(`192.0.2.${++markers % 256}/32`),
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
      .filter(({ object }) => !isMarker(object) && this.groups.has(groupOf(object)));
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

export const neighbourMac: MacAddress = mac('02:00:00:00:00:07');
export const gateway = ip('fe80::5efe:aff:2');

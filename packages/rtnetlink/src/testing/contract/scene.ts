// What every case of the kernel contract begins with: one fresh namespace, the few devices that cases share, and words for
// what a kernel agrees to, refuses and tells. Waits at most `deadline` milliseconds for a notification.
import type { MacAddress } from '@hostpe/net';
import { parseIpAddress, parseIpPrefix, parseLabel, parseMac } from '@hostpe/net';
import { expect, test, vi } from 'vitest';
import type { RtnetlinkError } from '../../errors.ts';
import type { NotificationGroup, Request, Rtnetlink, Sysctl } from '../../kernel.ts';
import type { KernelObject, Link } from '../../objects.ts';
import { sysctlKeys } from '../../sysctl-keys.ts';
import { deadline, Ear, listenersOf } from './ear.ts';

export const ip = parseIpAddress;
export const prefix = parseIpPrefix;
export const mac = parseMac;
export const label = parseLabel;

/** Emulated kernels are slow. */
const caseTimeout = 60_000;
/** RTPROT_KERNEL */
const kernelProtocol = 2;

/** A network namespace that nobody else uses: `lo` up with its addresses, and nothing but what the kernel brings. */
export interface ContractKernel {
  readonly rtnetlink: Rtnetlink;
  readonly sysctl: Sysctl;
  close(): Promise<void>;
}

export type OpenKernel = () => Promise<ContractKernel>;

/** What not every kernel has: a kind of device, MPLS with its tunnels, clsact qdiscs, flower filters with tunnel_key and mirred actions. */
const features = [
  'bridge',
  'clsact',
  'dummy',
  'flower',
  'fou',
  'gre',
  'ip6gre',
  'ip6tnl',
  'mpls',
  'vlan',
  'vrf',
] as const;
export type Feature = (typeof features)[number];
export const everyFeature: ReadonlySet<Feature> = new Set(features);

/** @param needs what a kernel has to have for the case. */
export type Case = (name: string, needs: readonly Feature[], body: (scene: Scene) => Promise<void>) => void;

export interface ContractOptions {
  /** Gives a case a network namespace with `lo` up, new or as good as new; the case closes it. The first one must be new. */
  readonly open: OpenKernel;
  /** Asked once, before the first case. */
  readonly features: () => Promise<ReadonlySet<Feature>>;
  /** Whether errors name the attribute at fault. */
  readonly namesAttributes: boolean;
}

/** @returns `test` for cases that each get a namespace to themselves, and are skipped where the kernel has not what they need. */
export function casesOn({ open, features, namesAttributes }: ContractOptions): Case {
  let known: Promise<ReadonlySet<Feature>> | undefined;
  return (name, needs, body) =>
    test(name, { timeout: caseTimeout }, async ({ skip }) => {
      known ??= features();
      const found = await known;
      const missing = needs.filter((feature) => !found.has(feature));
      if (missing.length > 0) skip(`this kernel has no ${missing.join(', no ')}`);
      const kernel = await open();
      try {
        await kernel.sysctl.set(sysctlKeys.nexthopCompatMode, false);
        if (found.has('mpls')) await kernel.sysctl.set(sysctlKeys.mplsPlatformLabels, 1048575);
        await body(new Scene(kernel, namesAttributes));
      } finally {
        await kernel.close();
      }
    });
}

export class Scene {
  readonly rtnetlink: Rtnetlink;
  readonly sysctl: Sysctl;
  /** Whether errors name the attribute at fault. */
  readonly namesAttributes: boolean;

  constructor({ rtnetlink, sysctl }: ContractKernel, namesAttributes: boolean) {
    this.namesAttributes = namesAttributes;
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
    return routes.flatMap(({ protocol, prefix }) => (protocol === kernelProtocol ? [] : [prefix])).sort();
  }

  async addressesOf(index: number): Promise<string[]> {
    const addresses = await this.rtnetlink.dump({ object: 'address' });
    return addresses.filter((address) => address.index === index).map(({ address }) => address);
  }

  async nexthopIds(): Promise<number[]> {
    return (await this.rtnetlink.dump({ object: 'nexthop' })).map(({ id }) => id).sort((a, b) => a - b);
  }

  /** For what the kernel does a moment later: routes of IPv6 addresses. @throws what `expectation` throws in the end. */
  async eventually(expectation: () => Promise<void>): Promise<void> {
    await vi.waitFor(expectation, { timeout: deadline, interval: 5 });
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

export const neighbourMac: MacAddress = mac('02:00:00:00:00:07');
export const gateway = ip('fe80::5efe:aff:2');

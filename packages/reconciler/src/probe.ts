// What this kernel lacks for a forwarder. Tries each feature on scratch devices, which it deletes again; what stays are the modules that
// the kernel loaded for them and, with the first VRF ever, the kernel's own rule `lookup [l3mdev-table]`.
import type { AddressFamily } from '@hostpe/net';
import { parseIpAddress, parseLabel, parseMac } from '@hostpe/net';
import type {
  KernelObject,
  Link,
  LinkInfo,
  Request,
  Rtnetlink,
  RtnetlinkError,
  Sysctl,
} from '@hostpe/rtnetlink';
import { sysctlKeys } from '@hostpe/rtnetlink';
import type { Nft } from './doors.ts';
import { ReconcilerError } from './errors.ts';
import { GUARD_TABLE } from './guard-tables.ts';
import {
  FILTER_PRIORITY,
  FORWARDER_PROTOCOL,
  FOU_DEVICE,
  GRE_DEVICE,
  LAST_NEXTHOP_ID,
  MPLS_ETHERTYPE,
  MPLS_IN_UDP_PORT,
  PES_DEVICE,
  TUNNEL_TTL,
  UDP_DEVICE,
  UNDERLAY_ALIAS,
} from './layout.ts';

export interface MissingFeature {
  readonly feature: string;
  /** What it means that it is missing, with the kernel's words. */
  readonly missing: string;
  /** How to get it. */
  readonly how: string;
}

interface Feature {
  readonly feature: string;
  readonly consequence: string;
  readonly how: string;
}

const stock = 'Debian has it in linux-image-amd64; the cloud and user-mode kernels may lack it';

const netAdmin: Feature = {
  feature: 'CAP_NET_ADMIN',
  consequence: 'nothing in the kernel can be programmed',
  how: 'start as root, or by systemd with AmbientCapabilities=CAP_NET_ADMIN',
};

/** What is asked to be deleted only to hear whether we may: the kernel looks at that first. */
const NO_DEVICE = 'hostpe-no-such';

const features = {
  ipv6: {
    feature: 'ipv6',
    consequence: 'nexthops have IPv6 addresses, for IPv4 routes too',
    how: 'remove ipv6.disable=1 from the kernel command line',
  },
  vrf: {
    feature: 'vrf',
    consequence: 'VPNs cannot be kept apart',
    how: `modprobe vrf (CONFIG_NET_VRF); ${stock}`,
  },
  nexthops: {
    feature: 'nexthop objects',
    consequence: 'routes cannot share nexthops',
    how: 'a kernel from 5.8 on with net.ipv4.nexthop_compat_mode',
  },
  mpls: {
    feature: 'mpls_iptunnel',
    consequence: 'packets cannot be given a label',
    how: `modprobe mpls_router mpls_iptunnel (CONFIG_MPLS_ROUTING, CONFIG_MPLS_IPTUNNEL); ${stock}`,
  },
  gre: {
    feature: 'gre',
    consequence: 'no MPLS in GRE',
    how: `modprobe ip_gre (CONFIG_NET_IPGRE); ${stock}`,
  },
  fou: {
    feature: 'ipip with fou',
    consequence: 'no MPLS in UDP',
    how: `modprobe ipip fou (CONFIG_NET_IPIP, CONFIG_NET_FOU_IP_TUNNELS); ${stock}`,
  },
  ip6gre: {
    feature: 'ip6gre external',
    consequence: 'no MPLS in GRE over IPv6',
    how: `modprobe ip6_gre (CONFIG_IPV6_GRE), and no other such device on this host; ${stock}`,
  },
  filters: {
    feature: 'cls_flower, act_tunnel_key, act_mirred',
    consequence: 'no MPLS in UDP, nor in GRE over IPv6',
    how: `modprobe sch_ingress cls_flower act_tunnel_key act_mirred; ${stock}`,
  },
  nft: {
    feature: 'nftables',
    consequence: 'tenants could reach the host and strangers the VPNs',
    how: 'apt-get install nftables; modprobe nf_tables',
  },
} as const satisfies Record<string, Feature>;

/**
 * @param underlay what tunnels go over
 * @param nft absent: nftables is not looked at
 * @returns what is missing; empty when a forwarder can run. With CAP_NET_ADMIN the kernel loads modules by itself when they are
 * asked for, so what is missing here is not there at all or was kept from being loaded.
 * @throws RtnetlinkError only when the kernel's door itself is broken
 */
export async function probeForwarder(
  rtnetlink: Rtnetlink,
  sysctl: Sysctl,
  underlay: AddressFamily,
  nft?: Nft,
): Promise<readonly MissingFeature[]> {
  const missing: MissingFeature[] = [];
  const miss = ({ feature, consequence, how }: Feature, reason: string | undefined) => {
    if (reason !== undefined) missing.push({ feature, missing: `${consequence} (${reason})`, how });
  };
  const denied = await rtnetlink.execute([{ op: 'delete', object: { object: 'link', name: NO_DEVICE } }]);
  if (denied[0]?.errno === 'EPERM') {
    miss(netAdmin, denied[0].message);
    return missing;
  }
  if ((await sysctl.get(sysctlKeys.ipv6Forwarding('all'))) === undefined)
    miss(features.ipv6, 'no net/ipv6/conf');
  miss(features.nexthops, await probeNexthops(sysctl));
  // A kernel that carries all our tunnel devices has shown what it can: a restart leaves no trace among its notifications.
  const devices = await rtnetlink.dump({ object: 'link' });
  await removeLeftovers(rtnetlink, devices);
  const isOurs = (name: string) =>
    devices.some((link) => link.name === name && link.alias === UNDERLAY_ALIAS);
  const ours = underlay === 'ipv6' ? [GRE_DEVICE, PES_DEVICE] : [GRE_DEVICE, UDP_DEVICE, FOU_DEVICE];
  if (!ours.every(isOurs)) {
    // The kernel has room for one.
    const hasExternal = devices.some(({ name, info }) => name === GRE_DEVICE && info?.kind === 'ip6gre');
    await probeDevices(rtnetlink, sysctl, { underlay, hasExternal }, miss);
  }
  miss(features.nft, nft === undefined ? undefined : await probeNft(nft));
  return missing;
}

/** Scratch devices of a probe that was killed: while theirs is there, the kernel refuses another tunnel with the same local address. */
async function removeLeftovers(rtnetlink: Rtnetlink, devices: readonly Link[]): Promise<void> {
  const leftovers = devices.flatMap(({ name }): Request[] =>
    name !== undefined && scratchName.test(name) ? [{ op: 'delete', object: { object: 'link', name } }] : [],
  );
  if (leftovers.length > 0) await rtnetlink.execute(leftovers);
}

async function probeDevices(
  rtnetlink: Rtnetlink,
  sysctl: Sysctl,
  { underlay, hasExternal }: { readonly underlay: AddressFamily; readonly hasExternal: boolean },
  miss: (feature: Feature, reason: string | undefined) => void,
): Promise<void> {
  const scratch = new Scratch(rtnetlink);
  try {
    // Its presence says that the module is loaded; to try would leave the kernel's rule behind.
    if ((await sysctl.get(sysctlKeys.vrfStrictMode)) === undefined) {
      miss(features.vrf, (await scratch.addDevice({ kind: 'vrf', table: LAST_NEXTHOP_ID })).error?.message);
    }
    const base = await scratch.addDevice({ kind: 'dummy' });
    if ((await sysctl.get(sysctlKeys.mplsPlatformLabels)) === undefined) {
      miss(features.mpls, await probeLabel(scratch, base.index));
    }
    miss(features.filters, await probeFilters(scratch, base.index));
    if (underlay === 'ipv6') {
      if (hasExternal) return;
      const ends = { external: true, local: parseIpAddress('::'), ttl: TUNNEL_TTL } as const;
      miss(features.ip6gre, (await scratch.addDevice({ kind: 'ip6gre', ...ends })).error?.message);
      return;
    }
    const local = parseIpAddress('127.0.0.1');
    miss(features.gre, (await scratch.addDevice({ kind: 'gre', local, ttl: TUNNEL_TTL })).error?.message);
    // To ask for the family loads the module.
    await rtnetlink.dump({ object: 'fou' });
    const encap = { type: 'fou', sourcePort: 0, destinationPort: MPLS_IN_UDP_PORT, csum: false } as const;
    const fou = await scratch.addDevice({ kind: 'ipip', mode: 'mplsip', local, ttl: TUNNEL_TTL, encap });
    miss(features.fou, fou.error?.message);
  } finally {
    await scratch.clear();
  }
}

async function probeNexthops(sysctl: Sysctl): Promise<string | undefined> {
  const mode = await sysctl.get(sysctlKeys.nexthopCompatMode);
  return mode === undefined ? 'no net/ipv4/nexthop_compat_mode' : undefined;
}

/** A nexthop with a label makes the kernel load both MPLS modules. */
async function probeLabel(scratch: Scratch, device: number | undefined): Promise<string | undefined> {
  if (device === undefined) return 'not tried: no scratch device';
  const error =
    (await scratch.try('set', { object: 'link', index: device, up: true })) ??
    (await scratch.add({
      object: 'nexthop',
      id: LAST_NEXTHOP_ID,
      family: 'ipv6',
      protocol: FORWARDER_PROTOCOL,
      device,
      gateway: parseIpAddress('fe80::1'),
      onlink: true,
      encapLabels: [parseLabel(16)],
    }));
  return error?.message;
}

async function probeFilters(scratch: Scratch, index: number | undefined): Promise<string | undefined> {
  if (index === undefined) return 'not tried: no scratch device';
  const error =
    (await scratch.try('add', { object: 'qdisc', index, kind: 'clsact' })) ??
    (await scratch.try('add', {
      object: 'filter',
      index,
      hook: 'egress',
      priority: FILTER_PRIORITY,
      protocol: MPLS_ETHERTYPE,
      handle: 1,
      match: {
        kind: 'flower',
        destinationMac: parseMac('02:00:00:00:00:01'),
        tunnel: {
          source: parseIpAddress('127.0.0.1'),
          destination: parseIpAddress('127.0.0.2'),
          csum: false,
        },
        redirect: index,
      },
    }));
  return error?.message;
}

async function probeNft(nft: Nft): Promise<string | undefined> {
  try {
    await nft.list(`inet ${GUARD_TABLE}`);
    return undefined;
  } catch (error) {
    if (error instanceof ReconcilerError) return error.message;
    throw error;
  }
}

/** What Scratch calls its devices. */
const scratchName = /^hpe\d+-\d+$/;

/** Objects that are made only to see whether they can be, and deleted in the end. */
class Scratch {
  readonly #rtnetlink: Rtnetlink;
  #made: KernelObject[] = [];
  #count = 0;

  constructor(rtnetlink: Rtnetlink) {
    this.#rtnetlink = rtnetlink;
  }

  async addDevice(info: LinkInfo): Promise<{ readonly index?: number; readonly error?: RtnetlinkError }> {
    // At most 15 characters; the process id keeps two probes apart.
    const name = `hpe${process.pid}-${this.#count++}`;
    const error = await this.add({ object: 'link', name, info }, { object: 'link', name });
    if (error !== undefined) return { error };
    const index = (await this.#rtnetlink.dump({ object: 'link' })).find((link) => link.name === name)?.index;
    return index === undefined ? {} : { index };
  }

  /** @param key what to delete it by. Noted before it is made: the door may break in between. */
  async add(object: KernelObject, key = object): Promise<RtnetlinkError | undefined> {
    this.#made.unshift(key);
    const error = await this.try('add', object);
    if (error !== undefined) this.#made = this.#made.filter((other) => other !== key);
    return error;
  }

  async try(op: 'add' | 'set', object: KernelObject): Promise<RtnetlinkError | undefined> {
    return (await this.#rtnetlink.execute([{ op, object }]))[0];
  }

  async clear(): Promise<void> {
    if (this.#made.length > 0) {
      await this.#rtnetlink.execute(this.#made.map((object) => ({ op: 'delete', object })));
    }
  }
}

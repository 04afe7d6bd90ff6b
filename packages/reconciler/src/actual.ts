// What is in the kernel now: one read of all that the reconciler looks at, split into devices and forwarding state, as the second is
// read again only after the first changed. Reads only.
import type {
  Address,
  Filter,
  FouPort,
  IpRoute,
  Link,
  MplsRoute,
  Neighbour,
  Nexthop,
  Qdisc,
  Rtnetlink,
  Rule,
  Sysctl,
  SysctlValue,
} from '@hostpe/rtnetlink';
import type { DesiredState } from './desired.ts';
import { readSysctls } from './host.ts';
import { FORWARDER_PROTOCOL, GRE_DEVICE, UDP_DEVICE } from './layout.ts';

export interface Devices {
  readonly links: ReadonlyMap<string, Link>;
  readonly byIndex: ReadonlyMap<number, Link>;
  /** By device index. */
  readonly addresses: ReadonlyMap<number, readonly Address[]>;
  readonly rules: readonly Rule[];
  readonly fouPorts: readonly FouPort[];
  /** Of the UDP device. */
  readonly qdiscs: readonly Qdisc[];
  /** By path; a path that does not exist has no entry. */
  readonly sysctls: ReadonlyMap<string, SysctlValue>;
}

export interface Forwarding {
  /** Of the GRE and the UDP device. */
  readonly neighbours: readonly Neighbour[];
  /** At the UDP device's egress. */
  readonly filters: readonly Filter[];
  readonly nexthops: readonly Nexthop[];
  /** IPv4 and IPv6 routes of our protocol, in all tables. */
  readonly routes: readonly IpRoute[];
  /** Label routes of our protocol. */
  readonly labelRoutes: readonly MplsRoute[];
}

export async function readDevices(
  rtnetlink: Rtnetlink,
  sysctl: Sysctl,
  desired: DesiredState,
): Promise<Devices> {
  const links = await rtnetlink.dump({ object: 'link' });
  const named = new Map(links.flatMap((link) => (link.name === undefined ? [] : [[link.name, link]])));
  const addresses = new Map<number, Address[]>();
  for (const address of await rtnetlink.dump({ object: 'address' })) {
    const list = addresses.get(address.index);
    if (list === undefined) addresses.set(address.index, [address]);
    else list.push(address);
  }
  const udp = named.get(UDP_DEVICE)?.index;
  return {
    links: named,
    byIndex: new Map(links.flatMap((link) => (link.index === undefined ? [] : [[link.index, link]]))),
    addresses,
    rules: [
      ...(await rtnetlink.dump({ object: 'rule', family: 'ipv4' })),
      ...(await rtnetlink.dump({ object: 'rule', family: 'ipv6' })),
    ],
    fouPorts: await rtnetlink.dump({ object: 'fou' }),
    qdiscs: udp === undefined ? [] : await rtnetlink.dump({ object: 'qdisc', index: udp }),
    sysctls: await readSysctls(desired, named, sysctl),
  };
}

export async function readForwarding(rtnetlink: Rtnetlink, devices: Devices): Promise<Forwarding> {
  const gre = devices.links.get(GRE_DEVICE)?.index;
  const udp = devices.links.get(UDP_DEVICE)?.index;
  const neighbours: Neighbour[] = [];
  for (const index of [gre, udp]) {
    if (index !== undefined)
      neighbours.push(...(await rtnetlink.dump({ object: 'neighbour', index, family: 'ipv6' })));
  }
  const hasHook = udp !== undefined && devices.qdiscs.some((qdisc) => qdisc.kind === 'clsact');
  const ours = { object: 'route', protocol: FORWARDER_PROTOCOL } as const;
  return {
    neighbours,
    filters: hasHook ? await rtnetlink.dump({ object: 'filter', index: udp, hook: 'egress' }) : [],
    nexthops: await rtnetlink.dump({ object: 'nexthop' }),
    routes: [
      ...(await rtnetlink.dump({ ...ours, family: 'ipv4' })),
      ...(await rtnetlink.dump({ ...ours, family: 'ipv6' })),
    ],
    labelRoutes: await rtnetlink.dump({ ...ours, family: 'mpls' }),
  };
}

/** All IPv4 and IPv6 routes of a table, whoever made them. */
export async function readTable(rtnetlink: Rtnetlink, table: number): Promise<readonly IpRoute[]> {
  return [
    ...(await rtnetlink.dump({ object: 'route', family: 'ipv4', table })),
    ...(await rtnetlink.dump({ object: 'route', family: 'ipv6', table })),
  ];
}

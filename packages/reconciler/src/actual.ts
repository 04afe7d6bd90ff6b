// What is in the kernel now: reads of what a pass looks at, devices apart from what forwards over them. Reads only.
import type {
  Address,
  Filter,
  FouPort,
  IpRoute,
  Link,
  MplsRoute,
  Neighbour,
  Qdisc,
  Rtnetlink,
  Rule,
  Sysctl,
  SysctlValue,
} from '@hostpe/rtnetlink';
import type { DesiredState } from './desired.ts';
import { readSysctls } from './host.ts';
import { FORWARDER_PROTOCOL, filterDevice, GRE_DEVICE } from './layout.ts';
import { ARP_ANSWERS_TABLE } from './multipoint.ts';
import { readAdvertised } from './router-advertisements.ts';

export interface Devices {
  readonly links: ReadonlyMap<string, Link>;
  readonly byIndex: ReadonlyMap<number, Link>;
  /** By device index. */
  readonly addresses: ReadonlyMap<number, readonly Address[]>;
  readonly rules: readonly Rule[];
  readonly fouPorts: readonly FouPort[];
  /** Of the table that answers ARP queries are looked up in. */
  readonly arpAnswers: readonly IpRoute[];
  /** Of the device whose filters pick the remote PE. */
  readonly qdiscs: readonly Qdisc[];
  /** By path; a path that does not exist has no entry. */
  readonly sysctls: ReadonlyMap<string, SysctlValue>;
  /** See readAdvertised. */
  readonly advertised: ReadonlySet<string>;
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
  const picking = named.get(filterDevice(desired.underlay.address))?.index;
  return {
    links: named,
    byIndex: new Map(links.flatMap((link) => (link.index === undefined ? [] : [[link.index, link]]))),
    addresses,
    rules: [
      ...(await rtnetlink.dump({ object: 'rule', family: 'ipv4' })),
      ...(await rtnetlink.dump({ object: 'rule', family: 'ipv6' })),
    ],
    arpAnswers: await rtnetlink.dump({ object: 'route', family: 'ipv4', table: ARP_ANSWERS_TABLE }),
    fouPorts: await rtnetlink.dump({ object: 'fou' }),
    qdiscs: picking === undefined ? [] : await rtnetlink.dump({ object: 'qdisc', index: picking }),
    sysctls: await readSysctls(desired, named, sysctl),
    advertised: await readAdvertised(rtnetlink, sysctl, named),
  };
}

/** What there is for remote PEs: the neighbours of the devices that nexthops lead to, and the filters at the egress of the one that has them. */
export async function readPeObjects(
  rtnetlink: Rtnetlink,
  desired: DesiredState,
  devices: Devices,
): Promise<{ readonly neighbours: readonly Neighbour[]; readonly filters: readonly Filter[] }> {
  const gre = devices.links.get(GRE_DEVICE)?.index;
  const picking = devices.links.get(filterDevice(desired.underlay.address))?.index;
  const neighbours: Neighbour[] = [];
  for (const index of [gre, picking]) {
    if (index !== undefined)
      neighbours.push(...(await rtnetlink.dump({ object: 'neighbour', index, family: 'ipv6' })));
  }
  const hasHook = picking !== undefined && devices.qdiscs.some((qdisc) => qdisc.kind === 'clsact');
  return {
    neighbours,
    filters: hasHook ? await rtnetlink.dump({ object: 'filter', index: picking, hook: 'egress' }) : [],
  };
}

/** Label routes of our protocol. */
export async function readLabelRoutes(rtnetlink: Rtnetlink): Promise<readonly MplsRoute[]> {
  return await rtnetlink.dump({ object: 'route', family: 'mpls', protocol: FORWARDER_PROTOCOL });
}

/** All IPv4 and IPv6 routes of a table, whoever made them. */
export async function readTable(rtnetlink: Rtnetlink, table: number): Promise<readonly IpRoute[]> {
  return [
    ...(await rtnetlink.dump({ object: 'route', family: 'ipv4', table })),
    ...(await rtnetlink.dump({ object: 'route', family: 'ipv6', table })),
  ];
}

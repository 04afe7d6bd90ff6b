// What should be in the kernel and in the guard, straight from the wishes and the state of the interfaces, and what is there, in the same words.
// Knows nothing of how the reconciler plans.
import type { IpPrefix } from '@hostpe/net';
import type { Link } from '@hostpe/rtnetlink';
import type { Host } from './host.ts';
import { contentText, isOurs, routesByPlace } from './kernel-view.ts';
import type { Watch } from './watch.ts';
import { interfaces, ownPe, textOf, type WantedVpn, type Wishes } from './wishes.ts';

const gatewayMac = '00:00:5e:00:01:01';
const guardSets = [
  'vrfs',
  'attachments',
  'sources_ipv4',
  'sources_ipv6',
  'mac_checked',
  'macs',
  'pes',
  'allowed_pes',
];

export type Picture = Readonly<Record<string, unknown>>;

/** Routes that are kept as nothing is known of them yet: those of incomplete VPNs alone. `TABLE PREFIX` to what they lead to. */
export type Kept = ReadonlyMap<string, string>;

/** The routes of incomplete VPNs that no wish is known of. */
export function keptRoutes(wishes: Wishes, watch: Watch): Kept {
  const kept = new Map<string, string>();
  const incomplete = new Map(
    [...wishes.vpns.values()].filter((vpn) => !vpn.complete).map((vpn) => [vpn.table, vpn]),
  );
  for (const [place, content] of routesByPlace(watch.view)) {
    const [table, prefix] = place.split(' ') as [string, IpPrefix];
    if (incomplete.get(Number(table))?.wanted.has(prefix) === false) kept.set(place, content);
  }
  return kept;
}

/** What there should be, given the interfaces as they are and the routes that are kept. */
export function expected(host: Host, wishes: Wishes, kept: Kept): Picture {
  const links = new Map(host.kernel.objects({ object: 'link' }).map((link) => [link.name ?? '', link]));
  const routes = new Map(kept);
  const pes = new Set<string>();
  for (const vpn of wishes.vpns.values()) {
    for (const [prefix, nexthops] of vpn.wanted) {
      const members = nexthops.filter(
        (one) => one.kind === 'remote' || isReachable(one.interface, wishes, links),
      );
      if (members.length > 0) routes.set(`${vpn.table} ${prefix}`, contentText(members.map(textOf)));
      for (const one of nexthops) if (one.kind === 'remote') pes.add(one.pe);
    }
  }
  const members = new Set([...routes.values()].flatMap((content) => content.split(' + ')));
  const remotes = [...members].filter((member) => !member.startsWith('local'));
  const neighbours = new Set(remotes.map((member) => member.split(' ').slice(0, 2).join(' ')));
  for (const neighbour of neighbours) pes.add(neighbour.split(' ')[1] ?? '');
  const vpns = [...wishes.vpns.values()];
  const attachments = vpns.flatMap((vpn) => [...vpn.attachments.values()].map((one) => ({ vpn, ...one })));
  const there = attachments.filter((one) => links.has(one.interface));
  const sources = (family: 'ipv4' | 'ipv6') =>
    attachments.flatMap((one) =>
      one.addresses
        .filter((address) => address.includes(':') === (family === 'ipv6'))
        .map((address) => `${one.interface} . ${address.split('/')[0]}`),
    );
  const checked = attachments.filter(({ mac }) => mac !== undefined);
  return {
    routes: sortedEntries(routes),
    // Groups too; a group of one is as good as its member.
    nexthops: [...new Set(routes.values())]
      .concat([...members])
      .filter(isFirst)
      .sort(),
    neighbours: [...neighbours]
      .map((key) => `${key} ${key.startsWith('gre') ? key.split(' ')[1] : macOf(key.split(' ')[1] ?? '')}`)
      .sort(),
    filters: [...neighbours]
      .filter((key) => key.startsWith('udp'))
      .map((key) => `${ownPe} to ${key.split(' ')[1]} by hostpe-fou`)
      .sort(),
    labels: there
      .map(
        (one) =>
          `${one.label} by ${one.interface} via ${(one.addresses.find((a) => !a.includes(':')) ?? one.addresses[0] ?? '').split('/')[0]}`,
      )
      .sort(),
    defaults: vpns.flatMap(({ table }) => [`${table} 0.0.0.0/0`, `${table} ::/0`]).sort(),
    vrfs: vpns.map(({ name, device, table }) => `${device} of ${name} table ${table} up`).sort(),
    members: Object.fromEntries(
      interfaces
        .filter((name) => links.has(name))
        .map((name) => [name, wishes.vpnOf(name)?.device ?? 'nothing']),
    ),
    devices: ['hostpe-fou up', 'hostpe-gre up', 'hostpe-udp up'],
    rules: ['ipv4', 'ipv6'].flatMap((family) => [
      ...(vpns.length > 0 ? [`${family} 1000 vrf`] : []),
      `${family} 32765 local`,
    ]),
    unused: [],
    arpAnswers: attachments.some(({ multipoint }) => multipoint === true) ? ['16000 by hostpe-udp'] : [],
    marks: vpns.map(({ table }) => `ipv6 mark ${0x68700000 + table - 16000} lookup ${table}`).sort(),
    reports: Object.fromEntries(attachments.map((one) => [one.interface, reportOf(one.interface, links)])),
    guard: {
      vrfs: vpns.map(({ device }) => device).sort(),
      attachments: attachments.map((one) => one.interface).sort(),
      sources_ipv4: sources('ipv4').sort(),
      sources_ipv6: sources('ipv6').sort(),
      mac_checked: checked.map((one) => one.interface).sort(),
      macs: checked.map((one) => `${one.interface} . ${one.mac}`).sort(),
      pes: [...pes].sort(),
      allowed_pes: wishes.allowed.map((prefix) => prefix.replace('/32', '')).sort(),
    },
    sysctls: [],
  };
}

/** What there is. */
export function found(host: Host, wishes: Wishes, watch: Watch): Picture {
  const { kernel, nft } = host;
  const { view } = watch;
  view.stale();
  const links = kernel.objects({ object: 'link' });
  const udp = links.find(({ name }) => name === 'hostpe-udp')?.index;
  const vpns = [...wishes.vpns.values()];
  const rules = (['ipv4', 'ipv6'] as const).flatMap((family) => kernel.objects({ object: 'rule', family }));
  const ours = [...view.nexthops().values()].filter(isOurs);
  const used = new Set([...view.routes()].map(({ nexthopId }) => nexthopId));
  for (const { group = [] } of view.nexthops().values()) for (const { id } of group) used.add(id);
  return {
    routes: sortedEntries(routesByPlace(view)),
    nexthops: ours
      .map(({ id }) => contentText(view.members(id) ?? []))
      .filter(isFirst)
      .sort(),
    arpAnswers: kernel
      .objects({ object: 'route', family: 'ipv4', table: 16000 })
      .map(({ table, device }) => `${table} by ${view.name(device)}`),
    unused: ours.flatMap((one) => (used.has(one.id) ? [] : [view.text(one)])),
    neighbours: [...view.neighbours()].map(([key, address]) => `${key} ${address}`).sort(),
    filters: kernel
      .objects({ object: 'filter', index: udp ?? 0, hook: 'egress' })
      .flatMap(({ match, priority }) =>
        priority === 10 && match.kind === 'flower'
          ? [`${match.tunnel.source} to ${match.tunnel.destination} by ${view.name(match.redirect)}`]
          : [],
      )
      .sort(),
    labels: kernel
      .objects({ object: 'route', family: 'mpls', protocol: 200 })
      .map((route) =>
        route.family === 'mpls' ? `${route.label} by ${view.name(route.device)} via ${route.via}` : '',
      )
      .sort(),
    defaults: (['ipv4', 'ipv6'] as const)
      .flatMap((family) => kernel.objects({ object: 'route', family, protocol: 200 }))
      .flatMap(({ type, table, prefix }) => (type === 'unreachable' ? [`${table} ${prefix}`] : []))
      .sort(),
    vrfs: links
      .flatMap(({ name, info, alias = '', up }) =>
        info?.kind === 'vrf'
          ? [`${name} of ${alias.replace('hostpe vpn ', '')} table ${info.table} ${up ? 'up' : 'down'}`]
          : [],
      )
      .sort(),
    members: Object.fromEntries(
      interfaces.flatMap((name) => {
        const link = links.find((one) => one.name === name);
        return link === undefined
          ? []
          : [[name, link.master === undefined ? 'nothing' : view.name(link.master)]];
      }),
    ),
    devices: links
      .flatMap(({ name = '', up, alias }) =>
        name.startsWith('hostpe-') && alias === 'hostpe underlay' ? [`${name} ${up ? 'up' : 'down'}`] : [],
      )
      .sort(),
    rules: rules
      .flatMap(({ family, priority, l3mdev, table }) =>
        l3mdev === true && vpns.length > 0
          ? [`${family} ${priority} vrf`]
          : table === 255
            ? [`${family} ${priority} local`]
            : [],
      )
      .sort(),
    marks: rules
      .flatMap(({ family, mark, table }) =>
        mark === undefined || mark.value < 0x68700000 ? [] : [`${family} mark ${mark.value} lookup ${table}`],
      )
      .filter((text) => !text.startsWith('ipv4'))
      .sort(),
    reports: Object.fromEntries(
      [...(host.report?.attachments ?? [])].map(([name, { state }]) => [name, state]),
    ),
    guard: Object.fromEntries(guardSets.map((set) => [set, nft.elements('inet hostpe', set)])),
    sysctls: wrongSysctls(host, vpns, links),
  };
}

/** Whether packets can be sent to the machine: someone wants it, and there is a cable to it. */
function isReachable(interface_: string, wishes: Wishes, links: ReadonlyMap<string, Link>): boolean {
  return wishes.vpnOf(interface_) !== undefined && reportOf(interface_, links) === 'ready';
}

function reportOf(interface_: string, links: ReadonlyMap<string, Link>): string {
  const link = links.get(interface_);
  if (link === undefined) return 'absent';
  return link.up === true && link.carrier === true ? 'ready' : 'down';
}

/** What of an attached interface is not as it must be, sysctls and addresses alike. */
function wrongSysctls(host: Host, vpns: readonly WantedVpn[], links: readonly Link[]): string[] {
  const { sysctl } = host.kernel;
  const wrong: string[] = [];
  const check = (path: string, value: number) => {
    if (sysctl.number(path) !== value) wrong.push(`${path} = ${sysctl.number(path)}`);
  };
  for (const device of ['hostpe-gre', 'hostpe-fou']) check(`net/mpls/conf/${device}/input`, 1);
  check('net/ipv4/ip_forward', 1);
  check('net/ipv4/nexthop_compat_mode', 0);
  if (vpns.length > 0) check('net/vrf/strict_mode', 1);
  const addresses = host.kernel.objects({ object: 'address' });
  for (const { attachments } of vpns) {
    for (const { interface: name, multipoint } of attachments.values()) {
      const link = links.find((one) => one.name === name);
      if (link === undefined) continue;
      check(`net/mpls/conf/${name}/input`, 0);
      check(`net/ipv4/conf/${name}/proxy_arp`, multipoint === true ? 1 : 0);
      if (link.address !== gatewayMac) wrong.push(`${name} has ${link.address}`);
      if (link.up !== true) continue;
      for (const address of ['169.254.1.1', 'fe80::1'])
        if (!addresses.some((one) => one.index === link.index && one.address === address))
          wrong.push(`${name} has no ${address}`);
    }
  }
  return wrong;
}

function macOf(pe: string): string {
  return ['02', '00', ...pe.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))].join(':');
}

function isFirst<T>(one: T, at: number, list: readonly T[]): boolean {
  return list.indexOf(one) === at;
}

function sortedEntries(map: ReadonlyMap<string, string>): readonly string[] {
  return [...map].map(([place, content]) => `${place} > ${content}`).sort();
}

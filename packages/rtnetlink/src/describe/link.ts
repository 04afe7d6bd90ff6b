// Links in the words of `ip link`.
import type { Operation } from '../kernel.ts';
import type { BridgeInfo, GreInfo, Ip6GreInfo, Ip6TunnelInfo, IpipInfo, Link, LinkInfo } from '../objects.ts';
import { pair, type Word } from './words.ts';

export function linkWords(link: Link, op: Operation | undefined): Word[] {
  const named = link.name ?? (link.index === undefined ? undefined : `if${link.index}`);
  return [
    op === 'set' ? 'dev' : op === 'add' && 'name',
    link.index !== undefined && op !== undefined ? `if${link.index}` : named,
    link.index !== undefined && op !== undefined && link.name !== undefined && `name ${link.name}`,
    ...pair('link', link.link === undefined ? undefined : `if${link.link}`),
    link.up !== undefined && (link.up ? 'up' : 'down'),
    ...pair('mtu', link.mtu),
    ...(link.master === 0
      ? ['nomaster']
      : pair('master', link.master === undefined ? undefined : `if${link.master}`)),
    ...pair('address', link.address),
    ...pair('alias', link.alias === undefined ? undefined : JSON.stringify(link.alias)),
    ...(link.info === undefined ? [] : infoWords(link.info)),
  ];
}

function infoWords(info: LinkInfo): Word[] {
  switch (info.kind) {
    case 'vrf':
      return ['type vrf table', info.table];
    case 'dummy':
      return ['type dummy'];
    case 'veth':
      return ['type veth', ...pair('peer name', info.peer)];
    case 'gre':
      return [
        'type gre',
        ...ends(info),
        ...pair('key', info.key),
        info.pathMtuDiscovery === false && 'nopmtudisc',
        ...encapWords(info),
      ];
    case 'ip6gre':
      return [
        'type ip6gre',
        info.external === true && 'external',
        ...ends(info),
        ...pair('key', info.key),
        ...encapLimit(info),
        ...encapWords(info),
      ];
    case 'ipip':
      return ['type ipip mode', info.mode, ...ends(info), ...encapWords(info)];
    case 'ip6tnl':
      return ['type ip6tnl mode', info.mode, ...ends(info), ...encapLimit(info), ...encapWords(info)];
    case 'vlan':
      return ['type vlan', ...pair('protocol', info.protocol), 'id', info.id];
    case 'bridge':
      return ['type bridge', ...bridgeWords(info)];
    case 'other':
      return ['type', info.name];
  }
}

type Tunnel = GreInfo | Ip6GreInfo | IpipInfo | Ip6TunnelInfo;

function isOverIpv6({ kind }: Tunnel): boolean {
  return kind === 'ip6gre' || kind === 'ip6tnl';
}

function ends(info: Tunnel): Word[] {
  const ttl = isOverIpv6(info) ? 'hoplimit' : 'ttl';
  return ['local', info.local, ...pair('remote', info.remote), ttl, info.ttl];
}

function encapLimit(info: Ip6GreInfo | Ip6TunnelInfo): Word[] {
  return ['encaplimit', info.encapLimit ?? 'none'];
}

function encapWords(info: Tunnel): Word[] {
  const { encap } = info;
  if (encap === undefined) return [];
  return [
    'encap fou encap-sport',
    encap.sourcePort === 0 ? 'auto' : encap.sourcePort,
    'encap-dport',
    encap.destinationPort,
    encap.csum && (isOverIpv6(info) ? 'encap-udp6-csum' : 'encap-csum'),
  ];
}

function bridgeWords(info: BridgeInfo): Word[] {
  return [
    ...pair('forward_delay', info.forwardDelay),
    ...pair('ageing_time', info.ageingTime),
    ...pair('stp_state', bit(info.stp)),
    ...pair('vlan_filtering', bit(info.vlanFiltering)),
  ];
}

function bit(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

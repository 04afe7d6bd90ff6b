// Requests and objects in iproute2's words, for logs and errors: what one would type to do the same. A device is its index, `if7`,
// as iproute2 writes one whose name it does not know.
import type { IpAddress, MacAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import { isMac } from './codec/link-layer-address.ts';
import type { DumpFilter, Request } from './kernel.ts';
import type {
  Filter,
  IpRoute,
  KernelObject,
  Link,
  LinkInfo,
  MplsRoute,
  Neighbour,
  Nexthop,
  Qdisc,
  Rule,
} from './objects.ts';

type Word = string | number | false | undefined;

/** For example `route replace 10.1.0.2/32 table 1001 nhid 1761607681 proto 200`; without the operation where an object is given. */
export function describe(what: Request | KernelObject): string {
  return 'op' in what ? words(what.object, what.op) : words(what, undefined);
}

/** For example `-6 route show table 1001`. */
export function describeDump(filter: DumpFilter): string {
  switch (filter.object) {
    case 'route':
      return join(
        familyOption(filter.family),
        'route show',
        ...pair('table', filter.table),
        ...pair('proto', filter.protocol),
      );
    case 'rule':
      return join(familyOption(filter.family), 'rule show');
    case 'qdisc':
      return join('qdisc show', device(filter.index));
    case 'filter':
      return join('filter show', device(filter.index), filter.hook);
    case 'neighbour':
      return join('neighbour show', filter.index !== undefined && device(filter.index));
    default:
      return join(filter.object, 'show');
  }
}

function words(object: KernelObject, op: Request['op'] | undefined): string {
  switch (object.object) {
    case 'link':
      return join('link', op, ...linkWords(object, op));
    case 'address':
      return join(
        'address',
        op,
        `${object.address}/${object.prefixLength}`,
        device(object.index),
        object.noDad && 'nodad',
      );
    case 'neighbour':
      return join('neighbour', op, ...neighbourWords(object));
    case 'route':
      return object.family === 'mpls' ? mplsRoute(object, op) : ipRoute(object, op);
    case 'nexthop':
      return join('nexthop', op, ...nexthopWords(object));
    case 'rule':
      return join(familyOption(object.family), 'rule', op, ...ruleWords(object));
    case 'qdisc':
      return join('qdisc', op, ...qdiscWords(object));
    case 'filter':
      return join('filter', op, ...filterWords(object));
    case 'fou':
      return join(
        'fou',
        op,
        'port',
        object.port,
        'ipproto',
        object.protocol,
        object.family === 'ipv6' && '-6',
      );
  }
}

function linkWords(link: Link, op: Request['op'] | undefined): Word[] {
  const named = link.name ?? (link.index === undefined ? undefined : `if${link.index}`);
  return [
    op === 'set' ? 'dev' : op === 'add' && 'name',
    link.index !== undefined && op !== undefined ? `if${link.index}` : named,
    link.index !== undefined && op !== undefined && link.name !== undefined && `name ${link.name}`,
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
      return ['type gre local', info.local, ...pair('remote', info.remote), 'ttl', info.ttl];
    case 'ipip':
      return [
        'type ipip mode mplsip local',
        info.local,
        ...pair('remote', info.remote),
        'ttl',
        info.ttl,
        info.encap &&
          join(
            'encap fou encap-sport',
            info.encap.sourcePort === 0 ? 'auto' : info.encap.sourcePort,
            'encap-dport',
            info.encap.destinationPort,
            info.encap.csum && 'encap-csum',
          ),
      ];
    case 'other':
      return ['type', info.name];
  }
}

function neighbourWords(neighbour: Neighbour): Word[] {
  return [
    neighbour.address,
    ...pair('lladdr', neighbour.linkLayerAddress),
    device(neighbour.index),
    'nud',
    neighbour.state,
  ];
}

function ipRoute(route: IpRoute, op: Request['op'] | undefined): string {
  return join(
    'route',
    op,
    route.type !== undefined && route.type !== 'unicast' && route.type,
    route.prefix,
    'table',
    route.table,
    ...pair('nhid', route.nexthopId),
    ...(route.gateway === undefined ? [] : via(route.gateway, route.family)),
    route.device !== undefined && device(route.device),
    ...pair('proto', route.protocol),
    ...pair('metric', route.metric),
  );
}

function mplsRoute(route: MplsRoute, op: Request['op'] | undefined): string {
  return join(
    '-f mpls route',
    op,
    route.label,
    ...(route.newLabels === undefined ? [] : ['as', route.newLabels.join('/')]),
    ...(route.via === undefined ? [] : via(route.via, undefined)),
    device(route.device),
    ...pair('proto', route.protocol),
  );
}

function nexthopWords(nexthop: Nexthop): Word[] {
  const members = nexthop.group?.map(({ id, weight }) => (weight === 1 ? `${id}` : `${id},${weight}`));
  return [
    'id',
    nexthop.id,
    ...pair('group', members?.join('/')),
    nexthop.blackhole && 'blackhole',
    ...pair('encap mpls', nexthop.encapLabels?.join('/')),
    ...pair('via', nexthop.gateway),
    nexthop.device !== undefined && device(nexthop.device),
    nexthop.onlink && 'onlink',
    ...pair('proto', nexthop.protocol),
  ];
}

function ruleWords(rule: Rule): Word[] {
  return ['pref', rule.priority, rule.l3mdev === true ? 'l3mdev' : `table ${rule.table}`];
}

function qdiscWords(qdisc: Qdisc): Word[] {
  return [device(qdisc.index), qdisc.kind];
}

function filterWords(filter: Filter): Word[] {
  const { match } = filter;
  return [
    device(filter.index),
    filter.hook,
    'protocol',
    `0x${filter.protocol.toString(16)}`,
    'pref',
    filter.priority,
    'handle',
    `0x${filter.handle.toString(16)}`,
    ...(match.kind === 'other'
      ? [match.name]
      : [
          'flower dst_mac',
          match.destinationMac,
          'action tunnel_key set src_ip',
          match.tunnel.source,
          'dst_ip',
          match.tunnel.destination,
          match.tunnel.csum ? 'csum' : 'nocsum',
          'action mirred egress redirect',
          device(match.redirect),
        ]),
  ];
}

function via(gateway: IpAddress | MacAddress, family: 'ipv4' | 'ipv6' | undefined): Word[] {
  if (isMac(gateway)) return ['via link', gateway];
  const own = addressFamily(gateway);
  if (own === family) return ['via', gateway];
  return ['via', own === 'ipv6' ? 'inet6' : 'inet', gateway];
}

function device(index: number): string {
  return `dev if${index}`;
}

function familyOption(family: 'ipv4' | 'ipv6' | 'mpls'): Word {
  return family === 'ipv4' ? undefined : family === 'ipv6' ? '-6' : '-f mpls';
}

function pair(keyword: string, value: string | number | undefined): Word[] {
  return value === undefined ? [] : [keyword, value];
}

function join(...all: Word[]): string {
  return all.filter((word) => word !== undefined && word !== false).join(' ');
}

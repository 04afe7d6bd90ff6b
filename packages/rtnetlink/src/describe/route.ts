// Routes in the words of `ip route` and `ip -f mpls route`.
import type { Operation } from '../kernel.ts';
import type { IpRoute, MplsNexthop, MplsRoute, Route, RouteMetrics, RouteNexthop } from '../objects.ts';
import { encapWords } from './encap.ts';
import { device, join, pair, via, type Word } from './words.ts';

export function describeRoute(route: Route, op: Operation | undefined): string {
  return route.family === 'mpls' ? mplsRoute(route, op) : ipRoute(route, op);
}

function ipRoute(route: IpRoute, op: Operation | undefined): string {
  const { family, multipath = [] } = route;
  return join(
    'route',
    op,
    route.type !== undefined && route.type !== 'unicast' && route.type,
    route.prefix,
    'table',
    route.table,
    ...pair('nhid', route.nexthopId),
    ...legWords(route, family),
    ...pair('proto', route.protocol),
    ...pair('src', route.preferredSource),
    ...pair('metric', route.metric),
    route.onlink && 'onlink',
    ...metricsWords(route.metrics),
    ...multipath.flatMap((member) => [
      'nexthop',
      ...legWords(member, family),
      'weight',
      member.weight,
      member.onlink && 'onlink',
    ]),
  );
}

type Leg = Pick<RouteNexthop, 'device' | 'gateway' | 'encapLabels' | 'otherEncap'>;

function legWords(leg: Leg, family: IpRoute['family']): Word[] {
  return [
    ...encapWords(leg),
    ...(leg.gateway === undefined ? [] : via(leg.gateway, family)),
    leg.device !== undefined && device(leg.device),
  ];
}

function metricsWords(metrics: RouteMetrics = {}): Word[] {
  return [
    ...pair(metrics.mtuLocked === true ? 'mtu lock' : 'mtu', metrics.mtu),
    ...pair('advmss', metrics.advmss),
    ...pair('hoplimit', metrics.hopLimit),
  ];
}

function mplsRoute(route: MplsRoute, op: Operation | undefined): string {
  const { ttlPropagate, multipath = [] } = route;
  return join(
    '-f mpls route',
    op,
    route.label,
    ...mplsLegWords(route),
    ...pair('proto', route.protocol),
    ttlPropagate !== undefined && `ttl-propagate ${ttlPropagate ? 'enabled' : 'disabled'}`,
    ...multipath.flatMap((member) => ['nexthop', ...mplsLegWords(member)]),
  );
}

function mplsLegWords(leg: Pick<MplsNexthop, 'device' | 'via' | 'newLabels'>): Word[] {
  return [
    ...pair('as', leg.newLabels?.join('/')),
    ...(leg.via === undefined ? [] : via(leg.via, undefined)),
    leg.device !== 0 && device(leg.device),
  ];
}

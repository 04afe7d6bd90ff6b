// Routes and nexthops beside an independent codec; what it cannot do is in other-codec.ts.
import type { IpAddress, IpPrefix } from '@hostpe/net';
import { addressFamily, prefixAddress, prefixLength } from '@hostpe/net';
import fc from 'fast-check';
import { rt } from 'netlink';
import { describe, expect, test } from 'vitest';
import type { IpRoute, MplsRoute, Nexthop, RouteNexthop } from '../src/objects.ts';
import { ipRoute, mplsRoute, nexthop } from './arbitraries/routes.ts';
import {
  familyNumber,
  ip,
  labels,
  named,
  nested,
  number32,
  ours,
  some,
  weRead,
  written,
} from './other-codec.ts';

type Leg = Pick<RouteNexthop, 'gateway' | 'encapLabels' | 'otherEncap'>;

function encapOf({ encapLabels, otherEncap }: Leg): {
  encapType: number | undefined;
  encap: Buffer | undefined;
} {
  if (encapLabels !== undefined) return { encapType: 1, encap: nested(1, labels(encapLabels)) };
  return { encapType: otherEncap?.type, encap: otherEncap && Buffer.from(otherEncap.attributes) };
}

function legOf(leg: Leg): rt.RouteAttrs {
  return some<rt.RouteAttrs>({ gateway: ip(leg.gateway), ...encapOf(leg) });
}

const typeNumber = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;

function header(route: IpRoute): rt.Route {
  return {
    family: familyNumber[route.family],
    dstLen: prefixLength(route.prefix),
    srcLen: 0,
    tos: 0,
    table: 0,
    protocol: named(rt.RouteProtocol, route.protocol ?? 3),
    type: named(rt.RouteType, typeNumber[route.type as keyof typeof typeNumber] ?? 1),
    // RTNH_F_ONLINK, which shares a field with RTM_F_*.
    flags: route.onlink === true ? { __unknown: 4 } : {},
  };
}

function routeAttributes(route: IpRoute): rt.RouteAttrs {
  const { metrics, multipath } = route;
  const value = (number: number | undefined) => (number === undefined ? undefined : number32(number));
  return some<rt.RouteAttrs>({
    dst: ip(prefixAddress(route.prefix)),
    table: route.table,
    priority: route.metric,
    nhId: value(route.nexthopId),
    oif: route.device,
    prefsrc: ip(route.preferredSource),
    metrics:
      metrics &&
      some<rt.RouteMetrics>({
        mtu: value(metrics.mtu),
        advmss: value(metrics.advmss),
        hoplimit: value(metrics.hopLimit),
        lock: metrics.mtuLocked === true ? number32(1 << 2) : undefined,
      }),
    ...legOf(route),
    multipath: multipath && Buffer.concat(multipath.map(memberBytes)),
  });
}

function memberBytes(member: RouteNexthop): Buffer {
  const unpadded = written(rt.formatRouteAttrs(legOf(member)));
  const attributes = Buffer.concat([unpadded], (unpadded.length + 3) & ~3);
  const { flags, hops, ifindex } = memberHeader(member);
  return written(rt.formatRouteNextHop({ len: 8 + attributes.length, flags, hops, ifindex }), attributes);
}

function memberHeader(member: RouteNexthop): Required<Omit<rt.RouteNextHop, 'len'>> {
  return {
    flags: member.onlink === true ? { onlink: true } : {},
    hops: member.weight - 1,
    ifindex: member.device ?? 0,
  };
}

/** struct rtnexthop by struct rtnexthop, each with its attributes. */
function readMembers(bytes: Buffer): unknown[] {
  const all: unknown[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { len = 0, ...fields } = rt.parseRouteNextHop(bytes.subarray(at, at + 8));
    all.push([fields, rt.parseRouteAttrs(bytes.subarray(at + 8, at + len))]);
    at += (len + 3) & ~3;
  }
  return all;
}

/** Without what the other codec loses or cannot say. */
function plain<T extends Leg & { readonly unknown?: unknown }>(leg: T, family: IpRoute['family']): T {
  const { unknown: _, gateway, ...rest } = leg;
  return (gateway === undefined || addressFamily(gateway) !== family ? rest : { ...rest, gateway }) as T;
}

const plainRoute = ipRoute.map((route): IpRoute => {
  const { multipath, ...rest } = plain<IpRoute>(route, route.family);
  if (multipath === undefined) return rest;
  return { ...rest, multipath: multipath.map((member) => plain<RouteNexthop>(member, route.family)) };
});

describe('an IP route', () => {
  test('of ours is read', () => {
    fc.assert(
      fc.property(plainRoute, (route) => {
        const { type, payload } = ours(route);
        const message = rt.parseMessage(type, payload) as rt.RouteMessage;
        const { scope: _, ...fields } = message.data;
        const { multipath, ...attributes } = message.attrs;
        const { multipath: __, ...meant } = routeAttributes(route);
        expect(fields).toEqual(header(route));
        expect(attributes).toEqual(meant);
        expect(multipath && readMembers(multipath)).toEqual(
          route.multipath?.map((member) => [memberHeader(member), legOf(member)]),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('of theirs is read by us', () => {
    fc.assert(
      fc.property(plainRoute, (route) => {
        const message = { kind: 'route', data: header(route), attrs: routeAttributes(route) } as const;
        expect(
          weRead(
            rt.MessageType.NEWROUTE,
            written((out) => rt.formatRouteMessage(message, out)),
          ),
        ).toEqual(route);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a label route to a device', () => {
  const direct = mplsRoute.map(({ via: _, unknown: __, multipath: ___, ...route }) => ({
    ...route,
    device: route.device || 1,
  }));

  function message(route: MplsRoute): rt.RouteMessage {
    return {
      kind: 'route',
      data: {
        family: familyNumber.mpls,
        dstLen: 20,
        srcLen: 0,
        tos: 0,
        table: 254,
        protocol: named(rt.RouteProtocol, route.protocol ?? 3),
        scope: named(rt.RouteScope, 0),
        type: named(rt.RouteType, 1),
        flags: {},
      },
      attrs: some<rt.RouteAttrs>({
        dst: labels([route.label]),
        oif: route.device,
        newdst: route.newLabels && labels(route.newLabels),
        ttlPropagate: route.ttlPropagate === undefined ? undefined : Number(route.ttlPropagate),
      }),
    };
  }

  test('is the same to both', () => {
    fc.assert(
      fc.property(direct, (route) => {
        const { type, payload } = ours(route);
        expect(rt.parseMessage(type, payload)).toEqual(message(route));
        expect(
          weRead(
            type,
            written((out) => rt.formatRouteMessage(message(route), out)),
          ),
        ).toEqual(route);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a nexthop', () => {
  const known = nexthop
    .map(({ unknown: _, ...nexthop }) => nexthop)
    .filter(({ group }) => group === undefined || group.every(({ weight }) => weight <= 256));

  function message(nexthop: Nexthop): rt.NextHopMessage {
    const { group, resilient } = nexthop;
    return {
      kind: 'nexthop',
      data: {
        family: nexthop.family === undefined ? 0 : familyNumber[nexthop.family],
        scope: 0,
        protocol: nexthop.protocol ?? 0,
        __reserved: 0,
        flags: nexthop.onlink === true ? { onlink: true } : {},
      },
      attrs: some<rt.NextHopAttrs>({
        id: nexthop.id,
        group:
          group &&
          Buffer.concat(
            group.map(({ id, weight }) =>
              rt.formatNextHopGroup({ id, weight: weight - 1, __reserved1: 0, __reserved2: 0 }),
            ),
          ),
        groupType: resilient && named(rt.NextHopGroupType, 1),
        resGroup: resilient && some<rt.NextHopResGroup>({ ...resilient }),
        blackhole: nexthop.blackhole || undefined,
        oif: nexthop.device,
        gateway: ip(nexthop.gateway),
        ...encapOf(nexthop),
      }),
    };
  }

  test('is the same to both', () => {
    fc.assert(
      fc.property(known, (nexthop) => {
        const { type, payload } = ours(nexthop);
        expect(rt.parseMessage(type, payload)).toEqual(message(nexthop));
        expect(
          weRead(
            type,
            written((out) => rt.formatNextHopMessage(message(nexthop), out)),
          ),
        ).toEqual(nexthop);
      }),
      { numRuns: 300 },
    );
  });
});

test('a nexthop of another family is beyond the other codec, which is why there is none above', () => {
  const gateway = '::1' as IpAddress;
  const { type, payload } = ours({
    object: 'route',
    family: 'ipv4',
    table: 1,
    prefix: '10.0.0.0/8' as IpPrefix,
    gateway,
  });
  expect(() => rt.parseMessage(type, payload)).toThrow('Unexpected length for RouteVia');
});

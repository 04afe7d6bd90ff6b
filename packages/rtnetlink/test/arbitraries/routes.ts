// Random routes and nexthop objects, as requests may hold them.
import type { Label } from '@hostpe/net';
import fc from 'fast-check';
import type {
  IpRoute,
  MplsNexthop,
  MplsRoute,
  Nexthop,
  OtherEncap,
  RouteMetrics,
  RouteNexthop,
} from '../../src/objects.ts';
import {
  bytes,
  facts,
  index,
  ip,
  ipv4,
  ipv6,
  label,
  labels,
  mac,
  prefix,
  u8,
  u32,
  unknown,
} from './values.ts';

const weight = fc.integer({ min: 1, max: 256 });

/** One encapsulation, or none. */
const encapsulation: fc.Arbitrary<{ encapLabels: readonly Label[] } | { otherEncap: OtherEncap } | object> =
  fc.oneof(
    fc.constant({}),
    fc.record({ encapLabels: labels }),
    fc.record({
      // LWTUNNEL_ENCAP_IP to LWTUNNEL_ENCAP_XFRM
      otherEncap: fc.record({ type: fc.integer({ min: 2, max: 10 }), attributes: bytes }),
    }),
  );

const leg = fc
  .tuple(
    facts({ gateway: ip }, { device: index, onlink: fc.constant(true) }),
    fc.record({ device: index }, { requiredKeys: [] }),
    fc.boolean(),
    encapsulation,
  )
  .map(([by, direct, isDirect, tunnel]) => ({ ...(isDirect ? direct : by), ...tunnel }));

const member: fc.Arbitrary<RouteNexthop> = fc
  .tuple(leg, facts({ weight }, { unknown }))
  .map(([where, rest]) => ({ ...where, ...rest }));

const metrics: fc.Arbitrary<RouteMetrics> = fc
  .record(
    {
      mtu: fc.integer({ min: 0, max: 65520 }),
      mtuLocked: fc.constant(true),
      advmss: fc.integer({ min: 0, max: 65495 }),
      hopLimit: u8,
    },
    { requiredKeys: [] },
  )
  .filter((some) => Object.keys(some).length > 0);

export const ipRoute: fc.Arbitrary<IpRoute> = fc
  .constantFrom('ipv4' as const, 'ipv6' as const)
  .chain((family) =>
    fc
      .tuple(
        facts(
          {
            object: fc.constant('route' as const),
            family: fc.constant(family),
            table: u32.filter((table) => table !== 0),
            prefix: prefix(family),
            protocol: u8,
          },
          {
            metric: u32,
            type: fc.constantFrom(
              'local' as const,
              'broadcast' as const,
              'anycast' as const,
              'multicast' as const,
              'blackhole' as const,
              'unreachable' as const,
              'prohibit' as const,
              'throw' as const,
            ),
            preferredSource: family === 'ipv4' ? ipv4 : ipv6,
            metrics,
            unknown,
          },
        ),
        fc.oneof(
          fc.record({ nexthopId: u32.filter((id) => id !== 0) }, { requiredKeys: [] }),
          leg,
          fc.record({ multipath: fc.array(member, { minLength: 1, maxLength: 4 }) }),
        ),
      )
      .map(([rest, where]) => ({ ...rest, ...where })),
  );

const mplsMember: fc.Arbitrary<MplsNexthop> = facts(
  { device: index },
  { via: fc.oneof(ip, mac), newLabels: labels, unknown },
);

export const mplsRoute: fc.Arbitrary<MplsRoute> = fc
  .tuple(
    facts(
      {
        object: fc.constant('route' as const),
        family: fc.constant('mpls' as const),
        label,
        protocol: u8,
      },
      { ttlPropagate: fc.boolean(), unknown },
    ),
    fc.oneof(
      facts({ device: index }, { via: fc.oneof(ip, mac), newLabels: labels }),
      fc.record({
        device: fc.constant(0),
        multipath: fc.array(mplsMember, { minLength: 1, maxLength: 4 }),
      }),
    ),
  )
  .map(([rest, where]) => ({ ...rest, ...where }));

export const route = fc.oneof(ipRoute, mplsRoute);

export const nexthop: fc.Arbitrary<Nexthop> = fc
  .tuple(
    facts(
      { object: fc.constant('nexthop' as const), id: u32.filter((id) => id !== 0), protocol: u8 },
      {
        family: fc.constantFrom('ipv4' as const, 'ipv6' as const),
        device: index,
        gateway: ip,
        onlink: fc.constant(true),
        blackhole: fc.constant(true),
        group: fc.array(fc.record({ id: u32, weight: fc.integer({ min: 1, max: 65536 }) }), {
          minLength: 1,
          maxLength: 8,
        }),
        resilient: facts(
          { buckets: fc.integer({ min: 1, max: 0xffff }) },
          { idleTimer: u32, unbalancedTimer: u32 },
        ),
        unknown,
      },
    ),
    encapsulation,
  )
  .map(([rest, tunnel]) => ({ ...rest, ...tunnel }));

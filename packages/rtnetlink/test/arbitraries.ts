// Random objects of every kind, as requests may hold them.
import type { IpAddress } from '@hostpe/net';
import { addressFromBytes, macFromBytes, parseLabel, prefixOf } from '@hostpe/net';
import fc from 'fast-check';
import type {
  Address,
  Filter,
  FouPort,
  IpRoute,
  KernelObject,
  Link,
  LinkInfo,
  MplsRoute,
  Neighbour,
  Nexthop,
  Qdisc,
  Rule,
} from '../src/index.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff),
);
const index = fc.integer({ min: 1, max: 0x7fffffff });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const ipv4 = bytes(4).map(addressFromBytes);
const ipv6 = bytes(16).map(addressFromBytes);
const ip = fc.oneof(ipv4, ipv6);
const ipv4End = ipv4.filter((address) => address !== '0.0.0.0');
const mac = bytes(6).map(macFromBytes);
const label = fc.integer({ min: 16, max: 1048574 }).map(parseLabel);
const labels = fc.array(label, { minLength: 1, maxLength: 4 });
const name = fc.string({ unit: fc.constantFrom(...'abcz0189-.@'), minLength: 1, maxLength: 15 });

function prefix(family: 'ipv4' | 'ipv6') {
  const ofFamily: fc.Arbitrary<IpAddress> = family === 'ipv4' ? ipv4 : ipv6;
  return fc
    .tuple(ofFamily, fc.integer({ min: 0, max: family === 'ipv4' ? 32 : 128 }))
    .map(([address, length]) => prefixOf(address, length));
}

/** A record with some of the optional facts left out, never present as undefined. */
function facts<T extends object, U extends object>(
  required: { [K in keyof T]: fc.Arbitrary<T[K]> },
  optional: { [K in keyof U]: fc.Arbitrary<U[K]> },
): fc.Arbitrary<T & Partial<U>> {
  return fc
    .tuple(fc.record(required), fc.record(optional, { requiredKeys: [] }))
    .map(([always, sometimes]) => ({ ...always, ...sometimes }) as T & Partial<U>);
}

const linkInfo: fc.Arbitrary<LinkInfo> = fc.oneof(
  fc.record({ kind: fc.constant('vrf' as const), table: u32 }),
  fc.constant({ kind: 'dummy' as const }),
  facts({ kind: fc.constant('veth' as const) }, { peer: name }),
  facts({ kind: fc.constant('gre' as const), local: ipv4, ttl: u8 }, { remote: ipv4End }),
  facts(
    { kind: fc.constant('ipip' as const), mode: fc.constant('mplsip' as const), local: ipv4, ttl: u8 },
    {
      remote: ipv4End,
      encap: fc.record({
        type: fc.constant('fou' as const),
        sourcePort: u16,
        destinationPort: u16,
        csum: fc.boolean(),
      }),
    },
  ),
);

export const link: fc.Arbitrary<Link> = facts(
  { object: fc.constant('link' as const), index, up: fc.boolean() },
  {
    name,
    mtu: u32,
    master: u32,
    address: mac,
    alias: fc.string({ unit: 'grapheme', maxLength: 30 }),
    info: linkInfo,
  },
).filter((value) => value.alias === undefined || !value.alias.includes('\0'));

export const address: fc.Arbitrary<Address> = facts(
  { object: fc.constant('address' as const), index, address: ip, prefixLength: u8 },
  { noDad: fc.constant(true) },
);

export const neighbour: fc.Arbitrary<Neighbour> = facts(
  {
    object: fc.constant('neighbour' as const),
    index,
    address: ip,
    state: fc.constantFrom('permanent', 'noarp', 'reachable', 'stale'),
  },
  { linkLayerAddress: fc.oneof(mac, ip) },
);

const ipRoute: fc.Arbitrary<IpRoute> = fc.constantFrom('ipv4' as const, 'ipv6' as const).chain((family) =>
  fc.oneof(
    facts(
      {
        object: fc.constant('route' as const),
        family: fc.constant(family),
        table: u32,
        prefix: prefix(family),
        protocol: u8,
      },
      {
        metric: u32,
        nexthopId: u32,
        type: fc.constantFrom('unreachable' as const, 'blackhole' as const, 'local' as const),
      },
    ),
    facts(
      {
        object: fc.constant('route' as const),
        family: fc.constant(family),
        table: u32,
        prefix: prefix(family),
        protocol: u8,
      },
      { metric: u32, device: index, gateway: ip },
    ),
  ),
);

const mplsRoute: fc.Arbitrary<MplsRoute> = facts(
  {
    object: fc.constant('route' as const),
    family: fc.constant('mpls' as const),
    label,
    protocol: u8,
    device: index,
  },
  { via: fc.oneof(ip, mac), newLabels: labels },
);

export const route = fc.oneof(ipRoute, mplsRoute);

export const nexthop: fc.Arbitrary<Nexthop> = facts(
  { object: fc.constant('nexthop' as const), id: u32, protocol: u8 },
  {
    family: fc.constantFrom('ipv4' as const, 'ipv6' as const),
    device: index,
    gateway: ip,
    onlink: fc.constant(true),
    encapLabels: labels,
    blackhole: fc.constant(true),
    group: fc.array(fc.record({ id: u32, weight: fc.integer({ min: 1, max: 256 }) }), {
      minLength: 1,
      maxLength: 8,
    }),
  },
);

export const rule: fc.Arbitrary<Rule> = fc
  .record({
    object: fc.constant('rule' as const),
    family: fc.constantFrom('ipv4' as const, 'ipv6' as const),
    priority: u32,
    table: u32,
    l3mdev: fc.boolean(),
  })
  // A rule that asks the device for its table has none of its own.
  .map(({ l3mdev, ...plain }) => (l3mdev ? { ...plain, table: 0, l3mdev } : plain));

export const qdisc: fc.Arbitrary<Qdisc> = fc.record({
  object: fc.constant('qdisc' as const),
  index,
  kind: fc.constant('clsact'),
});

export const filter: fc.Arbitrary<Filter> = fc.record({
  object: fc.constant('filter' as const),
  index,
  hook: fc.constantFrom('ingress' as const, 'egress' as const),
  priority: u16,
  protocol: u16,
  handle: fc.integer({ min: 1, max: 0xffffffff }),
  match: fc.record({
    kind: fc.constant('flower' as const),
    destinationMac: mac,
    tunnel: fc.oneof(
      fc.record({ source: ipv4, destination: ipv4, csum: fc.boolean() }),
      fc.record({ source: ipv6, destination: ipv6, csum: fc.boolean() }),
    ),
    redirect: u32,
  }),
});

export const fou: fc.Arbitrary<FouPort> = fc.record({
  object: fc.constant('fou' as const),
  family: fc.constantFrom('ipv4' as const, 'ipv6' as const),
  port: u16,
  protocol: u8,
});

/** Every kind that rtnetlink itself carries. */
export const rtnetlinkObject: fc.Arbitrary<KernelObject> = fc.oneof(
  link,
  address,
  neighbour,
  route,
  nexthop,
  rule,
  qdisc,
  filter,
);

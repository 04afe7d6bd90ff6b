// Random objects of every kind, as requests may hold them.
import fc from 'fast-check';
import type { Address, Filter, FouPort, KernelObject, Neighbour, Qdisc, Rule } from '../src/index.ts';
import type { Netconf } from '../src/objects.ts';
import { link } from './arbitraries/links.ts';
import { nexthop, route } from './arbitraries/routes.ts';
import {
  facts,
  index,
  ip,
  ipv4,
  ipv6,
  mac,
  name,
  prefix,
  u8,
  u16,
  u32,
  unknown,
} from './arbitraries/values.ts';

export { link, nexthop, route };

const family = fc.constantFrom('ipv4' as const, 'ipv6' as const);

export const address: fc.Arbitrary<Address> = family.chain((of) => {
  const ofFamily = of === 'ipv4' ? ipv4 : ipv6;
  return facts(
    {
      object: fc.constant('address' as const),
      index,
      address: ofFamily,
      prefixLength: fc.integer({ min: 0, max: of === 'ipv4' ? 32 : 128 }),
    },
    { peer: ofFamily, noDad: fc.constant(true), unknown },
  ).filter((value) => value.peer !== value.address);
});

export const neighbour: fc.Arbitrary<Neighbour> = facts(
  {
    object: fc.constant('neighbour' as const),
    index,
    address: ip,
    state: fc.constantFrom(
      'permanent' as const,
      'noarp' as const,
      'reachable' as const,
      'stale' as const,
      'delay' as const,
      'probe' as const,
      'incomplete' as const,
      'failed' as const,
      'none' as const,
    ),
  },
  {
    linkLayerAddress: fc.oneof(mac, ip),
    router: fc.constant(true),
    externallyLearned: fc.constant(true),
    protocol: fc.integer({ min: 1, max: 255 }),
    unknown,
  },
);

const selectors = (of: 'ipv4' | 'ipv6') => ({
  source: prefix(of),
  destination: prefix(of),
  inputDevice: name,
  outputDevice: name,
  mark: fc.record({ value: u32, mask: u32 }),
  ipProtocol: fc.integer({ min: 1, max: 255 }),
  suppressPrefixLength: fc.integer({ min: 0, max: of === 'ipv4' ? 32 : 128 }),
  unknown,
});

export const rule: fc.Arbitrary<Rule> = family.chain((of) => {
  const all = { object: fc.constant('rule' as const), family: fc.constant(of), priority: u32 };
  const table = fc.constant(0);
  return fc.oneof(
    facts({ ...all, table: u32.filter((number) => number > 0) }, selectors(of)),
    facts({ ...all, table, l3mdev: fc.constant(true) }, selectors(of)),
    facts(
      {
        ...all,
        table,
        action: fc.constantFrom(
          'blackhole' as const,
          'unreachable' as const,
          'prohibit' as const,
          'nop' as const,
        ),
      },
      selectors(of),
    ),
    facts({ ...all, table, action: fc.constant('goto' as const), target: u32 }, selectors(of)),
  );
});

export const qdisc: fc.Arbitrary<Qdisc> = facts(
  { object: fc.constant('qdisc' as const), index, kind: fc.constant('clsact') },
  { unknown },
);

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
      fc.record({
        source: ipv6,
        destination: ipv6,
        csum: fc.boolean(),
        keyless: fc.constant(true as const),
      }),
    ),
    redirect: u32,
  }),
});

export const fou: fc.Arbitrary<FouPort> = facts(
  { object: fc.constant('fou' as const), family, port: u16, protocol: u8 },
  { unknown },
);

/** Only the kernel says it; `test/codec.test.ts` writes it by the table. */
export const netconf: fc.Arbitrary<Netconf> = facts(
  {
    object: fc.constant('netconf' as const),
    family: fc.constantFrom('ipv4' as const, 'ipv6' as const, 'mpls' as const),
    index: fc.oneof(index, fc.constantFrom('all' as const, 'default' as const)),
  },
  {
    forwarding: fc.boolean(),
    rpFilter: fc.integer({ min: 0, max: 2 }),
    ignoreRoutesWithLinkdown: fc.boolean(),
    input: fc.boolean(),
    unknown,
  },
);

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

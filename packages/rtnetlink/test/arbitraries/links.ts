// Random links of every kind, as requests may hold them.
import fc from 'fast-check';
import type { Link, LinkInfo } from '../../src/index.ts';
import {
  bytes,
  facts,
  index,
  ipv4,
  ipv4End,
  ipv6,
  ipv6End,
  mac,
  name,
  u8,
  u16,
  u32,
  unknown,
} from './values.ts';

const positive = u32.filter((value) => value > 0);
const encap = fc.record({
  type: fc.constant('fou' as const),
  sourcePort: u16,
  destinationPort: u16,
  csum: fc.boolean(),
});
const ends4 = { local: ipv4, ttl: u8 };
const ends6 = { local: ipv6, ttl: u8 };
const far4 = { remote: ipv4End, encap, unknown };
const far6 = { remote: ipv6End, encap, unknown, encapLimit: u8 };

function kind<K extends string>(is: K): { kind: fc.Arbitrary<K> } {
  return { kind: fc.constant(is) };
}

const linkInfo: fc.Arbitrary<LinkInfo> = fc.oneof(
  facts({ ...kind('vrf'), table: positive }, { unknown }),
  facts(kind('dummy'), { unknown }),
  facts(kind('veth'), { peer: name, unknown }),
  facts({ ...kind('gre'), ...ends4 }, { ...far4, key: u32, pathMtuDiscovery: fc.constant(false as const) }),
  facts({ ...kind('ip6gre'), ...ends6 }, { ...far6, key: u32, external: fc.constant(true as const) }),
  facts({ ...kind('ipip'), mode: fc.constant('mplsip' as const), ...ends4 }, far4),
  facts(
    {
      ...kind('ip6tnl'),
      mode: fc.constantFrom('ipip6' as const, 'ip6ip6' as const, 'any' as const),
      ...ends6,
    },
    far6,
  ),
  facts(
    { ...kind('vlan'), id: fc.integer({ min: 0, max: 4095 }) },
    { protocol: fc.constant('802.1ad' as const), unknown },
  ),
  facts(kind('bridge'), {
    vlanFiltering: fc.boolean(),
    stp: fc.boolean(),
    forwardDelay: u32,
    ageingTime: u32,
    unknown,
  }),
  facts({ ...kind('other'), name: fc.constantFrom('vxlan', 'macvlan', 'tun') }, { data: bytes }),
);

export const link: fc.Arbitrary<Link> = facts(
  { object: fc.constant('link' as const), index, up: fc.boolean() },
  {
    name,
    mtu: u32,
    master: u32,
    link: index,
    address: mac,
    alias: fc.string({ unit: 'grapheme', maxLength: 30 }),
    info: linkInfo,
    unknown,
  },
).filter((value) => value.alias === undefined || !value.alias.includes('\0'));

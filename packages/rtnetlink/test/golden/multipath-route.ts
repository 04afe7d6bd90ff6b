// Routes of several nexthops: messages of iproute2. Devices: v0 3, v1 2.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { octets, request, type Same } from './golden.ts';

const table = 1001;
const protocol = 200;

/** The same but for the order of what a nexthop holds: iproute2 has encapsulation before its type, and both before the gateway. */
export const sameInside: Same = [
  [
    'ip route add 10.6.0.0/16 table 1001 proto 200 nexthop via 10.255.0.2 dev v0 weight 3 nexthop via inet6 fe80::9 dev v1 onlink',
    '60000000180005066145036b000000000210000000c8000100000000080001000a06000008000f00e9030000340009001000000203000000080005000aff00022000040002000000160012000a00fe8000000000000000000000000000090100',
    request('add', {
      object: 'route',
      family: 'ipv4',
      table,
      protocol,
      prefix: parseIpPrefix('10.6.0.0/16'),
      multipath: [
        { weight: 3, device: 3, gateway: parseIpAddress('10.255.0.2') },
        { weight: 1, device: 2, gateway: parseIpAddress('fe80::9'), onlink: true },
      ],
    }),
  ],
  [
    'ip -6 route add 2001:db8:6::/48 table 1001 proto 200 nexthop via fe80::9 dev v0 nexthop via fe80::a dev v1 weight 256',
    '74000000180005066145036b000000000a30000000c80001000000001400010020010db800060000000000000000000008000f00e90300003c0009001c0000000300000014000500fe8000000000000000000000000000091c0000ff0200000014000500fe80000000000000000000000000000a',
    request('add', {
      object: 'route',
      family: 'ipv6',
      table,
      protocol,
      prefix: parseIpPrefix('2001:db8:6::/48'),
      multipath: [
        { weight: 1, device: 3, gateway: parseIpAddress('fe80::9') },
        { weight: 256, device: 2, gateway: parseIpAddress('fe80::a') },
      ],
    }),
  ],
  [
    'ip route add 10.6.1.0/24 table 1001 proto 200 nexthop encap mpls 1002 via 10.255.0.2 dev v0 nexthop encap mpls 1003/1004 via 10.1.0.2 dev v1 weight 2',
    '7c000000180005066145036b000000000218000000c8000100000000080001000a06010008000f00e90300005000090024000000030000000c00168008000100003ea1000600150001000000080005000aff00022800000102000000100016800c000100003eb000003ec1000600150001000000080005000a010002',
    request('add', {
      object: 'route',
      family: 'ipv4',
      table,
      protocol,
      prefix: parseIpPrefix('10.6.1.0/24'),
      multipath: [
        { weight: 1, device: 3, gateway: parseIpAddress('10.255.0.2'), encapLabels: [parseLabel(1002)] },
        {
          weight: 2,
          device: 2,
          gateway: parseIpAddress('10.1.0.2'),
          encapLabels: [parseLabel(1003), parseLabel(1004)],
        },
      ],
    }),
  ],
  [
    'ip -6 route add 2001:db8:61::/48 table 1001 proto 200 nexthop encap mpls 1002 via fe80::9 dev v0 nexthop encap ip6 id 7 dst 2001:db8::9 via fe80::a dev v1',
    'b4000000180005066145036b000000000a30000000c80001000000001400010020010db800610000000000000000000008000f00e90300007c00090030000000030000000c00168008000100003ea100060015000100000014000500fe8000000000000000000000000000094800000002000000240016800c00010000000000000000071400020020010db8000000000000000000000009060015000400000014000500fe80000000000000000000000000000a',
    request('add', {
      object: 'route',
      family: 'ipv6',
      table,
      protocol,
      prefix: parseIpPrefix('2001:db8:61::/48'),
      multipath: [
        { weight: 1, device: 3, gateway: parseIpAddress('fe80::9'), encapLabels: [parseLabel(1002)] },
        {
          weight: 1,
          device: 2,
          gateway: parseIpAddress('fe80::a'),
          otherEncap: {
            type: 4,
            attributes: octets('0c00010000000000000000071400020020010db8000000000000000000000009'),
          },
        },
      ],
    }),
  ],
  [
    'ip -f mpls route add 1007 proto 200 nexthop as 600/601 via inet 10.255.0.2 dev v0 nexthop via inet6 fe80::9 dev v1',
    '68000000180005066145036b000000001c140000fec800010000000008000100003ef1004400090020000000030000000c00130000258000002591000a00120002000aff000201002000000002000000160012000a00fe8000000000000000000000000000090100',
    request('add', {
      object: 'route',
      family: 'mpls',
      label: parseLabel(1007),
      protocol,
      device: 0,
      multipath: [
        { device: 3, via: parseIpAddress('10.255.0.2'), newLabels: [parseLabel(600), parseLabel(601)] },
        { device: 2, via: parseIpAddress('fe80::9') },
      ],
    }),
  ],
];

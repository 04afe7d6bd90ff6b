// Nexthop objects: messages of iproute2.
import { parseIpAddress, parseLabel } from '@hostpe/net';
import { octets, request, type Same } from './golden.ts';

const protocol = 200;
const pe = parseIpAddress('fe80::5efe:aff:2');
const group = [
  { id: 1761607681, weight: 1 },
  { id: 1761607682, weight: 3 },
];

export const same: Same = [
  [
    'ip nexthop add id 1761607681 encap mpls 1002 via fe80::5efe:aff:2 dev hostpe-gre onlink proto 200',
    '50000000680005061521036b000000000a00c8000400000008000100010000690c00088008000100003ea100060007000100000014000600fe8000000000000000005efe0aff00020800050002000000',
    request('add', {
      object: 'nexthop',
      id: 1761607681,
      family: 'ipv6',
      protocol,
      device: 2,
      gateway: pe,
      onlink: true,
      encapLabels: [parseLabel(1002)],
    }),
  ],
  [
    'ip -6 nexthop add id 1761607682 dev v0 proto 200',
    '28000000680005061521036b000000000a00c8000000000008000100020000690800050005000000',
    request('add', { object: 'nexthop', id: 1761607682, family: 'ipv6', protocol, device: 5 }),
  ],
  [
    'ip nexthop add id 1761607683 group 1761607681/1761607682,3 proto 200',
    '34000000680005061521036b000000000000c8000000000008000100030000691400020001000069000000000200006902000000',
    request('add', { object: 'nexthop', id: 1761607683, protocol, group }),
  ],
  [
    'ip nexthop add id 9 blackhole proto 200',
    '24000000680005061521036b000000000200c80000000000080001000900000004000400',
    request('add', { object: 'nexthop', id: 9, family: 'ipv4', protocol, blackhole: true }),
  ],
  // Devices of the later ones: v0 3.
  [
    'ip nexthop add id 31 via 10.255.0.1 dev v0 proto 200',
    '30000000680005066145036b000000000200c80000000000080001001f000000080006000aff00010800050003000000',
    request('add', {
      object: 'nexthop',
      id: 31,
      protocol,
      family: 'ipv4',
      gateway: parseIpAddress('10.255.0.1'),
      device: 3,
    }),
  ],
  [
    'ip nexthop add id 32 via 10.9.9.9 dev v0 onlink proto 200',
    '30000000680005066245036b000000000200c800040000000800010020000000080006000a0909090800050003000000',
    request('add', {
      object: 'nexthop',
      id: 32,
      protocol,
      family: 'ipv4',
      gateway: parseIpAddress('10.9.9.9'),
      device: 3,
      onlink: true,
    }),
  ],
  [
    'ip nexthop add id 33 via fe80::9 dev v0 proto 200',
    '3c000000680005066245036b000000000a00c80000000000080001002100000014000600fe8000000000000000000000000000090800050003000000',
    request('add', {
      object: 'nexthop',
      id: 33,
      protocol,
      family: 'ipv6',
      gateway: parseIpAddress('fe80::9'),
      device: 3,
    }),
  ],
  [
    'ip nexthop add id 34 encap mpls 1002/1003 via 10.255.0.2 dev v0 proto 200',
    '48000000680005066245036b000000000200c800000000000800010022000000100008800c000100003ea000003eb1000600070001006e50080006000aff00020800050003000000',
    request('add', {
      object: 'nexthop',
      id: 34,
      protocol,
      family: 'ipv4',
      gateway: parseIpAddress('10.255.0.2'),
      device: 3,
      encapLabels: [parseLabel(1002), parseLabel(1003)],
    }),
  ],
  [
    'ip nexthop add id 35 encap ip id 7 dst 10.0.0.9 ttl 64 via 10.255.0.2 dev v0 proto 200',
    '58000000680005066245036b000000000200c800000000000800010023000000200008800c0001000000000000000007080002000a00000905000400400000000600070002000000080006000aff00020800050003000000',
    request('add', {
      object: 'nexthop',
      id: 35,
      protocol,
      family: 'ipv4',
      gateway: parseIpAddress('10.255.0.2'),
      device: 3,
      otherEncap: {
        type: 2,
        attributes: octets('0c0001000000000000000007080002000a0000090500040040000000'),
      },
    }),
  ],
  [
    'ip -6 nexthop add id 36 blackhole proto 200',
    '24000000680005066245036b000000000a00c80000000000080001002400000004000400',
    request('add', { object: 'nexthop', id: 36, protocol, family: 'ipv6', blackhole: true }),
  ],
  [
    'ip nexthop add id 37 group 31/32,3 proto 200',
    '34000000680005066245036b000000000000c800000000000800010025000000140002001f000000000000002000000002000000',
    request('add', {
      object: 'nexthop',
      id: 37,
      protocol,
      group: [
        { id: 31, weight: 1 },
        { id: 32, weight: 3 },
      ],
    }),
  ],
  [
    'ip nexthop add id 38 group 31,200/32 type resilient buckets 32 idle_timer 10 unbalanced_timer 60 proto 200',
    '58000000680005066245036b000000000000c800000000000800010026000000140002001f000000c700000020000000000000001c000c80060001002000000008000200e803000008000300701700000600030001000000',
    request('add', {
      object: 'nexthop',
      id: 38,
      protocol,
      group: [
        { id: 31, weight: 200 },
        { id: 32, weight: 1 },
      ],
      resilient: { buckets: 32, idleTimer: 1000, unbalancedTimer: 6000 },
    }),
  ],
  [
    'ip nexthop add id 39 group 31 type resilient buckets 8',
    '40000000680005066245036b00000000000000000000000008000100270000000c0002001f000000000000000c000c8006000100080000000600030001000000',
    request('add', {
      object: 'nexthop',
      id: 39,
      protocol: 0,
      group: [{ id: 31, weight: 1 }],
      resilient: { buckets: 8 },
    }),
  ],
  [
    'ip nexthop replace id 31 via 10.255.0.4 dev v0 proto 200',
    '30000000680005056245036b000000000200c80000000000080001001f000000080006000aff00040800050003000000',
    request('replace', {
      object: 'nexthop',
      id: 31,
      protocol,
      family: 'ipv4',
      gateway: parseIpAddress('10.255.0.4'),
      device: 3,
    }),
  ],
  [
    'ip nexthop replace id 37 group 32,256 proto 200',
    '2c000000680005056245036b000000000000c8000000000008000100250000000c00020020000000ff000000',
    request('replace', { object: 'nexthop', id: 37, protocol, group: [{ id: 32, weight: 256 }] }),
  ],
  [
    'ip nexthop delete id 37',
    '20000000690005006245036b0000000000000000000000000800010025000000',
    request('delete', { object: 'nexthop', id: 37, protocol, group: [{ id: 32, weight: 256 }] }),
  ],
];

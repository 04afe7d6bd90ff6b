// Routes of IPv4, IPv6 and MPLS: messages of iproute2. Those with all that a route may have are in the files beside this one.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { type Alike, request, type Same } from './golden.ts';
import * as inline from './inline-route.ts';
import * as label from './mpls-route.ts';

const table = 1001;
const protocol = 200;
const machine = parseIpAddress('10.1.0.2');

export const same: Same = [
  ...inline.same,
  ...label.same,
  [
    'ip route replace 10.1.0.2/32 table 1001 nhid 1761607681 proto 200',
    '34000000180005051521036b000000000220000000c8000100000000080001000a01000208000f00e903000008001e0001000069',
    request('replace', {
      object: 'route',
      family: 'ipv4',
      table,
      prefix: parseIpPrefix('10.1.0.2'),
      nexthopId: 1761607681,
      protocol,
    }),
  ],
  [
    'ip -6 route replace 2001:db8::2/128 table 1001 nhid 1761607681 proto 200',
    '40000000180005051521036b000000000a80000000c80001000000001400010020010db800000000000000000000000208000f00e903000008001e0001000069',
    request('replace', {
      object: 'route',
      family: 'ipv6',
      table,
      prefix: parseIpPrefix('2001:db8::2'),
      nexthopId: 1761607681,
      protocol,
    }),
  ],
  [
    'ip route add 10.3.0.0/16 dev d0 table 1001 proto 200',
    '34000000180005061521036b000000000210000000c8fd0100000000080001000a03000008000f00e90300000800040003000000',
    request('add', {
      object: 'route',
      family: 'ipv4',
      table,
      prefix: parseIpPrefix('10.3.0.0/16'),
      device: 3,
      protocol,
    }),
  ],
  [
    'ip route add 10.4.0.0/16 via inet6 fe80::9 dev d0 table 1001 proto 200',
    '4c000000180005061521036b000000000210000000c8000100000000080001000a040000160012000a00fe800000000000000000000000000009000008000f00e90300000800040003000000',
    request('add', {
      object: 'route',
      family: 'ipv4',
      table,
      prefix: parseIpPrefix('10.4.0.0/16'),
      device: 3,
      gateway: parseIpAddress('fe80::9'),
      protocol,
    }),
  ],
  [
    'ip -f mpls route add 1002 via inet 10.1.0.2 dev v0 proto 200',
    '38000000180005061621036b000000001c140000fec800010000000008000100003ea1000a00120002000a01000200000800040005000000',
    request('add', {
      object: 'route',
      family: 'mpls',
      label: parseLabel(1002),
      device: 5,
      via: machine,
      protocol,
    }),
  ],
  [
    'ip -f mpls route add 1003 dev red proto 200',
    '2c000000180005061621036b000000001c140000fec800010000000008000100003eb1000800040004000000',
    request('add', { object: 'route', family: 'mpls', label: parseLabel(1003), device: 4, protocol }),
  ],
  [
    'ip -f mpls route add 1004 as 600/601 via inet 10.1.0.9 dev d0 proto 200',
    '44000000180005061621036b000000001c140000fec800010000000008000100003ec1000c00130000258000002591000a00120002000a01000900000800040003000000',
    request('add', {
      object: 'route',
      family: 'mpls',
      label: parseLabel(1004),
      newLabels: [parseLabel(600), parseLabel(601)],
      device: 3,
      via: parseIpAddress('10.1.0.9'),
      protocol,
    }),
  ],
  [
    'ip -f mpls route delete 1002',
    '24000000190005001621036b000000001c140000fe0000010000000008000100003ea100',
    request('delete', { object: 'route', family: 'mpls', label: parseLabel(1002), device: 5 }),
  ],
  [
    'ip route delete unicast 10.1.0.2/32 table 1001',
    '2c000000190005001621036b00000000022000000000ff0100000000080001000a01000208000f00e9030000',
    request('delete', { object: 'route', family: 'ipv4', table, prefix: parseIpPrefix('10.1.0.2') }),
  ],
];

export const alike: Alike = [
  ...inline.alike,
  [
    // iproute2 leaves RTA_DST away for a default route.
    'ip route add unreachable default metric 4278198272 table 1001 proto 200',
    '2c000000180005061521036b000000000200000000c800070000000008000600002000ff08000f00e9030000',
    {
      object: 'route',
      family: 'ipv4',
      table,
      prefix: parseIpPrefix('0.0.0.0/0'),
      type: 'unreachable',
      metric: 4278198272,
      protocol,
    },
  ],
];

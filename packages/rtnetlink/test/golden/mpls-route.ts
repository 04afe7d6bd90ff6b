// Label routes with all that they may have: messages of iproute2. Devices: v0 3, v1 2.
import { parseIpAddress, parseLabel, parseMac } from '@hostpe/net';
import { request, type Same } from './golden.ts';

const protocol = 200;

export const same: Same = [
  [
    'ip -f mpls route add 1005 via link 02:00:0a:ff:00:02 dev v0 proto 200',
    '38000000180005066145036b000000001c140000fec800010000000008000100003ed1000c001200110002000aff00020800040003000000',
    request('add', {
      object: 'route',
      family: 'mpls',
      label: parseLabel(1005),
      protocol,
      device: 3,
      via: parseMac('02:00:0a:ff:00:02'),
    }),
  ],
  [
    'ip -f mpls route add 1006 ttl-propagate enabled via inet6 fe80::9 dev v0 proto 200',
    '4c000000180005066145036b000000001c140000fec800010000000008000100003ee10005001a0001000000160012000a00fe80000000000000000000000000000900000800040003000000',
    request('add', {
      object: 'route',
      family: 'mpls',
      label: parseLabel(1006),
      protocol,
      device: 3,
      via: parseIpAddress('fe80::9'),
      ttlPropagate: true,
    }),
  ],
  [
    'ip -f mpls route replace 1006 as 600 ttl-propagate disabled via inet 10.255.0.2 dev v0 proto 200',
    '48000000180005056145036b000000001c140000fec800010000000008000100003ee100080013000025810005001a00000000000a00120002000aff000200000800040003000000',
    request('replace', {
      object: 'route',
      family: 'mpls',
      label: parseLabel(1006),
      protocol,
      device: 3,
      via: parseIpAddress('10.255.0.2'),
      newLabels: [parseLabel(600)],
      ttlPropagate: false,
    }),
  ],
  [
    'ip -f mpls route add 1008 via inet 10.255.0.2 proto 200',
    '30000000180005066145036b000000001c140000fec800010000000008000100003f01000a00120002000aff00020000',
    request('add', {
      object: 'route',
      family: 'mpls',
      label: parseLabel(1008),
      protocol,
      device: 0,
      via: parseIpAddress('10.255.0.2'),
    }),
  ],
  [
    'ip -f mpls route add 1009 dev v0',
    '2c000000180005066145036b000000001c140000fe0300010000000008000100003f11000800040003000000',
    request('add', { object: 'route', family: 'mpls', label: parseLabel(1009), protocol: 3, device: 3 }),
  ],
];

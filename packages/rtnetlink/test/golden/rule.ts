// Rules: messages of iproute2 that ours are, but for what is listed: it says tables up to 255 in the header, no protocol, and in a delete
// no action. And those that no object says.
import { parseIpPrefix } from '@hostpe/net';
import { type Near, octets, request, type Unsaid } from './golden.ts';

export const near: Near = [
  [
    'ip rule add pref 32765 table local',
    '24000000200005061621036b0000000002000000ff0000010000000008000600fd7f0000',
    request('add', { object: 'rule', family: 'ipv4', priority: 32765, table: 255 }),
    [
      'theirs header 02000000ff00000100000000',
      'ours header 020000000000000100000000',
      'ours FRA_TABLE ff000000',
      'ours FRA_PROTOCOL 02',
    ],
  ],
  [
    'ip rule add pref 5 from 10.0.0.0/8 iif d0 table 7',
    '3400000020000506c645036b000000000200080007000001000000000800060005000000080002000a0000000700030064300000',
    request('add', {
      object: 'rule',
      family: 'ipv4',
      priority: 5,
      table: 7,
      source: parseIpPrefix('10.0.0.0/8'),
      inputDevice: 'd0',
    }),
    [
      'theirs header 020008000700000100000000',
      'ours header 020008000000000100000000',
      'ours FRA_TABLE 07000000',
      'ours FRA_PROTOCOL 02',
    ],
  ],
  [
    'ip rule add pref 6 to 10.1.0.0/16 oif d1 fwmark 0x1/0xff lookup 1001',
    '4c00000020000506c645036b000000000210000000000001000000000800060006000000080001000a010000070011006431000008000a000100000008001000ff00000008000f00e9030000',
    request('add', {
      object: 'rule',
      family: 'ipv4',
      priority: 6,
      table: 1001,
      destination: parseIpPrefix('10.1.0.0/16'),
      outputDevice: 'd1',
      mark: { value: 1, mask: 0xff },
    }),
    ['ours FRA_PROTOCOL 02'],
  ],
  [
    'ip rule add pref 7 fwmark 5 table 100',
    '2c00000020000506c645036b00000000020000006400000100000000080006000700000008000a0005000000',
    request('add', {
      object: 'rule',
      family: 'ipv4',
      priority: 7,
      table: 100,
      mark: { value: 5, mask: 0xffffffff },
    }),
    [
      'theirs header 020000006400000100000000',
      'ours header 020000000000000100000000',
      'ours FRA_FWMASK ffffffff',
      'ours FRA_TABLE 64000000',
      'ours FRA_PROTOCOL 02',
    ],
  ],
  [
    'ip rule add pref 8 ipproto udp table 100 suppress_prefixlength 0',
    '3400000020000506c645036b000000000200000064000001000000000800060008000000050016001100000008000e0000000000',
    request('add', {
      object: 'rule',
      family: 'ipv4',
      priority: 8,
      table: 100,
      ipProtocol: 17,
      suppressPrefixLength: 0,
    }),
    [
      'theirs header 020000006400000100000000',
      'ours header 020000000000000100000000',
      'ours FRA_TABLE 64000000',
      'ours FRA_PROTOCOL 02',
    ],
  ],
  [
    'ip rule add pref 9 from 10.0.0.1 blackhole',
    '2c00000020000506c645036b000000000200200000000006000000000800060009000000080002000a000001',
    request('add', {
      object: 'rule',
      family: 'ipv4',
      priority: 9,
      table: 0,
      action: 'blackhole',
      source: parseIpPrefix('10.0.0.1'),
    }),
    ['ours FRA_PROTOCOL 02'],
  ],
  [
    'ip rule add pref 10 unreachable',
    '2400000020000506c645036b00000000020000000000000700000000080006000a000000',
    request('add', { object: 'rule', family: 'ipv4', priority: 10, table: 0, action: 'unreachable' }),
    ['ours FRA_PROTOCOL 02'],
  ],
  [
    'ip rule add pref 11 prohibit',
    '2400000020000506c645036b00000000020000000000000800000000080006000b000000',
    request('add', { object: 'rule', family: 'ipv4', priority: 11, table: 0, action: 'prohibit' }),
    ['ours FRA_PROTOCOL 02'],
  ],
  [
    'ip rule add pref 12 nop',
    '2400000020000506c645036b00000000020000000000000300000000080006000c000000',
    request('add', { object: 'rule', family: 'ipv4', priority: 12, table: 0, action: 'nop' }),
    ['ours FRA_PROTOCOL 02'],
  ],
  [
    'ip rule add pref 13 goto 200',
    '2c00000020000506c645036b00000000020000000000000200000000080006000d00000008000400c8000000',
    request('add', { object: 'rule', family: 'ipv4', priority: 13, table: 0, action: 'goto', target: 200 }),
    ['ours FRA_PROTOCOL 02'],
  ],
  [
    'ip rule add pref 14 l3mdev',
    '2c00000020000506c645036b00000000020000000000000100000000080006000e0000000500130001000000',
    request('add', { object: 'rule', family: 'ipv4', priority: 14, table: 0, l3mdev: true }),
    ['ours FRA_PROTOCOL 02'],
  ],
  [
    'ip rule add pref 17 sport 1000-2000 uidrange 5-6 table 7',
    '3800000020000506c645036b00000000020000000700000100000000080006001100000008001700e803d0070c0014000500000006000000',
    request('add', {
      object: 'rule',
      family: 'ipv4',
      priority: 17,
      table: 7,
      unknown: [
        { type: 23, value: octets('e803d007') },
        { type: 20, value: octets('0500000006000000') },
      ],
    }),
    [
      'theirs header 020000000700000100000000',
      'ours header 020000000000000100000000',
      'ours FRA_TABLE 07000000',
      'ours FRA_PROTOCOL 02',
    ],
  ],
  [
    'ip -6 rule add pref 18 from 2001:db8::/32 to 2001:db8:1::/48 iif d0 table 1001',
    '5c00000020000506c645036b000000000a302000000000010000000008000600120000001400020020010db80000000000000000000000001400010020010db8000100000000000000000000070003006430000008000f00e9030000',
    request('add', {
      object: 'rule',
      family: 'ipv6',
      priority: 18,
      table: 1001,
      source: parseIpPrefix('2001:db8::/32'),
      destination: parseIpPrefix('2001:db8:1::/48'),
      inputDevice: 'd0',
    }),
    ['ours FRA_PROTOCOL 02'],
  ],
  [
    'ip rule delete pref 5 from 10.0.0.0/8 iif d0 table 7',
    '3400000021000500c645036b000000000200080007000000000000000800060005000000080002000a0000000700030064300000',
    request('delete', {
      object: 'rule',
      family: 'ipv4',
      priority: 5,
      table: 7,
      source: parseIpPrefix('10.0.0.0/8'),
      inputDevice: 'd0',
    }),
    [
      'theirs header 020008000700000000000000',
      'ours header 020008000000000100000000',
      'ours FRA_TABLE 07000000',
    ],
  ],
];

export const unsaid: Unsaid = [
  [
    'ip rule add pref 15 not from 10.0.0.0/8 table 7',
    '2c00000020000506c645036b00000000020008000700000102000000080006000f000000080002000a000000',
  ],
  [
    'ip rule add pref 16 tos 0x10 table 7',
    '2400000020000506c645036b000000000200001007000001000000000800060010000000',
  ],
];

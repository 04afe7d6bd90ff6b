// Links: messages of iproute2.
import { parseIpAddress, parseMac } from '@hostpe/net';
import { type Near, request, type Same } from './golden.ts';

const table = 1001;

export const same: Same = [
  [
    'ip link set v0 master red',
    '28000000100005001421036b000000000000000005000000000000000000000008000a0004000000',
    request('set', { object: 'link', index: 5, master: 4 }),
  ],
  [
    'ip link set v0 nomaster',
    '28000000100005001521036b000000000000000005000000000000000000000008000a0000000000',
    request('set', { object: 'link', index: 5, master: 0 }),
  ],
  [
    'ip link delete v1',
    '20000000110005001721036b0000000000000000070000000000000000000000',
    request('delete', { object: 'link', index: 7 }),
  ],
  [
    'ip link set d0 up',
    '2000000010000500c645036b0000000000000000030000000100000001000000',
    request('set', { object: 'link', index: 3, up: true }),
  ],
  [
    'ip link set d0 down',
    '2000000010000500c645036b0000000000000000030000000000000001000000',
    request('set', { object: 'link', index: 3, up: false }),
  ],
  [
    'ip link set d0 mtu 1400',
    '2800000010000500c645036b00000000000000000300000000000000000000000800040078050000',
    request('set', { object: 'link', index: 3, mtu: 1400 }),
  ],
  [
    'ip link set d0 address 02:00:00:00:00:07',
    '2c00000010000500c745036b00000000000000000300000000000000000000000a0001000200000000070000',
    request('set', { object: 'link', index: 3, address: parseMac('02:00:00:00:00:07') }),
  ],
  [
    'ip link set d0 alias ""',
    '2400000010000500c645036b000000000000000003000000000000000000000004001400',
    request('set', { object: 'link', index: 3, alias: '' }),
  ],
  [
    'ip link set d0 name e0',
    '2800000010000500c645036b00000000000000000300000000000000000000000700030065300000',
    request('set', { object: 'link', index: 3, name: 'e0' }),
  ],
  [
    'ip link delete x0',
    '2000000011000500c645036b0000000000000000050000000000000000000000',
    request('delete', { object: 'link', index: 5 }),
  ],
];

export const near: Near = [
  [
    'ip link add red type vrf table 1001',
    '40000000100005061421036b000000000000000000000000000000000000000008000300726564001800120007000100767266000c00020008000100e9030000',
    request('add', { object: 'link', index: 0, name: 'red', info: { kind: 'vrf', table } }),
    [],
  ],
  [
    'ip link add d1 mtu 1472 address 02:00:00:00:00:01 up type dummy',
    '4c000000100005061421036b000000000000000000000000010000000100000008000400c00500000a00010002000000000100000700030064310000100012000900010064756d6d79000000',
    request('add', {
      object: 'link',
      index: 0,
      name: 'd1',
      up: true,
      mtu: 1472,
      address: parseMac('02:00:00:00:00:01'),
      info: { kind: 'dummy' },
    }),
    [],
  ],
  [
    'ip link add v1 type veth peer name v1p',
    '54000000100005061421036b000000000000000000000000000000000000000007000300763100002c0012000800010076657468200002001c000100000000000000000000000000000000000800030076317000',
    request('add', { object: 'link', index: 0, name: 'v1', info: { kind: 'veth', peer: 'v1p' } }),
    [],
  ],
  [
    'ip link add hostpe-gre type gre local 10.255.0.1 ttl 64',
    'a8000000100005061421036b00000000000000000000000000000000000000000f000300686f737470652d67726500007800120007000100677265006c0002000800040000000000080005000000000006000200000000000600030000000000080006000aff000105000a000100000005000900000000000500080040000000080014000000000006000e000000000006000f000000000006001000000000000600110000000000',
    request('add', {
      object: 'link',
      index: 0,
      name: 'hostpe-gre',
      info: { kind: 'gre', local: parseIpAddress('10.255.0.1'), ttl: 64 },
    }),
    ['theirs IFLA_GRE_PMTUDISC 01'],
  ],
  [
    'ip link add hostpe-fou type ipip mode mplsip local 10.255.0.1 ttl 64 encap fou encap-sport auto encap-dport 6635',
    '98000000100005061421036b00000000000000000000000000000000000000000f000300686f737470652d666f7500006800120008000100697069705c0002000500090089000000080002000aff000105000a0001000000050005000000000005000400400000000800010000000000080014000000000006000f0001000000060010000000000006001100000000000600120019eb0000',
    request('add', {
      object: 'link',
      index: 0,
      name: 'hostpe-fou',
      info: {
        kind: 'ipip',
        mode: 'mplsip',
        local: parseIpAddress('10.255.0.1'),
        ttl: 64,
        encap: { type: 'fou', sourcePort: 0, destinationPort: 6635, csum: false },
      },
    }),
    ['theirs IFLA_IPTUN_PMTUDISC 01'],
  ],
  [
    'ip link set red alias "hostpe vpn red"',
    '34000000100005001521036b000000000000000004000000000000000000000012001400686f737470652076706e207265640000',
    request('set', { object: 'link', index: 4, alias: 'hostpe vpn red' }),
    ['theirs IFLA_IFALIAS 686f737470652076706e20726564', 'ours IFLA_IFALIAS 686f737470652076706e2072656400'],
  ],
];

// Links that are no tunnels: messages of iproute2 that ours are, but for what is listed.
import { type Near, octets, request } from './golden.ts';

export const near: Near = [
  [
    'ip link add d2 type dummy',
    '3800000010000506c545036b00000000000000000000000000000000000000000700030064320000100012000900010064756d6d79000000',
    request('add', { object: 'link', index: 0, name: 'd2', info: { kind: 'dummy' } }),
    [],
  ],
  [
    'ip link add red up type vrf table 1001',
    '4000000010000506c545036b000000000000000000000000010000000100000008000300726564001800120007000100767266000c00020008000100e9030000',
    request('add', { object: 'link', index: 0, name: 'red', up: true, info: { kind: 'vrf', table: 1001 } }),
    [],
  ],
  [
    'ip link add v1 up type veth peer name v1p',
    '5400000010000506c545036b000000000000000000000000010000000100000007000300763100002c0012000800010076657468200002001c000100000000000000000000000000000000000800030076317000',
    request('add', { object: 'link', index: 0, name: 'v1', up: true, info: { kind: 'veth', peer: 'v1p' } }),
    [],
  ],
  [
    'ip link add v.100 link d0 type vlan id 100',
    '4c00000010000506c545036b000000000000000000000000000000000000000008000500030000000a000300762e3130300000001800120008000100766c616e0c0002000600010064000000',
    request('add', { object: 'link', index: 0, name: 'v.100', link: 3, info: { kind: 'vlan', id: 100 } }),
    [],
  ],
  [
    'ip link add v.200 link d0 type vlan proto 802.1ad id 200',
    '5400000010000506c545036b000000000000000000000000000000000000000008000500030000000a000300762e3230300000002000120008000100766c616e140002000600050088a8000006000100c8000000',
    request('add', {
      object: 'link',
      index: 0,
      name: 'v.200',
      link: 3,
      info: { kind: 'vlan', id: 200, protocol: '802.1ad' },
    }),
    [],
  ],
  [
    'ip link add br1 type bridge',
    '3800000010000506c545036b00000000000000000000000000000000000000000800030062723100100012000a0001006272696467650000',
    request('add', { object: 'link', index: 0, name: 'br1', info: { kind: 'bridge' } }),
    [],
  ],
  [
    'ip link add br2 type bridge vlan_filtering 1 stp_state 0 forward_delay 200 ageing_time 30000',
    '5c00000010000506c545036b00000000000000000000000000000000000000000800030062723200340012000a0001006272696467650000240002000500070001000000080005000000000008000100c80000000800040030750000',
    request('add', {
      object: 'link',
      index: 0,
      name: 'br2',
      info: { kind: 'bridge', vlanFiltering: true, stp: false, forwardDelay: 200, ageingTime: 30000 },
    }),
    [],
  ],
  [
    'ip link add x1 type vxlan id 5 dstport 4789',
    '5400000010000506c645036b000000000000000000000000000000000000000007000300783100002c0012000900010076786c616e0000001c0002000800010005000000050007000100000006000f0012b50000',
    request('add', {
      object: 'link',
      index: 0,
      name: 'x1',
      info: {
        kind: 'other',
        name: 'vxlan',
        data: octets('0800010005000000050007000100000006000f0012b50000'),
      },
    }),
    [],
  ],
  [
    'ip link add x2 type macvlan mode bridge',
    '4400000010000506c645036b000000000000000000000000000000000000000007000300783200001c0012000b0001006d6163766c616e000c0002000800010004000000',
    request('add', {
      object: 'link',
      index: 0,
      name: 'x2',
      info: { kind: 'other', name: 'macvlan', data: octets('0800010004000000') },
    }),
    [],
  ],
  [
    'ip link set br0 type bridge vlan_filtering 1 stp_state 1 forward_delay 400',
    '4c00000010000500c545036b00000000000000000400000000000000000000002c0012000a00010062726964676500001c000200050007000100000008000500010000000800010090010000',
    request('set', {
      object: 'link',
      index: 4,
      info: { kind: 'bridge', vlanFiltering: true, stp: true, forwardDelay: 400 },
    }),
    [],
  ],
];

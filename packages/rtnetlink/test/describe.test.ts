import type { IpAddress, IpPrefix, Label, MacAddress } from '@hostpe/net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describe, type KernelObject, type Request } from '../src/index.ts';
import { rtnetlinkObject } from './arbitraries.ts';

const mac = '02:00:0a:ff:00:02' as MacAddress;
const pe = 'fe80::5efe:aff:2' as IpAddress;
const local = '10.255.0.1' as IpAddress;

test.each<[string, Request['op'], KernelObject]>([
  [
    'route replace 10.1.0.2/32 table 1001 nhid 1761607681 proto 200',
    'replace',
    {
      object: 'route',
      family: 'ipv4',
      table: 1001,
      prefix: '10.1.0.2/32' as IpPrefix,
      nexthopId: 1761607681,
      protocol: 200,
    },
  ],
  [
    'route add unreachable ::/0 table 1001 metric 4278198272',
    'add',
    {
      object: 'route',
      family: 'ipv6',
      table: 1001,
      prefix: '::/0' as IpPrefix,
      type: 'unreachable',
      metric: 4278198272,
    },
  ],
  [
    'route add 10.0.0.0/8 table 254 via inet6 fe80::5efe:aff:2 dev if3',
    'add',
    { object: 'route', family: 'ipv4', table: 254, prefix: '10.0.0.0/8' as IpPrefix, gateway: pe, device: 3 },
  ],
  [
    '-f mpls route add 1002 as 600/601 via inet 10.255.0.1 dev if5 proto 200',
    'add',
    {
      object: 'route',
      family: 'mpls',
      label: 1002 as Label,
      newLabels: [600, 601] as Label[],
      device: 5,
      via: local,
      protocol: 200,
    },
  ],
  [
    '-f mpls route delete 1002 via link 02:00:0a:ff:00:02 dev if5',
    'delete',
    { object: 'route', family: 'mpls', label: 1002 as Label, device: 5, via: mac },
  ],
  [
    'nexthop add id 7 encap mpls 1002 via fe80::5efe:aff:2 dev if4 onlink proto 200',
    'add',
    {
      object: 'nexthop',
      id: 7,
      family: 'ipv6',
      gateway: pe,
      device: 4,
      onlink: true,
      encapLabels: [1002 as Label],
      protocol: 200,
    },
  ],
  [
    'nexthop replace id 9 group 7/8,3',
    'replace',
    {
      object: 'nexthop',
      id: 9,
      group: [
        { id: 7, weight: 1 },
        { id: 8, weight: 3 },
      ],
    },
  ],
  [
    'neighbour replace fe80::5efe:aff:2 lladdr 10.255.0.1 dev if4 nud permanent',
    'replace',
    { object: 'neighbour', index: 4, address: pe, linkLayerAddress: local, state: 'permanent' },
  ],
  [
    'address add 10.255.0.1/32 dev if1',
    'add',
    { object: 'address', index: 1, address: local, prefixLength: 32 },
  ],
  [
    'link add name red up type vrf table 1001',
    'add',
    { object: 'link', name: 'red', up: true, info: { kind: 'vrf', table: 1001 } },
  ],
  ['link set dev if3 nomaster', 'set', { object: 'link', index: 3, master: 0 }],
  [
    'link set dev if3 name v1 alias "hostpe vpn red"',
    'set',
    { object: 'link', index: 3, name: 'v1', alias: 'hostpe vpn red' },
  ],
  ['link delete red', 'delete', { object: 'link', name: 'red' }],
  [
    'link add name hostpe-fou mtu 1472 type ipip mode mplsip local 10.255.0.1 ttl 64 encap fou encap-sport auto encap-dport 6635',
    'add',
    {
      object: 'link',
      name: 'hostpe-fou',
      mtu: 1472,
      info: {
        kind: 'ipip',
        mode: 'mplsip',
        local,
        ttl: 64,
        encap: { type: 'fou', sourcePort: 0, destinationPort: 6635, csum: false },
      },
    },
  ],
  [
    '-6 rule add pref 1000 l3mdev',
    'add',
    { object: 'rule', family: 'ipv6', priority: 1000, table: 0, l3mdev: true },
  ],
  ['qdisc add dev if5 clsact', 'add', { object: 'qdisc', index: 5, kind: 'clsact' }],
  [
    'filter add dev if5 egress protocol 0x8847 pref 10 handle 0x7 flower dst_mac 02:00:0a:ff:00:02 action tunnel_key set src_ip 10.255.0.1 dst_ip 10.255.0.1 nocsum action mirred egress redirect dev if6',
    'add',
    {
      object: 'filter',
      index: 5,
      hook: 'egress',
      priority: 10,
      protocol: 0x8847,
      handle: 7,
      match: {
        kind: 'flower',
        destinationMac: mac,
        tunnel: { source: local, destination: local, csum: false },
        redirect: 6,
      },
    },
  ],
  ['fou add port 6635 ipproto 137', 'add', { object: 'fou', family: 'ipv4', port: 6635, protocol: 137 }],
])('%s', (text, op, object) => {
  expect(describe({ op, object })).toBe(text);
});

test('every object has words without its operation', () => {
  fc.assert(
    fc.property(rtnetlinkObject, (object) => {
      const text = describe(object);
      // An alias may hold anything.
      expect(text.replace(/"(?:[^"\\]|\\.)*"/g, '""')).not.toMatch(/undefined|NaN|\[object| {2}/);
      expect(text.startsWith('-') || text.startsWith(object.object)).toBe(true);
    }),
  );
});

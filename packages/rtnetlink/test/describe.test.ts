import type { IpAddress, IpPrefix, Label, MacAddress } from '@hostpe/net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeDump } from '../src/describe.ts';
import { type DumpFilter, describe, type KernelObject, type Request } from '../src/index.ts';
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
  [
    'rule add pref 5 from 10.0.0.0/8 iif eth0 table 7',
    'add',
    {
      object: 'rule',
      family: 'ipv4',
      priority: 5,
      table: 7,
      source: '10.0.0.0/8' as IpPrefix,
      inputDevice: 'eth0',
    },
  ],
  [
    '-6 rule delete pref 6 to 2001:db8::/32 oif eth1 fwmark 0x1/0xff ipproto 17 table 1001 suppress_prefixlength 0',
    'delete',
    {
      object: 'rule',
      family: 'ipv6',
      priority: 6,
      table: 1001,
      destination: '2001:db8::/32' as IpPrefix,
      outputDevice: 'eth1',
      mark: { value: 1, mask: 0xff },
      ipProtocol: 17,
      suppressPrefixLength: 0,
    },
  ],
  [
    'rule add pref 7 blackhole',
    'add',
    { object: 'rule', family: 'ipv4', priority: 7, table: 0, action: 'blackhole' },
  ],
  [
    'rule add pref 8 goto 200',
    'add',
    { object: 'rule', family: 'ipv4', priority: 8, table: 0, action: 'goto', target: 200 },
  ],
  [
    'link add name v.100 link if3 type vlan id 100',
    'add',
    { object: 'link', name: 'v.100', link: 3, info: { kind: 'vlan', id: 100 } },
  ],
  [
    'link add name v.200 link if3 type vlan protocol 802.1ad id 200',
    'add',
    { object: 'link', name: 'v.200', link: 3, info: { kind: 'vlan', id: 200, protocol: '802.1ad' } },
  ],
  [
    'link add name br0 type bridge forward_delay 400 ageing_time 30000 stp_state 0 vlan_filtering 1',
    'add',
    {
      object: 'link',
      name: 'br0',
      info: { kind: 'bridge', vlanFiltering: true, stp: false, forwardDelay: 400, ageingTime: 30000 },
    },
  ],
  [
    'link add name g type gre local 10.255.0.1 remote 10.255.0.2 ttl 0 key 77 nopmtudisc encap fou encap-sport 5000 encap-dport 6635 encap-csum',
    'add',
    {
      object: 'link',
      name: 'g',
      info: {
        kind: 'gre',
        local,
        remote: '10.255.0.2' as IpAddress,
        ttl: 0,
        key: 77,
        pathMtuDiscovery: false,
        encap: { type: 'fou', sourcePort: 5000, destinationPort: 6635, csum: true },
      },
    },
  ],
  [
    'link add name s type ip6gre local fe80::5efe:aff:2 hoplimit 64 key 9 encaplimit none',
    'add',
    { object: 'link', name: 's', info: { kind: 'ip6gre', local: pe, ttl: 64, key: 9 } },
  ],
  [
    'link add name t type ip6tnl mode any local fe80::5efe:aff:2 hoplimit 64 encaplimit 4 encap fou encap-sport auto encap-dport 6635 encap-udp6-csum',
    'add',
    {
      object: 'link',
      name: 't',
      info: {
        kind: 'ip6tnl',
        mode: 'any',
        local: pe,
        ttl: 64,
        encapLimit: 4,
        encap: { type: 'fou', sourcePort: 0, destinationPort: 6635, csum: true },
      },
    },
  ],
  [
    'link add name x type vxlan',
    'add',
    { object: 'link', name: 'x', info: { kind: 'other', name: 'vxlan' } },
  ],
  [
    'address add 10.255.0.1 peer 10.255.0.2/32 dev if1',
    'add',
    { object: 'address', index: 1, address: local, peer: '10.255.0.2' as IpAddress, prefixLength: 32 },
  ],
  [
    'address add fe80::5efe:aff:2/64 dev if1 nodad',
    'add',
    { object: 'address', index: 1, address: pe, prefixLength: 64, noDad: true },
  ],
  [
    'neighbour add fe80::5efe:aff:2 lladdr 02:00:0a:ff:00:02 dev if4 nud stale router extern_learn proto 186',
    'add',
    {
      object: 'neighbour',
      index: 4,
      address: pe,
      linkLayerAddress: mac,
      state: 'stale',
      router: true,
      externallyLearned: true,
      protocol: 186,
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

test.each<[string, KernelObject]>([
  [
    'netconf dev if3 forwarding on rp_filter strict ignore_routes_with_linkdown off',
    {
      object: 'netconf',
      family: 'ipv4',
      index: 3,
      forwarding: true,
      rpFilter: 1,
      ignoreRoutesWithLinkdown: false,
    },
  ],
  ['-6 netconf all forwarding off', { object: 'netconf', family: 'ipv6', index: 'all', forwarding: false }],
  ['-f mpls netconf dev if3 input on', { object: 'netconf', family: 'mpls', index: 3, input: true }],
  [
    'address 10.255.0.1/32 dev if1 dadfailed',
    { object: 'address', index: 1, address: local, prefixLength: 32, dadFailed: true },
  ],
  ['link eth0 link if2 up', { object: 'link', index: 3, name: 'eth0', link: 2, up: true }],
])('%s', (text, object) => {
  expect(describe(object)).toBe(text);
});

test.each<[string, DumpFilter]>([
  ['-6 rule show', { object: 'rule', family: 'ipv6' }],
  ['-f mpls netconf show', { object: 'netconf', family: 'mpls' }],
  ['address show', { object: 'address' }],
])('%s', (text, filter) => {
  expect(describeDump(filter)).toBe(text);
});

import type { IpAddress, IpPrefix, Label, MacAddress } from '@hostpe/net';
import { expect, test } from 'vitest';
import { describe, type KernelObject } from '../src/index.ts';

const gateway = '10.255.0.1' as IpAddress;
const linkLocal = 'fe80::9' as IpAddress;
const route = { object: 'route', family: 'ipv4', table: 1001, prefix: '10.1.0.0/16' as IpPrefix } as const;
const mplsRoute = { object: 'route', family: 'mpls', label: 1002 as Label } as const;

test.each<[string, KernelObject]>([
  [
    'route 10.1.0.0/16 table 1001 via 10.255.0.1 dev if3 onlink',
    { ...route, gateway, device: 3, onlink: true },
  ],
  [
    'route 10.1.0.0/16 table 1001 encap mpls 1002/1003 via inet6 fe80::9 dev if3 proto 200 metric 20',
    {
      ...route,
      encapLabels: [1002 as Label, 1003 as Label],
      gateway: linkLocal,
      device: 3,
      protocol: 200,
      metric: 20,
    },
  ],
  [
    'route 10.1.0.0/16 table 1001 encap ip (4 bytes) dev if3',
    { ...route, otherEncap: { type: 2, attributes: new Uint8Array(4) }, device: 3 },
  ],
  [
    'route 10.1.0.0/16 table 1001 encap type 99 (0 bytes) dev if3',
    { ...route, otherEncap: { type: 99, attributes: new Uint8Array() }, device: 3 },
  ],
  [
    'route 10.1.0.0/16 table 1001 via 10.255.0.1 dev if3 src 10.255.0.3 mtu lock 1400 advmss 1360 hoplimit 64',
    {
      ...route,
      gateway,
      device: 3,
      preferredSource: '10.255.0.3' as IpAddress,
      metrics: { mtu: 1400, mtuLocked: true, advmss: 1360, hopLimit: 64 },
    },
  ],
  ['route prohibit 10.1.0.0/16 table 1001', { ...route, type: 'prohibit' }],
  [
    'route 10.1.0.0/16 table 1001 proto 200 nexthop via 10.255.0.1 dev if3 weight 3 nexthop encap mpls 1002 via inet6 fe80::9 dev if2 weight 1 onlink',
    {
      ...route,
      protocol: 200,
      multipath: [
        { weight: 3, gateway, device: 3 },
        { weight: 1, encapLabels: [1002 as Label], gateway: linkLocal, device: 2, onlink: true },
      ],
    },
  ],
  [
    '-f mpls route 1002 as 600 via inet 10.255.0.1 dev if3 proto 200 ttl-propagate disabled',
    { ...mplsRoute, newLabels: [600 as Label], via: gateway, device: 3, protocol: 200, ttlPropagate: false },
  ],
  ['-f mpls route 1002 via inet 10.255.0.1', { ...mplsRoute, via: gateway, device: 0 }],
  [
    '-f mpls route 1002 nexthop as 600/601 via inet 10.255.0.1 dev if3 nexthop via link 02:00:0a:ff:00:02 dev if2',
    {
      ...mplsRoute,
      device: 0,
      multipath: [
        { device: 3, via: gateway, newLabels: [600 as Label, 601 as Label] },
        { device: 2, via: '02:00:0a:ff:00:02' as MacAddress },
      ],
    },
  ],
  [
    'nexthop id 38 group 31,200/32 type resilient buckets 32 idle_timer 10 unbalanced_timer 0.5 proto 200',
    {
      object: 'nexthop',
      id: 38,
      protocol: 200,
      group: [
        { id: 31, weight: 200 },
        { id: 32, weight: 1 },
      ],
      resilient: { buckets: 32, idleTimer: 1000, unbalancedTimer: 50 },
    },
  ],
  [
    'nexthop id 35 encap ip (4 bytes) via 10.255.0.1 dev if3',
    {
      object: 'nexthop',
      id: 35,
      device: 3,
      gateway,
      otherEncap: { type: 2, attributes: new Uint8Array(4) },
    },
  ],
])('%s', (text, object) => {
  expect(describe(object)).toBe(text);
});

// Queueing disciplines and filters: messages of iproute2.
import { parseIpAddress, parseMac } from '@hostpe/net';
import { type Alike, type Near, request, type Same } from './golden.ts';

/** Of a shape that is `other`. */
export const alike: Alike = [
  [
    'tc filter add dev d0 ingress protocol ip pref 11 handle 8 flower dst_mac 02:00:0a:ff:00:02 src_mac 02:00:00:00:00:01 action tunnel_key set src_ip 10.255.0.1 dst_ip 10.255.0.2 id 0 nocsum action mirred egress redirect dev d1',
    '000100002c000506c745036b00000000000000000300000008000000f2ffffff08000b000b000100666c6f7765720000d00002000a00040002000aff000200000a000500ffffffffffff00000a00060002000000000100000a000700ffffffffffff00008c000300540001000f00010074756e6e656c5f6b6579000040000280080003000aff0001080004000aff0002080007000000000005000a00010000001c000200000000000000000003000000000000000000000001000000340002000b0001006d6972726564000024000280200002000000000000000000040000000000000000000000010000000200000008001600000000000600080008000000',
    {
      object: 'filter',
      index: 3,
      hook: 'ingress',
      priority: 11,
      protocol: 0x0800,
      handle: 8,
      match: { kind: 'other', name: 'flower' },
    },
  ],
  [
    'tc filter add dev d0 egress protocol mpls_uc pref 12 handle 9 flower dst_mac 02:00:0a:ff:00:02 action tunnel_key set src_ip 10.255.0.1 dst_ip 10.255.0.2 id 0 nocsum ttl 9 action mirred egress redirect dev d1',
    'f00000002c000506c745036b00000000000000000300000009000000f3ffffff88470c000b000100666c6f7765720000c00002000a00040002000aff000200000a000500ffffffffffff0000940003005c0001000f00010074756e6e656c5f6b6579000048000280080003000aff0001080004000aff0002080007000000000005000d000900000005000a00010000001c000200000000000000000003000000000000000000000001000000340002000b0001006d6972726564000024000280200002000000000000000000040000000000000000000000010000000200000008001600000000000600080088470000',
    {
      object: 'filter',
      index: 3,
      hook: 'egress',
      priority: 12,
      protocol: 0x8847,
      handle: 9,
      match: { kind: 'other', name: 'flower' },
    },
  ],
  [
    'tc filter add dev d0 egress protocol mpls_uc pref 12 handle 9 flower dst_mac 02:00:0a:ff:00:02 action tunnel_key set src_ip 10.255.0.1 dst_ip 10.255.0.2 nocsum action mirred egress mirror dev d1',
    'e00000002c000506c745036b00000000000000000300000009000000f3ffffff88470c000b000100666c6f7765720000b00002000a00040002000aff000200000a000500ffffffffffff0000840003004c0001000f00010074756e6e656c5f6b6579000038000280080003000aff0001080004000aff000205000a00010000001c000200000000000000000003000000000000000000000001000000340002000b0001006d6972726564000024000280200002000000000000000000030000000000000000000000020000000200000008001600000000000600080088470000',
    {
      object: 'filter',
      index: 3,
      hook: 'egress',
      priority: 12,
      protocol: 0x8847,
      handle: 9,
      match: { kind: 'other', name: 'flower' },
    },
  ],
  [
    'tc filter add dev d0 egress protocol mpls_uc pref 12 handle 9 chain 4 flower dst_mac 02:00:0a:ff:00:02 action tunnel_key set src_ip 10.255.0.1 dst_ip 10.255.0.2 nocsum action mirred egress redirect dev d1',
    'e80000002c000506c745036b00000000000000000300000009000000f3ffffff88470c0008000b00040000000b000100666c6f7765720000b00002000a00040002000aff000200000a000500ffffffffffff0000840003004c0001000f00010074756e6e656c5f6b6579000038000280080003000aff0001080004000aff000205000a00010000001c000200000000000000000003000000000000000000000001000000340002000b0001006d6972726564000024000280200002000000000000000000040000000000000000000000010000000200000008001600000000000600080088470000',
    {
      object: 'filter',
      index: 3,
      hook: 'egress',
      priority: 12,
      protocol: 0x8847,
      handle: 9,
      match: { kind: 'other', name: 'flower' },
    },
  ],
];

export const same: Same = [
  [
    'tc qdisc delete dev d0 clsact',
    '3000000025000500c745036b0000000000000000030000000000fffff1ffffff000000000b000100636c736163740000',
    request('delete', { object: 'qdisc', index: 3, kind: 'clsact' }),
  ],
];

export const near: Near = [
  [
    'tc qdisc add dev d0 clsact',
    '30000000240005061721036b0000000000000000030000000000fffff1ffffff000000000b000100636c736163740000',
    request('add', { object: 'qdisc', index: 3, kind: 'clsact' }),
    [],
  ],
  [
    'tc filter add dev d0 egress protocol mpls_uc pref 10 handle 7 flower dst_mac 02:00:0a:ff:00:02 action tunnel_key set src_ip 10.255.0.1 dst_ip 10.255.0.2 id 0 nocsum action mirred egress redirect dev hostpe-fou',
    'e80000002c0005061721036b00000000000000000300000007000000f3ffffff88470a000b000100666c6f7765720000b80002000a00040002000aff000200000a000500ffffffffffff00008c000300540001000f00010074756e6e656c5f6b6579000040000280080003000aff0001080004000aff0002080007000000000005000a00010000001c000200000000000000000003000000000000000000000001000000340002000b0001006d6972726564000024000280200002000000000000000000040000000000000000000000010000000600000008001600000000000600080088470000',
    request('add', {
      object: 'filter',
      index: 3,
      hook: 'egress',
      priority: 10,
      protocol: 0x8847,
      handle: 7,
      match: {
        kind: 'flower',
        destinationMac: parseMac('02:00:0a:ff:00:02'),
        tunnel: {
          source: parseIpAddress('10.255.0.1'),
          destination: parseIpAddress('10.255.0.2'),
          csum: false,
        },
        redirect: 6,
      },
    }),
    [],
  ],
  [
    'tc filter add dev d0 egress protocol mpls_uc pref 12 handle 9 flower dst_mac 02:00:0a:ff:00:02 action tunnel_key set src_ip 2001:db8::1 dst_ip 2001:db8::2 csum action mirred egress redirect dev d1',
    'f80000002c000506c745036b00000000000000000300000009000000f3ffffff88470c000b000100666c6f7765720000c80002000a00040002000aff000200000a000500ffffffffffff00009c000300640001000f00010074756e6e656c5f6b65790000500002801400050020010db80000000000000000000000011400060020010db800000000000000000000000205000a00000000001c000200000000000000000003000000000000000000000001000000340002000b0001006d6972726564000024000280200002000000000000000000040000000000000000000000010000000200000008001600000000000600080088470000',
    request('add', {
      object: 'filter',
      index: 3,
      hook: 'egress',
      priority: 12,
      protocol: 0x8847,
      handle: 9,
      match: {
        kind: 'flower',
        destinationMac: parseMac('02:00:0a:ff:00:02'),
        tunnel: {
          source: parseIpAddress('2001:db8::1'),
          destination: parseIpAddress('2001:db8::2'),
          csum: true,
          keyless: true,
        },
        redirect: 2,
      },
    }),
    [],
  ],
  [
    'tc filter delete dev d0 egress protocol mpls_uc pref 10 handle 7 flower',
    '440000002d000500c745036b00000000000000000300000007000000f3ffffff88470a000b000100666c6f77657200001400020008001600000000000600080088470000',
    request('delete', {
      object: 'filter',
      index: 3,
      hook: 'egress',
      priority: 10,
      protocol: 0x8847,
      handle: 7,
      match: { kind: 'other', name: 'flower' },
    }),
    ['theirs TCA_KIND 666c6f776572', 'theirs TCA_FLOWER_KEY_ETH_TYPE 8847'],
  ],
];

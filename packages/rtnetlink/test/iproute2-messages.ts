// Messages that iproute2 6.1 sends, as seen by strace, with the request or the object that each means.
// Devices: d0 3, hostpe-gre 2, v0 5, red 4, v1 7, hostpe-fou 6.
import { parseIpAddress, parseIpPrefix, parseLabel, parseMac } from '@hostpe/net';
import type { KernelObject, Request } from '../src/index.ts';

const table = 1001;
const protocol = 200;
const machine = parseIpAddress('10.1.0.2');
const pe = parseIpAddress('fe80::5efe:aff:2');
const group = [
  { id: 1761607681, weight: 1 },
  { id: 1761607682, weight: 3 },
];

function request(op: Request['op'], object: KernelObject): Request {
  return { op, object };
}

/** Our message is the same. */
export const same: readonly (readonly [command: string, hex: string, request: Request])[] = [
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
    'ip address add 169.254.1.1/32 dev v0',
    '28000000140005061521036b00000000022000000500000008000200a9fe010108000100a9fe0101',
    request('add', { object: 'address', index: 5, address: parseIpAddress('169.254.1.1'), prefixLength: 32 }),
  ],
  [
    'ip address add fe80::1/64 dev v0 nodad',
    '40000000140005061521036b000000000a4002000500000014000200fe80000000000000000000000000000114000100fe800000000000000000000000000001',
    request('add', {
      object: 'address',
      index: 5,
      address: parseIpAddress('fe80::1'),
      prefixLength: 64,
      noDad: true,
    }),
  ],
  [
    'ip address delete 169.254.1.1/32 dev v0',
    '28000000150005001521036b00000000022000000500000008000200a9fe010108000100a9fe0101',
    request('delete', {
      object: 'address',
      index: 5,
      address: parseIpAddress('169.254.1.1'),
      prefixLength: 32,
    }),
  ],
  [
    'ip -6 neigh replace fe80::5efe:aff:2 lladdr 10.255.0.2 dev hostpe-gre nud permanent',
    '380000001c0005051621036b000000000a000000020000008000000014000100fe8000000000000000005efe0aff0002080002000aff0002',
    request('replace', {
      object: 'neighbour',
      index: 2,
      address: pe,
      linkLayerAddress: parseIpAddress('10.255.0.2'),
      state: 'permanent',
    }),
  ],
  [
    'ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev d0 nud permanent',
    '300000001c0005061621036b00000000020000000300000080000000080001000a0100020a0002000200000000020000',
    request('add', {
      object: 'neighbour',
      index: 3,
      address: machine,
      linkLayerAddress: parseMac('02:00:00:00:00:02'),
      state: 'permanent',
    }),
  ],
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

/** Defaults spelled out that we leave to the kernel, another order inside of a nest, or a field in the header instead of an attribute. */
export const alike: readonly (readonly [command: string, hex: string, object: KernelObject])[] = [
  [
    'ip link add red type vrf table 1001',
    '40000000100005061421036b000000000000000000000000000000000000000008000300726564001800120007000100767266000c00020008000100e9030000',
    { object: 'link', index: 0, name: 'red', info: { kind: 'vrf', table } },
  ],
  [
    'ip link add d1 mtu 1472 address 02:00:00:00:00:01 up type dummy',
    '4c000000100005061421036b000000000000000000000000010000000100000008000400c00500000a00010002000000000100000700030064310000100012000900010064756d6d79000000',
    {
      object: 'link',
      index: 0,
      name: 'd1',
      up: true,
      mtu: 1472,
      address: parseMac('02:00:00:00:00:01'),
      info: { kind: 'dummy' },
    },
  ],
  [
    'ip link add v1 type veth peer name v1p',
    '54000000100005061421036b000000000000000000000000000000000000000007000300763100002c0012000800010076657468200002001c000100000000000000000000000000000000000800030076317000',
    { object: 'link', index: 0, name: 'v1', info: { kind: 'veth', peer: 'v1p' } },
  ],
  [
    'ip link add hostpe-gre type gre local 10.255.0.1 ttl 64',
    'a8000000100005061421036b00000000000000000000000000000000000000000f000300686f737470652d67726500007800120007000100677265006c0002000800040000000000080005000000000006000200000000000600030000000000080006000aff000105000a000100000005000900000000000500080040000000080014000000000006000e000000000006000f000000000006001000000000000600110000000000',
    {
      object: 'link',
      index: 0,
      name: 'hostpe-gre',
      info: { kind: 'gre', local: parseIpAddress('10.255.0.1'), ttl: 64 },
    },
  ],
  [
    'ip link add hostpe-fou type ipip mode mplsip local 10.255.0.1 ttl 64 encap fou encap-sport auto encap-dport 6635',
    '98000000100005061421036b00000000000000000000000000000000000000000f000300686f737470652d666f7500006800120008000100697069705c0002000500090089000000080002000aff000105000a0001000000050005000000000005000400400000000800010000000000080014000000000006000f0001000000060010000000000006001100000000000600120019eb0000',
    {
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
    },
  ],
  [
    'ip link set red alias "hostpe vpn red"',
    '34000000100005001521036b000000000000000004000000000000000000000012001400686f737470652076706e207265640000',
    { object: 'link', index: 4, alias: 'hostpe vpn red' },
  ],
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
  [
    'ip rule add pref 32765 table local',
    '24000000200005061621036b0000000002000000ff0000010000000008000600fd7f0000',
    { object: 'rule', family: 'ipv4', priority: 32765, table: 255 },
  ],
  [
    'tc qdisc add dev d0 clsact',
    '30000000240005061721036b0000000000000000030000000000fffff1ffffff000000000b000100636c736163740000',
    { object: 'qdisc', index: 3, kind: 'clsact' },
  ],
  [
    'tc filter add dev d0 egress protocol mpls_uc pref 10 handle 7 flower dst_mac 02:00:0a:ff:00:02 action tunnel_key set src_ip 10.255.0.1 dst_ip 10.255.0.2 id 0 nocsum action mirred egress redirect dev hostpe-fou',
    'e80000002c0005061721036b00000000000000000300000007000000f3ffffff88470a000b000100666c6f7765720000b80002000a00040002000aff000200000a000500ffffffffffff00008c000300540001000f00010074756e6e656c5f6b6579000040000280080003000aff0001080004000aff0002080007000000000005000a00010000001c000200000000000000000003000000000000000000000001000000340002000b0001006d6972726564000024000280200002000000000000000000040000000000000000000000010000000600000008001600000000000600080088470000',
    {
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
    },
  ],
];

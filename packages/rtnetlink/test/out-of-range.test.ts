// Requests that no message can carry, or that the kernel would take for something else: refused before anything is sent.
import type { IpAddress, IpPrefix, Label, MacAddress } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import { encodeRequest } from '../src/codec/request.ts';
import { forEachMessage } from '../src/codec/wire/message.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import type { KernelObject, Operation } from '../src/index.ts';

function encode({ op, object }: { op: Operation; object: KernelObject }): void {
  encodeRequest(new MessageWriter(), { op, object }, 1, 0x20);
}

describe('a request that no message can carry is refused and leaves nothing behind', () => {
  const route = { object: 'route', family: 'ipv4', table: 1, prefix: '10.0.0.0/8' as IpPrefix } as const;
  const v4 = '10.0.0.1' as IpAddress;
  const v6 = '2001:db8::1' as IpAddress;
  const neighbour = { object: 'neighbour', index: 1, address: v4, state: 'permanent' } as const;
  const rule = { object: 'rule', family: 'ipv4', priority: 5, table: 7 } as const;
  const filter = {
    object: 'filter',
    index: 1,
    hook: 'egress',
    priority: 1,
    protocol: 0x8847,
    handle: 1,
    match: {
      kind: 'flower',
      destinationMac: '02:00:00:00:00:01' as MacAddress,
      tunnel: { source: v4, destination: v4, csum: false },
      redirect: 2,
    },
  } as const;
  test.each<[string, KernelObject]>([
    ['a table of 2^32', { ...route, table: 2 ** 32 }],
    ['a negative nexthop id', { ...route, nexthopId: -1 }],
    ['a fraction', { ...route, metric: 0.5 }],
    ['a protocol of 256', { ...route, protocol: 256 }],
    ['a prefix of the other family', { ...route, family: 'ipv6' }],
    ['a type that only the kernel uses', { ...route, type: 'other' }],
    ['a label of 2^20', { object: 'route', family: 'mpls', label: 1048576 as Label, device: 1 }],
    ['a device name of 16 bytes', { object: 'link', name: 'abcdefghijklmnop' }],
    ['a name with a zero in it', { object: 'link', name: 'a\0b' }],
    ['an alias of 256 bytes', { object: 'link', index: 1, alias: 'ä'.repeat(128) }],
    ['a device without a name', { object: 'link', name: '' }],
    ['an MTU of 2^32', { object: 'link', index: 1, mtu: 2 ** 32 }],
    ['an index of 2^31', { object: 'link', index: 2 ** 31 }],
    ['text that is no MAC address', { object: 'link', index: 1, address: '02:00' as MacAddress }],
    ['a VRF of table 0', { object: 'link', name: 'red', info: { kind: 'vrf', table: 0 } }],
    ['a VLAN of 4096', { object: 'link', name: 'v', link: 1, info: { kind: 'vlan', id: 4096 } }],
    ['GRE between IPv6 ends', { object: 'link', name: 'g', info: { kind: 'gre', local: v6, ttl: 64 } }],
    [
      'GRE to an IPv6 end',
      { object: 'link', name: 'g', info: { kind: 'gre', local: v4, remote: v6, ttl: 64 } },
    ],
    [
      'GRE over IPv6 between IPv4 ends',
      { object: 'link', name: 'g', info: { kind: 'ip6gre', local: v4, ttl: 64 } },
    ],
    [
      'a tunnel over IPv6 between IPv4 ends',
      { object: 'link', name: 't', info: { kind: 'ip6tnl', mode: 'any', local: v4, ttl: 64 } },
    ],
    [
      'MPLS in IPv4 between IPv6 ends',
      { object: 'link', name: 'i', info: { kind: 'ipip', mode: 'mplsip', local: v6, ttl: 64 } },
    ],
    ['a ttl of 256', { object: 'link', name: 'g', info: { kind: 'gre', local: v4, ttl: 256 } }],
    ['a kind of 56 bytes', { object: 'link', name: 'x', info: { kind: 'other', name: 'x'.repeat(56) } }],
    ['an IPv4 address of 33 bits', { object: 'address', index: 1, address: v4, prefixLength: 33 }],
    ['an IPv6 address of 129 bits', { object: 'address', index: 1, address: v6, prefixLength: 129 }],
    [
      'an address with a peer of the other family',
      { object: 'address', index: 1, address: v4, prefixLength: 32, peer: v6 },
    ],
    [
      'text that is no address',
      { object: 'address', index: 1, address: '10.0.0.256' as IpAddress, prefixLength: 32 },
    ],
    ['a neighbour of protocol 256', { ...neighbour, protocol: 256 }],
    ['text that is no link-layer address', { ...neighbour, linkLayerAddress: 'aa:bb' as MacAddress }],
    ['a rule of table 0', { ...rule, table: 0 }],
    ['a rule of table 2^32', { ...rule, table: 2 ** 32 }],
    ['a blackhole rule with a table', { ...rule, action: 'blackhole' }],
    ['an l3mdev rule with a table', { ...rule, l3mdev: true }],
    ['a goto without a target', { ...rule, table: 0, action: 'goto' }],
    ['a target without goto', { ...rule, target: 9 }],
    ['a rule from a prefix of the other family', { ...rule, source: '2001:db8::/32' as IpPrefix }],
    ['a rule to a prefix with host bits', { ...rule, destination: '10.0.0.1/8' as IpPrefix }],
    ['a rule that suppresses 33 bits', { ...rule, suppressPrefixLength: 33 }],
    ['a rule of a device name of 16 bytes', { ...rule, inputDevice: 'abcdefghijklmnop' }],
    ['a priority of 2^32', { ...rule, priority: 2 ** 32 }],
    ['a filter of priority 65536', { ...filter, priority: 65536 }],
    ['a filter without a codec', { ...filter, match: { kind: 'other', name: 'bpf' } }],
    [
      'a tunnel key of two families',
      { ...filter, match: { ...filter.match, tunnel: { source: v4, destination: v6, csum: false } } },
    ],
    ['netconf', { object: 'netconf', family: 'ipv4', index: 1, forwarding: true }],
    ['a qdisc without a codec', { object: 'qdisc', index: 1, kind: 'htb' }],
    ['a weight of 0', { object: 'nexthop', id: 1, group: [{ id: 2, weight: 0 }] }],
  ])('%s', (_what, object) => {
    const writer = new MessageWriter();
    encodeRequest(writer, { op: 'add', object: { object: 'nexthop', id: 1 } }, 1);
    const before = writer.length;
    expect(() => encodeRequest(writer, { op: 'add', object }, 2)).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    );
    expect(writer.length).toBe(before);
    encodeRequest(writer, { op: 'add', object: { object: 'nexthop', id: 3 } }, 3);
    const sequences: number[] = [];
    forEachMessage(writer.take(), ({ sequence }) => sequences.push(sequence));
    expect(sequences).toEqual([1, 3]);
  });

  test.each<[string, KernelObject]>([
    ['IFLA_MTU: 4294967296 is not', { object: 'link', index: 1, mtu: 2 ** 32 }],
    [
      'IFLA_LINKINFO: IFLA_INFO_DATA: IFLA_VLAN_ID: 4096 is not a number from 0 to 4095',
      { object: 'link', name: 'v', info: { kind: 'vlan', id: 4096 } },
    ],
    ['ifa_prefixlen: 33 is not', { object: 'address', index: 1, address: v4, prefixLength: 33 }],
    ['FRA_TABLE: 0 is not', { ...rule, table: 0 }],
    ['netconf can only be read: sysctls change it', { object: 'netconf', family: 'ipv4', index: 1 }],
  ])('and named: %s', (words, object) => {
    expect(() => encode({ op: 'add', object })).toThrow(words);
  });

  test('a change of a fou port', () => {
    const object = { object: 'fou', family: 'ipv4', port: 6635, protocol: 137 } as const;
    expect(() => encode({ op: 'set', object })).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});

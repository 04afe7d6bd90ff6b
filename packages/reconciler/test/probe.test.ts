import { parseIpAddress } from '@hostpe/net';
import { RtnetlinkError } from '@hostpe/rtnetlink';
import { FakeKernel } from '@hostpe/rtnetlink/testing';
import { beforeEach, expect, test } from 'vitest';
import { probeForwarder } from '../src/index.ts';
import { FakeNft } from '../src/testing/index.ts';

let kernel: FakeKernel;
beforeEach(() => {
  kernel = new FakeKernel();
});

test('a kernel with everything lacks nothing, and no device stays', async () => {
  expect(await probeForwarder(kernel, kernel.sysctl, 'ipv4', new FakeNft())).toEqual([]);
  expect(kernel.objects({ object: 'link' }).map(({ name }) => name)).toEqual(['lo']);
  expect(kernel.objects({ object: 'rule', family: 'ipv4' })).toHaveLength(3);
});

test.each([
  ['gre', 'gre'],
  ['ipip', 'ipip with fou'],
] as const)('a kernel that refuses %s devices', async (kind, feature) => {
  kernel.failEach(({ object }) => object.object === 'link' && object.info?.kind === kind, 'EOPNOTSUPP');
  const missing = await probeForwarder(kernel, kernel.sysctl, 'ipv4');
  expect(missing).toEqual([
    { feature, missing: expect.stringContaining('EOPNOTSUPP'), how: expect.stringContaining('modprobe') },
  ]);
});

test('a kernel without VRF or MPLS: asked for, as that makes it load the modules', async () => {
  kernel.sysctl.remove('net/vrf/strict_mode');
  kernel.sysctl.remove('net/mpls/platform_labels');
  expect(await probeForwarder(kernel, kernel.sysctl, 'ipv4')).toEqual([]);
  kernel.failEach(({ object }) => object.object === 'link' && object.info?.kind === 'vrf', 'EOPNOTSUPP');
  kernel.failEach(({ object }) => object.object === 'nexthop', 'EOPNOTSUPP');
  const missing = await probeForwarder(kernel, kernel.sysctl, 'ipv4');
  expect(missing.map(({ feature }) => feature)).toEqual(['vrf', 'mpls_iptunnel']);
  expect(kernel.objects({ object: 'nexthop' })).toEqual([]);
});

test('without the capability nothing else is tried', async () => {
  kernel.failEach(() => true, 'EPERM');
  expect((await probeForwarder(kernel, kernel.sysctl, 'ipv4')).map(({ feature }) => feature)).toEqual([
    'CAP_NET_ADMIN',
  ]);
  expect(kernel.log).toHaveLength(1);
});

test('filters, nexthop objects, IPv6 and nftables', async () => {
  kernel.failEach(({ object }) => object.object === 'filter', 'ENOENT');
  kernel.sysctl.remove('net/ipv4/nexthop_compat_mode');
  kernel.sysctl.remove('net/ipv6/conf/all/forwarding');
  const nft = new FakeNft();
  nft.failure = 'nft: not found';
  const missing = await probeForwarder(kernel, kernel.sysctl, 'ipv4', nft);
  expect(missing.map(({ feature }) => feature)).toEqual([
    'ipv6',
    'nexthop objects',
    'cls_flower, act_tunnel_key, act_mirred',
    'nftables',
  ]);
});

test('on a kernel that carries our tunnel devices nothing is created or deleted', async () => {
  for (const name of ['hostpe-gre', 'hostpe-udp', 'hostpe-fou'])
    kernel.apply(
      { op: 'add', object: { object: 'link', name, info: { kind: 'dummy' } } },
      { op: 'set', object: { object: 'link', name, alias: 'hostpe underlay' } },
    );
  const before = kernel.log.length;
  expect(await probeForwarder(kernel, kernel.sysctl, 'ipv4', new FakeNft())).toEqual([]);
  expect(kernel.log.slice(before).map(({ op, object }) => [op, 'name' in object && object.name])).toEqual([
    ['delete', 'hostpe-no-such'],
  ]);
});

test('over IPv6 it takes a GRE device whose ends are those of tunnel_key, and no other tunnel', async () => {
  kernel.failEach(({ object }) => object.object === 'link' && object.info?.kind === 'gre', 'EOPNOTSUPP');
  kernel.failEach(({ object }) => object.object === 'link' && object.info?.kind === 'ipip', 'EOPNOTSUPP');
  expect(await probeForwarder(kernel, kernel.sysctl, 'ipv6')).toEqual([]);
  kernel.failEach(({ object }) => object.object === 'link' && object.info?.kind === 'ip6gre', 'EOPNOTSUPP');
  const missing = await probeForwarder(kernel, kernel.sysctl, 'ipv6');
  expect(missing.map(({ feature }) => feature)).toEqual(['ip6gre external']);
});

test('the one such device that a kernel has room for may be ours, beside which the other is missing', async () => {
  const info = { kind: 'ip6gre', external: true, local: parseIpAddress('::'), ttl: 64 } as const;
  kernel.apply({ op: 'add', object: { object: 'link', name: 'hostpe-gre', info } });
  expect(await probeForwarder(kernel, kernel.sysctl, 'ipv6')).toEqual([]);
});

test('scratch devices of a probe that was killed go first, as a tunnel of theirs is in the way', async () => {
  const info = { kind: 'gre', local: parseIpAddress('127.0.0.1'), ttl: 64 } as const;
  for (const name of ['hpe4711-2', 'hpe-customer', 'xhpe1-1'])
    kernel.apply({
      op: 'add',
      object: { object: 'link', name, info: name === 'hpe4711-2' ? info : { kind: 'dummy' } },
    });
  expect(await probeForwarder(kernel, kernel.sysctl, 'ipv4')).toEqual([]);
  expect(kernel.objects({ object: 'link' }).map(({ name }) => name)).toEqual([
    'lo',
    'hpe-customer',
    'xhpe1-1',
  ]);
});

test('a device is deleted even where the kernel breaks before it shows it', async () => {
  const dump = kernel.dump.bind(kernel);
  let hasMade = false;
  kernel.execute = ((execute) => async (requests) => {
    hasMade ||= requests.some(({ op, object }) => op === 'add' && object.object === 'link');
    return await execute(requests);
  })(kernel.execute.bind(kernel));
  kernel.dump = (async (query: Parameters<typeof dump>[0]) => {
    if (hasMade) throw new RtnetlinkError('closed', 'broken');
    return await dump(query);
  }) as typeof kernel.dump;
  await expect(probeForwarder(kernel, kernel.sysctl, 'ipv4')).rejects.toThrow('broken');
  expect(kernel.objects({ object: 'link' }).map(({ name }) => name)).toEqual(['lo']);
});

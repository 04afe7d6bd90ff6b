import { parseIpPrefix } from '@hostpe/net';
import { describe, expect, test, vi } from 'vitest';
import type { Notification, Request } from '../src/kernel.ts';
import type { Link } from '../src/objects.ts';
import { FakeKernel, kernelContract } from '../src/testing/index.ts';

kernelContract({
  open: async () => {
    const kernel = new FakeKernel();
    return { rtnetlink: kernel, sysctl: kernel.sysctl, close: () => kernel.close() };
  },
});

const dummy = (name: string): Link => ({ object: 'link', name, info: { kind: 'dummy' } });
const add = (name: string): Request => ({ op: 'add', object: dummy(name) });

describe('what only the fake kernel has', () => {
  test('a log of requests and of sysctl writes, without what a hand did', async () => {
    const kernel = new FakeKernel();
    kernel.apply(add('d0'));
    kernel.sysctl.set('net/ipv4/ip_forward', '1');
    expect(kernel.log).toEqual([]);
    expect(kernel.sysctl.log).toEqual([]);
    await kernel.execute([add('d0'), add('d1')]);
    await kernel.sysctl.write('net/mpls/platform_labels', '1000');
    expect(kernel.log).toEqual([add('d0'), add('d1')]);
    expect(kernel.sysctl.log).toEqual([{ path: 'net/mpls/platform_labels', value: '1000' }]);
  });

  test('the n-th request fails, once, and changes nothing', async () => {
    const kernel = new FakeKernel();
    kernel.failNth(2, 'ENOBUFS');
    const first = await kernel.execute([add('d0')]);
    const rest = await kernel.execute([add('d1'), add('d2'), add('d1')]);
    expect([...first, ...rest].map((error) => error?.errno)).toEqual([
      undefined,
      'ENOBUFS',
      undefined,
      undefined,
    ]);
    expect(kernel.link('d1')?.index).toBeGreaterThan(kernel.link('d2')?.index ?? Number.POSITIVE_INFINITY);
  });

  test('each request that matches fails until the fault ends, a hand excepted', async () => {
    const kernel = new FakeKernel();
    const mend = kernel.failEach(({ object }) => object.object === 'link' && object.name === 'd0', 'ENOMEM');
    const verdicts = await kernel.execute([add('d0'), add('d1'), add('d0')]);
    expect(verdicts.map((error) => error?.errno)).toEqual(['ENOMEM', undefined, 'ENOMEM']);
    expect(verdicts[0]?.message).toContain('d0');
    kernel.apply(add('d0'));
    mend();
    expect(await kernel.execute([add('d0')])).toMatchObject([{ errno: 'EEXIST' }]);
  });

  test('a refused hand throws', () => {
    const kernel = new FakeKernel();
    expect(() => kernel.apply({ op: 'delete', object: { object: 'link', name: 'd0' } })).toThrow('ENODEV');
  });

  test('notifications come after the answer, and an overrun loses those on their way', async () => {
    const kernel = new FakeKernel();
    const heard: Notification[] = [];
    await kernel.subscribe(['link'], (notification) => heard.push(notification));
    await kernel.execute([add('d0')]);
    expect(heard).toEqual([]);
    await vi.waitUntil(() => heard.length > 0);
    expect(heard).toMatchObject([{ type: 'new', object: { name: 'd0' } }]);
    await kernel.execute([add('d1')]);
    kernel.overrun();
    await vi.waitUntil(() => heard.length > 1);
    expect(heard.slice(1)).toEqual([{ type: 'overrun' }]);
  });

  test('a pulled cable takes the carrier, and nexthops with it', () => {
    const kernel = new FakeKernel();
    kernel.apply({ op: 'add', object: { ...dummy('d0'), up: true } });
    const index = kernel.link('d0')?.index ?? 0;
    kernel.apply(
      { op: 'add', object: { object: 'nexthop', id: 7, family: 'ipv6', device: index } },
      {
        op: 'add',
        object: {
          object: 'route',
          family: 'ipv4',
          table: 77,
          prefix: parseIpPrefix('10.1.0.1/32'),
          nexthopId: 7,
        },
      },
    );
    kernel.setCarrier('d0', false);
    expect(kernel.link('d0')).toMatchObject({ up: true, carrier: false });
    expect(kernel.objects({ object: 'nexthop' })).toEqual([]);
    expect(kernel.objects({ object: 'route', family: 'ipv4', table: 77 })).toEqual([]);
    kernel.setCarrier('d0', true);
    expect(kernel.link('d0')).toMatchObject({ carrier: true });
  });

  test('the kernel outlives its door', async () => {
    const kernel = new FakeKernel();
    await kernel.execute([add('d0')]);
    await kernel.close();
    expect(kernel.objects({ object: 'link' })).toHaveLength(2);
  });
});

import { parseIpPrefix } from '@hostpe/net';
import { describe, expect, test, vi } from 'vitest';
import type { Notification, Request } from '../src/kernel.ts';
import type { IpRoute, Link, Rule } from '../src/objects.ts';
import { sysctlKeys } from '../src/sysctl-keys.ts';
import { everyFeature, FakeKernel, kernelContract } from '../src/testing/index.ts';

kernelContract({
  open: async () => {
    const kernel = new FakeKernel();
    return { rtnetlink: kernel, sysctl: kernel.sysctl, close: () => kernel.close() };
  },
  features: async () => everyFeature,
  namesAttributes: false,
});

const dummy = (name: string): Link => ({ object: 'link', name, info: { kind: 'dummy' } });
const add = (name: string): Request => ({ op: 'add', object: dummy(name) });
const blackhole: IpRoute = {
  object: 'route',
  family: 'ipv4',
  table: 77,
  prefix: parseIpPrefix('10.1.0.1/32'),
  type: 'blackhole',
};
const rule = (priority: number): { readonly op: 'add'; readonly object: Rule } => ({
  op: 'add',
  object: { object: 'rule', family: 'ipv4', priority, table: 77 },
});

describe('what only the fake kernel has', () => {
  test('a log of requests and of sysctl writes, without what a hand did', async () => {
    const kernel = new FakeKernel();
    kernel.apply(add('d0'));
    kernel.sysctl.put('net/ipv4/ip_forward', '1');
    expect(kernel.log).toEqual([]);
    expect(kernel.sysctl.log).toEqual([]);
    await kernel.execute([add('d0'), add('d1')]);
    await kernel.sysctl.set(sysctlKeys.mplsPlatformLabels, 1000);
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

  test('a door that breaks in a batch has done what came before, and works again later', async () => {
    const kernel = new FakeKernel();
    const heard: Notification[] = [];
    await kernel.subscribe(['rule'], (notification) => heard.push(notification));
    kernel.breakAfter(3);
    expect(await kernel.execute([rule(1)])).toEqual([undefined]);
    const batch = kernel.execute([rule(2), rule(2), rule(3)]);
    await expect(batch).rejects.toMatchObject({ code: 'socket' });
    expect(kernel.objects({ object: 'rule', family: 'ipv4' }).map(({ priority }) => priority)).toEqual([
      0, 1, 2, 32766, 32767,
    ]);
    await vi.waitUntil(() => heard.length > 1);
    expect(heard).toMatchObject([{ object: { priority: 1 } }, { object: { priority: 2 } }]);
    expect(await kernel.execute([rule(3)])).toEqual([undefined]);
    expect(kernel.log).toHaveLength(4);
  });

  test('the n-th notification is lost without a word', async () => {
    const kernel = new FakeKernel();
    const heard: Notification[] = [];
    kernel.loseNth(2);
    // Nobody hears it: it cannot be lost.
    await kernel.execute([rule(1)]);
    await kernel.subscribe(['rule'], (notification) => heard.push(notification));
    await kernel.execute([rule(2), add('d0'), rule(3), rule(4)]);
    await vi.waitUntil(() => heard.length > 1);
    expect(heard).toMatchObject([{ object: { priority: 2 } }, { object: { priority: 4 } }]);
    expect(kernel.objects({ object: 'rule', family: 'ipv4' })).toHaveLength(7);
  });

  test('what `execute` changed is not told to who wants no own changes, what a hand did is', async () => {
    const kernel = new FakeKernel();
    const heard: Notification[] = [];
    await kernel.subscribe(['rule', 'link'], (notification) => heard.push(notification), { own: false });
    await kernel.execute([rule(1), add('d0')]);
    kernel.apply(rule(2));
    await vi.waitUntil(() => heard.length > 1);
    // Of links no kernel says who changed them.
    expect(heard).toMatchObject([{ object: { name: 'd0' } }, { object: { priority: 2 } }]);
  });

  test('a request that no message can carry is refused before any fault, and changes nothing', async () => {
    const kernel = new FakeKernel();
    const wrong = { op: 'add', object: { ...rule(1).object, priority: -1 } } as const;
    expect(await kernel.execute([wrong])).toMatchObject([{ code: 'invalid', errno: undefined }]);
    expect(() => kernel.apply(wrong)).toThrow('-1');
    expect(kernel.objects({ object: 'rule', family: 'ipv4' })).toHaveLength(3);
  });

  test.each<[string, Request]>([
    ['unknown', { op: 'add', object: { ...dummy('d0'), unknown: [{ type: 999, value: Uint8Array.of(1) }] } }],
    [
      'otherEncap',
      { op: 'add', object: { ...blackhole, otherEncap: { type: 5, attributes: new Uint8Array(4) } } },
    ],
    ["'set' of a rule", { ...rule(1), op: 'set' }],
    ['renames no device', { op: 'set', object: { object: 'link', index: 1, name: 'other' } }],
  ])('what it does not do it says: %s', async (words, request) => {
    await expect(new FakeKernel().execute([request])).rejects.toThrow(words);
    await expect(new FakeKernel().execute([request])).rejects.toThrow(TypeError);
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

// The socket on the kernel that runs here, in scratch namespaces: only what every kernel has (veth, addresses, routes, nexthops, rules).
import { type IpAddress, type IpPrefix, parseIpAddress, parseIpPrefix, parseMac } from '@hostpe/net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { IpRoute, Nexthop, Notification, Request, Rtnetlink } from '../src/index.ts';
import { openRtnetlink } from '../src/index.ts';
import { needsRoot, ScratchNamespace } from './scratch-namespace.ts';

const table = 1001;
const deadline = { timeout: 20_000 };
let namespace: ScratchNamespace;
let kernel: Rtnetlink;

beforeEach(async ({ skip }) => {
  if (needsRoot) skip(needsRoot);
  namespace = new ScratchNamespace();
  kernel = await openRtnetlink({ namespace: namespace.name });
});

afterEach(async () => {
  if (needsRoot) return;
  await kernel.close();
  namespace.remove();
});

/** A pair of devices with carrier. @returns the index of v0. */
async function makePair(): Promise<number> {
  const verdicts = await kernel.execute([
    { op: 'add', object: { object: 'link', name: 'v0', info: { kind: 'veth', peer: 'v1' } } },
    { op: 'set', object: { object: 'link', name: 'v1', up: true } },
    { op: 'set', object: { object: 'link', name: 'v0', up: true } },
  ]);
  expect(verdicts).toEqual([undefined, undefined, undefined]);
  const link = (await kernel.dump({ object: 'link' })).find(({ name }) => name === 'v0');
  expect(link?.index).toBeTypeOf('number');
  return link?.index ?? 0;
}

async function agreed(...requests: Request[]): Promise<void> {
  expect(await kernel.execute(requests)).toEqual(requests.map(() => undefined));
}

function nexthop(device: number, facts: Partial<Nexthop> = {}): Request {
  return { op: 'add', object: { object: 'nexthop', id: 7, family: 'ipv4', device, protocol: 200, ...facts } };
}

function hostRoute(number: number, facts: Partial<IpRoute> = {}): Request {
  const prefix = parseIpPrefix(`10.${number >>> 16}.${(number >>> 8) & 255}.${number & 255}`);
  return {
    op: 'add',
    object: { object: 'route', family: 'ipv4', table, prefix, nexthopId: 7, protocol: 200, ...facts },
  };
}

describe('execute and dump', () => {
  test('iproute2 sees what was made, and a dump tells the same', async () => {
    const index = await makePair();
    const gateway = parseIpAddress('fe80::1');
    const neighbour = {
      object: 'neighbour',
      index,
      address: parseIpAddress('169.254.1.7'),
      linkLayerAddress: parseMac('02:00:00:00:00:07'),
      state: 'permanent',
    } as const;
    const route: IpRoute = {
      object: 'route',
      family: 'ipv4',
      table,
      prefix: parseIpPrefix('10.1.0.0/24'),
      nexthopId: 9,
      metric: 5,
      protocol: 200,
    };
    await agreed(
      {
        op: 'add',
        object: { object: 'address', index, address: parseIpAddress('169.254.1.1'), prefixLength: 32 },
      },
      { op: 'add', object: { object: 'address', index, address: gateway, prefixLength: 64, noDad: true } },
      { op: 'add', object: neighbour },
      nexthop(index),
      nexthop(index, { id: 8, family: 'ipv6', gateway: parseIpAddress('fe80::9'), onlink: true }),
      {
        op: 'add',
        object: {
          object: 'nexthop',
          id: 9,
          group: [
            { id: 7, weight: 1 },
            { id: 8, weight: 3 },
          ],
          protocol: 200,
        },
      },
      { op: 'add', object: route },
      { op: 'add', object: { object: 'rule', family: 'ipv6', priority: 32765, table: 255 } },
      { op: 'add', object: { object: 'qdisc', index, kind: 'clsact' } },
      { op: 'set', object: { object: 'link', index, alias: 'hostpe', mtu: 1400 } },
    );

    expect(namespace.json('nexthop', 'show', 'id', '8')).toMatchObject([
      { id: 8, gateway: 'fe80::9', dev: 'v0', protocol: '200', flags: ['onlink'] },
    ]);
    expect(namespace.json('neighbour', 'show', 'dev', 'v0', 'nud', 'permanent')).toContainEqual({
      dst: '169.254.1.7',
      lladdr: '02:00:00:00:00:07',
      state: ['PERMANENT'],
    });
    expect(namespace.json('route', 'show', 'table', String(table))).toMatchObject([
      { dst: '10.1.0.0/24', nhid: 9, protocol: '200', metric: 5 },
    ]);
    expect(namespace.json('link', 'show', 'dev', 'v0')).toMatchObject([{ ifalias: 'hostpe', mtu: 1400 }]);

    expect(await kernel.dump({ object: 'route', family: 'ipv4', table })).toEqual([route]);
    expect(await kernel.dump({ object: 'neighbour', index, family: 'ipv4' })).toEqual([neighbour]);
    expect(await kernel.dump({ object: 'nexthop' })).toEqual([
      { object: 'nexthop', id: 7, family: 'ipv4', device: index, protocol: 200 },
      {
        object: 'nexthop',
        id: 8,
        family: 'ipv6',
        device: index,
        gateway: 'fe80::9',
        onlink: true,
        protocol: 200,
      },
      {
        object: 'nexthop',
        id: 9,
        protocol: 200,
        group: [
          { id: 7, weight: 1 },
          { id: 8, weight: 3 },
        ],
      },
    ]);
    expect(await kernel.dump({ object: 'rule', family: 'ipv6' })).toContainEqual({
      object: 'rule',
      family: 'ipv6',
      priority: 32765,
      table: 255,
    });
    expect(await kernel.dump({ object: 'qdisc', index })).toContainEqual({
      object: 'qdisc',
      index,
      kind: 'clsact',
    });
    expect(await kernel.dump({ object: 'address', family: 'ipv6' })).toContainEqual({
      object: 'address',
      index,
      address: gateway,
      prefixLength: 64,
      noDad: true,
    });
    expect((await kernel.dump({ object: 'link' })).find((link) => link.index === index)).toMatchObject({
      name: 'v0',
      up: true,
      carrier: true,
      mtu: 1400,
      alias: 'hostpe',
      info: { kind: 'veth' },
    });
  });

  test('each of a thousand requests has its own verdict, and a refusal stops nothing', async () => {
    await agreed(nexthop(await makePair()));
    const requests = Array.from({ length: 1000 }, (_, at) => {
      if (at % 10 === 3) return hostRoute(at - 1);
      if (at % 10 === 6) return hostRoute(at, { nexthopId: 8 });
      return at % 10 === 9 ? hostRoute(at, { metric: -1 }) : hostRoute(at);
    });
    const verdicts = await kernel.execute(requests);
    expect(verdicts.map((error) => error && (error.errno ?? error.code))).toEqual(
      requests.map((_, at) => ({ 3: 'EEXIST', 6: 'EINVAL', 9: 'invalid' })[at % 10]),
    );
    expect(verdicts[6]).toMatchObject({
      code: 'kernel',
      kernelMessage: 'Nexthop id does not exist',
      message: 'route add 10.0.0.6/32 table 1001 nhid 8 proto 200: EINVAL (Nexthop id does not exist)',
    });
    expect(await kernel.dump({ object: 'route', family: 'ipv4', table })).toHaveLength(700);
  });

  test('twenty thousand routes go in and come back, in whatever order', async () => {
    await agreed(nexthop(await makePair()));
    const requests = Array.from({ length: 20_000 }, (_, at) => hostRoute(at));
    await agreed(...requests);
    const routes = await kernel.dump({ object: 'route', family: 'ipv4', table });
    expect(new Set(routes.map(({ prefix }) => prefix))).toEqual(
      new Set(requests.map(({ object }) => (object as IpRoute).prefix)),
    );
    expect(await kernel.dump({ object: 'route', family: 'ipv4', table, protocol: 199 })).toEqual([]);
    await agreed(...requests.map(({ object }) => ({ op: 'delete', object }) as const));
    expect(await kernel.dump({ object: 'route', family: 'ipv4', table })).toEqual([]);
  });

  test('a call that fails before it is sent leaves nothing behind for the next one', async () => {
    const wrong = { object: 'route', family: 'ipv4', table: -1 } as const;
    await expect(kernel.dump(wrong)).rejects.toMatchObject({ code: 'invalid' });
    await expect(kernel.dumpRoutes({ family: 'ipv4', table: -1 })).rejects.toMatchObject({ code: 'invalid' });
    const rule: Request = { op: 'add', object: { object: 'rule', family: 'ipv4', priority: 77, table: 9 } };
    const accident = new Error('a fault of the caller');
    const broken = {
      op: 'add',
      get object(): never {
        throw accident;
      },
    } as const;
    const fine = Array.from({ length: 2 }, () => rule);
    await expect(kernel.execute([...fine, Object.create(broken, { op: { value: 'add' } })])).rejects.toBe(
      accident,
    );
    await agreed(nexthop(await makePair()));
    expect(await kernel.dump({ object: 'rule', family: 'ipv4' })).toHaveLength(3);
  });

  test('calls that overlap do not mix their answers', async () => {
    await agreed(nexthop(await makePair()));
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, at) => [
        await kernel.execute([hostRoute(at), hostRoute(at)]),
        await kernel.dump({ object: 'nexthop' }),
        await kernel.dump({ object: 'rule', family: 'ipv4' }),
      ]),
    );
    for (const [verdicts, nexthops, rules] of answers) {
      expect(verdicts).toEqual([undefined, expect.objectContaining({ errno: 'EEXIST' })]);
      expect(nexthops).toHaveLength(1);
      expect(rules).toHaveLength(3);
    }
  });

  test('what the kernel has not has no objects', async () => {
    expect(await kernel.dump({ object: 'route', family: 'ipv4', table: 4711 })).toEqual([]);
    expect(await kernel.dump({ object: 'route', family: 'ipv6', table: 4711 })).toEqual([]);
    expect(await kernel.dump({ object: 'neighbour', index: 4711 })).toEqual([]);
    expect(await kernel.dump({ object: 'filter', index: 4711, hook: 'egress' })).toEqual([]);
    expect(await kernel.dump({ object: 'route', family: 'mpls' })).toEqual([]);
    expect(await kernel.dump({ object: 'fou' })).toEqual([]);
  });

  test('routes of both families: unreachable, local, on link, by a gateway of the other family', async () => {
    const device = await makePair();
    const plain = { object: 'route', table, protocol: 200 } as const;
    const prefix4 = (text: string): IpPrefix => parseIpPrefix(text);
    const routes: IpRoute[] = [
      { ...plain, family: 'ipv4', prefix: prefix4('0.0.0.0/0'), type: 'unreachable', metric: 4278198272 },
      { ...plain, family: 'ipv4', prefix: prefix4('10.0.0.0/8'), device },
      { ...plain, family: 'ipv4', prefix: prefix4('10.2.0.0/16'), device, gateway: 'fe80::5' as IpAddress },
      { ...plain, family: 'ipv4', prefix: prefix4('10.3.0.1/32'), device, type: 'local' },
      { ...plain, family: 'ipv4', prefix: prefix4('10.4.0.0/16'), type: 'blackhole' },
    ];
    await agreed(...routes.map((object) => ({ op: 'add', object }) as const));
    expect(await kernel.dump({ object: 'route', family: 'ipv4', table })).toEqual(routes);
    const ipv6: IpRoute = { ...plain, family: 'ipv6', prefix: prefix4('2001:db8::/32'), metric: 7, device };
    await agreed({ op: 'add', object: ipv6 });
    expect(await kernel.dump({ object: 'route', family: 'ipv6', table })).toEqual([ipv6]);
  });
});

describe('subscribe', () => {
  test('tells of our own changes and of others, until it is ended', async () => {
    const told: Notification[] = [];
    const end = await kernel.subscribe(['link', 'nexthop', 'rule'], (notification) =>
      told.push(notification),
    );
    const index = await makePair();
    await agreed(nexthop(index));
    namespace.ip('rule', 'add', 'pref', '5', 'table', '9');
    namespace.ip('link', 'delete', 'v1');
    const object = { object: 'link', index, name: 'v0' };
    await vi.waitFor(() => {
      expect(told).toContainEqual({ type: 'new', object: expect.objectContaining({ ...object, up: true }) });
      expect(told).toContainEqual({
        type: 'new',
        object: expect.objectContaining({ object: 'nexthop', id: 7 }),
      });
      expect(told).toContainEqual({
        type: 'new',
        object: { object: 'rule', family: 'ipv4', priority: 5, table: 9 },
      });
      expect(told).toContainEqual({ type: 'delete', object: expect.objectContaining(object) });
    }, deadline);

    end();
    const count = told.length;
    let others = 0;
    await kernel.subscribe(['rule'], () => others++);
    namespace.ip('rule', 'add', 'pref', '6', 'table', '9');
    await vi.waitFor(() => expect(others).toBe(1), deadline);
    expect(told).toHaveLength(count);
  });
});

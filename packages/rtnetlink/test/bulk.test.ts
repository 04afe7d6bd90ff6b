// Many routes at once on the kernel that runs here: in columns, cut short by a signal, and heard of by those who did not make them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseIpPrefix } from '@hostpe/net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { IpRoute, Notification, Request, Rtnetlink } from '../src/index.ts';
import { openRtnetlink, routeAt } from '../src/index.ts';
import { needsRoot, ScratchNamespace } from './scratch-namespace.ts';

const table = 1001;
const protocol = 200;
const deadline = { timeout: 20_000 };
let namespace: ScratchNamespace;
let kernel: Rtnetlink;

beforeEach(async ({ skip }) => {
  if (needsRoot) skip(needsRoot);
  namespace = new ScratchNamespace();
  namespace.ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
  namespace.ip('link', 'set', 'v0', 'up');
  namespace.ip('link', 'set', 'v1', 'up');
  namespace.ip('nexthop', 'add', 'id', '7', 'via', 'fe80::7', 'dev', 'v0');
  kernel = await openRtnetlink({ namespace: namespace.name });
});

afterEach(async () => {
  if (needsRoot) return;
  await kernel.close();
  namespace.remove();
});

function hostRoute(number: number, family: 'ipv4' | 'ipv6' = 'ipv4'): IpRoute {
  const low = number & 0xffff;
  const text =
    family === 'ipv4'
      ? `10.${number >>> 16}.${low >>> 8}.${low & 255}`
      : `2001:db8:${(number >>> 16).toString(16)}::${low.toString(16)}`;
  return { object: 'route', family, table, prefix: parseIpPrefix(text), nexthopId: 7, protocol };
}

function additions(count: number, family: 'ipv4' | 'ipv6' = 'ipv4'): Request[] {
  return Array.from({ length: count }, (_, at) => ({ op: 'add', object: hostRoute(at, family) }));
}

async function count(): Promise<number> {
  return (await kernel.dumpRoutes({ family: 'ipv4', table })).length;
}

describe('routes in columns', () => {
  test.each(['ipv4', 'ipv6'] as const)('of %s go out as they came in', async (family) => {
    await kernel.execute(additions(5000, family));
    const filter = { family, table } as const;
    const columns = await kernel.dumpRoutes(filter);
    const objects = await kernel.dump({ object: 'route', ...filter });
    expect(objects).toHaveLength(5000);
    expect(Array.from({ length: columns.length }, (_, at) => routeAt(columns, at))).toEqual(objects);

    expect(await kernel.executeRoutes('delete', columns)).toEqual(new Map());
    expect(namespace.json(family === 'ipv4' ? '-4' : '-6', 'route', 'show', 'table', `${table}`)).toEqual([]);
    expect(await kernel.executeRoutes('add', columns)).toEqual(new Map());
    expect(await kernel.dump({ object: 'route', ...filter })).toEqual(objects);
  });

  test('that the kernel or the codec refuses are told by their number, and the others stand', async () => {
    await kernel.execute(additions(3000));
    const columns = await kernel.dumpRoutes({ family: 'ipv4', table });
    await kernel.execute([2, 1500, 2999].map((at) => ({ op: 'delete', object: routeAt(columns, at) })));
    columns.prefixLengths[1500] = 33;
    const errors = await kernel.executeRoutes('add', columns);
    expect(errors.size).toBe(2998);
    expect([errors.has(2), errors.has(2999)]).toEqual([false, false]);
    expect(errors.get(1500)).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(`route add ${routeAt(columns, 1500).prefix} table 1001`),
    });
    expect(errors.get(0)).toMatchObject({ code: 'kernel', errno: 'EEXIST' });
    expect(await count()).toBe(2999);
  });

  test('whose columns are not of one length are refused as a whole, before any of them is sent', async () => {
    await kernel.execute(additions(3));
    const columns = await kernel.dumpRoutes({ family: 'ipv4', table });
    await kernel.executeRoutes('delete', columns);
    for (const name of [
      'addresses',
      'prefixLengths',
      'tables',
      'nexthopIds',
      'metrics',
      'protocols',
      'types',
    ] as const)
      await expect(
        kernel.executeRoutes('add', { ...columns, [name]: columns[name].slice(0, 2) }),
      ).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining(name) });
    expect(await count()).toBe(0);
    expect(namespace.json('route', 'show', 'table', 'main')).toEqual([]);
  });

  test('of a type that has no word are refused one by one', async () => {
    await kernel.execute(additions(3));
    const columns = await kernel.dumpRoutes({ family: 'ipv4', table });
    columns.types[1] = 10;
    const errors = await kernel.executeRoutes('add', columns);
    expect([...errors].map(([at, { code, errno }]) => [at, errno ?? code]).sort()).toEqual([
      [0, 'EEXIST'],
      [1, 'invalid'],
      [2, 'EEXIST'],
    ]);
  });

  test('of a table that is not there are none', async () => {
    expect(await kernel.dumpRoutes({ family: 'ipv6', table: 4711 })).toMatchObject({ length: 0 });
  });
});

describe('a signal', () => {
  const reason = new Error('not wanted any more');

  test('that fired before keeps everything back', async () => {
    const signal = AbortSignal.abort(reason);
    await expect(kernel.execute(additions(1), { signal })).rejects.toBe(reason);
    await expect(kernel.dump({ object: 'link' }, { signal })).rejects.toBe(reason);
    await expect(kernel.dumpRoutes({ family: 'ipv4' }, { signal })).rejects.toBe(reason);
    await expect(kernel.subscribe(['link'], () => {}, { signal })).rejects.toBe(reason);
    expect(await count()).toBe(0);
  });

  test('ends execute: what was sent stands, in order, and nothing else', async () => {
    const abort = new AbortController();
    const requests = additions(50_000);
    const last = requests[20_000];
    Object.defineProperty(requests, 20_000, {
      get: () => {
        abort.abort(reason);
        return last;
      },
    });
    await expect(kernel.execute(requests, { signal: abort.signal })).rejects.toBe(reason);
    const sent = await count();
    expect(sent).toBeLessThan(20_000);
    const routes = await kernel.dump({ object: 'route', family: 'ipv4', table });
    expect(new Set(routes.map(({ prefix }) => prefix))).toEqual(
      new Set(Array.from({ length: sent }, (_, at) => hostRoute(at).prefix)),
    );
  });

  test('ends executeRoutes between two datagrams: what was sent stands, and nothing else', async () => {
    const length = 300_000;
    const abort = new AbortController();
    const executed = kernel.executeRoutes(
      'add',
      {
        family: 'ipv4',
        length,
        addresses: Uint32Array.from({ length }, (_, at) => 0x0a000000 + at),
        prefixLengths: new Uint8Array(length).fill(32),
        tables: new Uint32Array(length).fill(table),
        nexthopIds: new Uint32Array(length).fill(7),
        metrics: new Uint32Array(length),
        protocols: new Uint8Array(length).fill(protocol),
        types: new Uint8Array(length).fill(1),
      },
      { signal: abort.signal },
    );
    setImmediate(() => abort.abort(reason));
    await expect(executed).rejects.toBe(reason);
    const { addresses } = await kernel.dumpRoutes({ family: 'ipv4', table });
    expect(addresses.length).toBeLessThan(length);
    expect(addresses.every((address) => address - 0x0a000000 < addresses.length)).toBe(true);
  });

  test('ends a dump, and the next one is whole', async () => {
    await kernel.execute(additions(50_000));
    for (const dump of [
      (signal: AbortSignal) => kernel.dump({ object: 'route', family: 'ipv4', table }, { signal }),
      (signal: AbortSignal) => kernel.dumpRoutes({ family: 'ipv4', table }, { signal }),
    ]) {
      const abort = new AbortController();
      const dumped = dump(abort.signal);
      setImmediate(() => abort.abort(reason));
      await expect(dumped).rejects.toBe(reason);
      expect(await count()).toBe(50_000);
      expect(await kernel.dump({ object: 'route', family: 'ipv4', table })).toHaveLength(50_000);
    }
  });

  test('ends a subscription', async () => {
    const abort = new AbortController();
    const told: Notification[] = [];
    await kernel.subscribe(['rule'], (notification) => told.push(notification), { signal: abort.signal });
    abort.abort();
    let others = 0;
    await kernel.subscribe(['rule'], () => others++);
    namespace.ip('rule', 'add', 'pref', '6', 'table', '9');
    await vi.waitFor(() => expect(others).toBe(1), deadline);
    expect(told).toEqual([]);
  });
});

test('a dump that changes interrupt is repeated, and given up only when they never rest', async () => {
  const device = (await kernel.dump({ object: 'link' })).find(({ name }) => name === 'v0')?.index ?? 0;
  const nexthops = Array.from({ length: 5000 }, (_, at): Request => {
    return { op: 'replace', object: { object: 'nexthop', id: 1000 + at, family: 'ipv6', device } };
  });
  expect((await kernel.execute(nexthops)).filter(Boolean)).toEqual([]);
  // Another process: this one is busy with reading.
  const script = `while seq -f 'nexthop replace id %.0f dev v0' 1000 5999; do :; done | ip -n ${namespace.name} -batch -`;
  const changer = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
  const ended = once(changer, 'exit');
  const end = performance.now() + 50_000;
  const dumpOften = async (): Promise<void> => {
    while (performance.now() < end) await kernel.dump({ object: 'nexthop' });
  };
  try {
    await expect(dumpOften()).rejects.toMatchObject({
      code: 'socket',
      message: 'nexthop show: interrupted 10 times by changes',
    });
  } finally {
    process.kill(-(changer.pid ?? 0));
    await ended;
  }
  const whole = await kernel.dump({ object: 'nexthop' });
  expect(new Set(whole.map(({ id }) => id)).size).toBe(nexthops.length + 1);
}, 90_000);

test('a namespace can be given by its path', async () => {
  const door = await openRtnetlink({ namespace: `/run/netns/${namespace.name}` });
  expect((await door.dump({ object: 'link' })).map(({ name }) => name)).toContain('v0');
  await door.close();
});

test('a subscription to what others do hears nothing of ours, also after a dump was cut short', async () => {
  // The first door of a process in a namespace has an address that a new socket would get again.
  const own = await openRtnetlink({ namespace: namespace.name });
  const told: string[] = [];
  await own.subscribe(
    ['route-ipv4', 'nexthop', 'rule'],
    (notification) => {
      const object = notification.type === 'overrun' ? notification : notification.object;
      told.push('prefix' in object ? object.prefix : JSON.stringify(object));
    },
    { own: false },
  );
  await own.execute(additions(20_000));
  const abort = new AbortController();
  const dumped = own.dumpRoutes({ family: 'ipv4', table }, { signal: abort.signal });
  setImmediate(() => abort.abort());
  await expect(dumped).rejects.toThrow('aborted');
  await own.execute([
    { op: 'delete', object: hostRoute(0) },
    { op: 'delete', object: { object: 'nexthop', id: 7 } },
    { op: 'add', object: { object: 'rule', family: 'ipv4', priority: 5, table: 9 } },
  ]);
  namespace.ip('route', 'add', 'blackhole', '192.0.2.1', 'table', '9');
  await vi.waitFor(() => expect(told).toContain('192.0.2.1/32'), deadline);
  expect(told).toEqual(['192.0.2.1/32']);
  await own.close();
});

test('the thread that listens in parcels tells each notification, in order', async () => {
  const told: string[] = [];
  await kernel.subscribe(['route-ipv4'], (notification) => {
    if (notification.type === 'new' && 'prefix' in notification.object) told.push(notification.object.prefix);
  });
  const requests = additions(20_000);
  await kernel.execute(requests);
  await vi.waitFor(() => expect(told).toHaveLength(requests.length), deadline);
  expect(told).toEqual(requests.map(({ object }) => (object as IpRoute).prefix));
});

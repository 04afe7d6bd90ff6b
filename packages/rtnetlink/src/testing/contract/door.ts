// What the reconciler expects of the door itself: batches, notifications, closing.
import type { Label } from '@hostpe/net';
import { expect, vi } from 'vitest';
import { newRouteColumns, routeAt } from '../../codec/route/route-columns.ts';
import type { Notification, Request } from '../../kernel.ts';
import type { Address, IpRoute, KernelObject, MplsRoute, Neighbour, Nexthop, Rule } from '../../objects.ts';
import { deadline, Ear, everyGroup } from './ear.ts';
import type { Case } from './scene.ts';
import { ip, label, neighbourMac, prefix } from './scene.ts';

export function doorCases(test: Case): void {
  test('a batch is done in order, past what fails, with one verdict each', [], async (scene) => {
    const device = await scene.pair('v0');
    const route: IpRoute = {
      object: 'route',
      family: 'ipv4',
      table: 1001,
      prefix: prefix('10.1.0.1/32'),
      nexthopId: 7,
    };
    const verdicts = await scene.rtnetlink.execute([
      { op: 'add', object: route },
      { op: 'add', object: { object: 'nexthop', id: 7, family: 'ipv6', device } },
      { op: 'add', object: route },
      { op: 'add', object: route },
      { op: 'delete', object: route },
      { op: 'delete', object: { object: 'link', name: 'nosuch' } },
      { op: 'replace', object: route },
    ]);
    const expected = ['EINVAL', undefined, undefined, 'EEXIST', undefined, 'ENODEV', undefined];
    expect(verdicts.map((error) => error?.errno)).toEqual(expected);
    expect(await scene.rtnetlink.execute([])).toEqual([]);
  });

  test('what is made and deleted is told', [], async (scene) => {
    const ear = await scene.listen(...everyGroup);
    const index = await scene.pair('v0');
    const objects: readonly KernelObject[] = [
      { object: 'address', index, address: ip('169.254.1.1'), prefixLength: 32 },
      {
        object: 'neighbour',
        index,
        address: ip('10.1.0.1'),
        linkLayerAddress: neighbourMac,
        state: 'permanent',
      },
      { object: 'nexthop', id: 7, family: 'ipv6', device: index },
      { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.1/32'), nexthopId: 7 },
      { object: 'route', family: 'ipv6', table: 1001, prefix: prefix('2001:db8::1/128'), nexthopId: 7 },
      { object: 'rule', family: 'ipv4', priority: 77, table: 77 },
    ];
    const words = [
      'address 169.254.1.1',
      'neighbour 10.1.0.1',
      'nexthop 7',
      'route 10.1.0.1/32',
      'route 2001:db8::1/128',
      'rule ipv4 77',
    ];
    await scene.add(...objects);
    const made = ['new link v0', ...words.map((word) => `new ${word}`)];
    expect(await ear.told()).toEqual(expect.arrayContaining(made));
    for (const object of objects.toReversed()) await scene.delete(object);
    await scene.delete({ object: 'link', index });
    const gone = ['delete link v0', ...words.map((word) => `delete ${word}`)];
    expect(await ear.told()).toEqual(expect.arrayContaining(gone));
  });

  test('a subscriber hears its own groups only, until it asks no more', [], async (scene) => {
    const ear = new Ear(scene, everyGroup);
    const unsubscribe = await scene.rtnetlink.subscribe(['nexthop', 'route-ipv4'], (notification) =>
      ear.hear(notification),
    );
    const witness = await scene.listen('nexthop');
    const device = await scene.pair('v0');
    const nexthop: Nexthop = { object: 'nexthop', id: 7, family: 'ipv6', device };
    await scene.add(nexthop);
    expect(await ear.everything()).toEqual([{ type: 'new', object: { ...nexthop, protocol: 0 } }]);
    expect(await witness.told()).toEqual(['new nexthop 7']);
    unsubscribe();
    await scene.delete(nexthop);
    expect(await witness.told()).toEqual(['delete nexthop 7']);
    const heard = ear.pending.filter((told) => told.type !== 'overrun' && told.object.object === 'nexthop');
    expect(heard).toEqual([]);
  });

  test('who hears no own changes hears what follows from them', [], async (scene) => {
    const device = await scene.pair('v0');
    const deaf: string[] = [];
    const end = await scene.rtnetlink.subscribe(
      ['address', 'neighbour', 'nexthop', 'route-ipv4', 'rule'],
      (told) => {
        // Of IPv6 addresses the kernel never says who made them.
        if (told.type === 'overrun' || ('address' in told.object && told.object.address?.includes(':')))
          return;
        deaf.push(`${told.type} ${told.object.object}`);
      },
      { own: false },
    );
    const address: Address = { object: 'address', index: device, address: ip('10.77.0.9'), prefixLength: 24 };
    const route: IpRoute = { object: 'route', family: 'ipv4', table: 77, prefix: prefix('10.1.0.1/32') };
    const nexthop: Nexthop = { object: 'nexthop', id: 7, family: 'ipv6', device };
    const neighbour: Neighbour = {
      object: 'neighbour',
      index: device,
      address: ip('10.77.0.1'),
      linkLayerAddress: neighbourMac,
      state: 'permanent',
    };
    const rule: Rule = { object: 'rule', family: 'ipv4', priority: 77, table: 77 };
    await scene.add(nexthop, { ...route, nexthopId: 7 }, neighbour, rule);
    await scene.delete(rule);
    await scene.delete({ ...route, nexthopId: 7 });
    await scene.add(address);
    // The routes of the address are the kernel's own doing.
    await vi.waitUntil(() => deaf.filter((told) => told === 'new route').length >= 3, { timeout: deadline });
    expect(new Set(deaf)).toEqual(new Set(['new route']));
    end();
  });

  test('own label routes are not told to who hears no own changes', ['mpls'], async (scene) => {
    const device = await scene.pair('v0');
    const deaf: string[] = [];
    const end = await scene.rtnetlink.subscribe(
      ['route-mpls'],
      (told) => {
        if (told.type !== 'overrun') deaf.push(`${told.type} ${told.object.object}`);
      },
      { own: false },
    );
    const route: MplsRoute = {
      object: 'route',
      family: 'mpls',
      label: label(1000),
      device,
      via: neighbourMac,
    };
    await scene.add(route);
    await scene.delete(route);
    await scene.add(route);
    // What goes with its device is the kernel's own doing.
    await scene.delete({ object: 'link', index: device });
    await vi.waitUntil(() => deaf.includes('delete route'), { timeout: deadline });
    expect(deaf).toEqual(['delete route']);
    end();
  });

  test('a signal that has fired lets nothing be sent', [], async (scene) => {
    const reason = new Error('no more');
    const signal = AbortSignal.abort(reason);
    const request: Request = {
      op: 'add',
      object: { object: 'rule', family: 'ipv4', priority: 77, table: 77 },
    };
    const rules = async () => (await scene.rtnetlink.dump({ object: 'rule', family: 'ipv4' })).length;
    const before = await rules();
    const { rtnetlink } = scene;
    const none = await rtnetlink.dumpRoutes({ family: 'ipv4', table: 4711 });
    await expect(rtnetlink.execute([request], { signal })).rejects.toBe(reason);
    await expect(rtnetlink.executeRoutes('add', none, { signal })).rejects.toBe(reason);
    await expect(rtnetlink.dump({ object: 'link' }, { signal })).rejects.toBe(reason);
    await expect(rtnetlink.dumpRoutes({ family: 'ipv4' }, { signal })).rejects.toBe(reason);
    await expect(rtnetlink.subscribe(['link'], () => undefined, { signal })).rejects.toBe(reason);
    expect(await rules()).toBe(before);
  });

  test('a subscription ends with its signal', [], async (scene) => {
    const ending = new AbortController();
    const witness = await scene.listen('rule');
    const heard: Notification[] = [];
    await scene.rtnetlink.subscribe(['rule'], (told) => heard.push(told), { signal: ending.signal });
    const rule: Rule = { object: 'rule', family: 'ipv4', priority: 77, table: 77 };
    await scene.add(rule);
    await vi.waitUntil(() => heard.length > 0, { timeout: deadline });
    ending.abort();
    await scene.delete(rule);
    expect(await witness.told()).toEqual(['new rule ipv4 77', 'delete rule ipv4 77']);
    expect(heard).toMatchObject([{ type: 'new', object: rule }]);
  });

  test('what no message can carry is refused, and the rest of the batch is done', [], async (scene) => {
    const route = { object: 'route', family: 'ipv4', table: 77, type: 'blackhole' } as const;
    const good: IpRoute = { ...route, prefix: prefix('10.1.0.1/32') };
    const wrong: readonly KernelObject[] = [
      { ...good, table: 0 },
      { ...good, prefix: '10.1.0.1/33' as IpRoute['prefix'] },
      { ...good, prefix: '10.1.0.1/24' as IpRoute['prefix'] },
      { ...good, protocol: 256 },
      { ...good, multipath: [] },
      { object: 'route', family: 'mpls', label: (2 ** 20) as MplsRoute['label'], device: 1 },
      { object: 'nexthop', id: 0, family: 'ipv6', blackhole: true },
      { object: 'nexthop', id: 9, group: [{ id: 1, weight: 0 }] },
      { object: 'link', name: 'a-name-that-is-too-long', info: { kind: 'veth' } },
      { object: 'netconf', family: 'ipv4', index: 'all', forwarding: true },
    ];
    const requests = [...wrong, good].map((object) => ({ op: 'add', object }) as const);
    const verdicts = await scene.rtnetlink.execute(requests);
    expect(verdicts.map((error) => error?.code)).toEqual([...wrong.map(() => 'invalid'), undefined]);
    expect(await scene.prefixes('ipv4', 77)).toEqual(['10.1.0.1/32']);
  });

  test('routes in columns are those of a dump, and can be executed', [], async (scene) => {
    const device = await scene.pair('v0');
    await scene.add({ object: 'nexthop', id: 7, family: 'ipv6', device });
    for (const family of ['ipv4', 'ipv6'] as const) {
      const texts =
        family === 'ipv4'
          ? ['0.0.0.0/0', '10.1.0.1/32', '255.255.255.254/31']
          : ['::/0', '2001:db8::1/128', 'fff0::/12'];
      const route = { object: 'route', family, table: 1001, protocol: 200, nexthopId: 7 } as const;
      const { nexthopId: _, ...nowhere } = route;
      await scene.add(
        ...texts.map((text, metric): IpRoute => ({ ...route, prefix: prefix(text), metric: metric + 1 })),
        { ...nowhere, prefix: prefix(texts[0] ?? ''), type: 'unreachable', metric: 4278198272 },
        { ...route, table: 1002, prefix: prefix(texts[1] ?? ''), protocol: 186 },
      );
      const routes = await scene.rtnetlink.dump({ object: 'route', family, table: 1001 });
      const columns = await scene.rtnetlink.dumpRoutes({ family, table: 1001 });
      const asObjects = (): IpRoute[] =>
        Array.from({ length: columns.length }, (_, at) => routeAt(columns, at));
      // Where a route of IPv6 leads nowhere, it leads to `lo`: no column says so.
      expect(asObjects()).toEqual(routes.map(({ device: _device, ...rest }) => rest));
      expect((await scene.rtnetlink.dumpRoutes({ family, protocol: 186 })).tables).toEqual(
        Uint32Array.of(1002),
      );
      expect((await scene.rtnetlink.dumpRoutes({ family, table: 4711 })).length).toBe(0);
      expect(await scene.rtnetlink.executeRoutes('delete', columns)).toEqual(new Map());
      expect(await scene.prefixes(family, 1001)).toEqual([]);
      const again = { ...columns, nexthopIds: columns.nexthopIds.map((id, at) => (at === 1 ? 99 : id)) };
      const errors = await scene.rtnetlink.executeRoutes('add', again);
      expect([...errors].map(([at, { errno }]) => [at, errno])).toEqual([[1, 'EINVAL']]);
      expect(await scene.prefixes(family, 1001)).toHaveLength(3);
      const wrong = { ...columns, tables: columns.tables.map(() => 0) };
      const refused = await scene.rtnetlink.executeRoutes('replace', wrong);
      expect([...refused.values()].map(({ code }) => code)).toEqual(routes.map(() => 'invalid'));
    }
  });

  test(
    'routes of several tables go together, and those that fail are told by their number',
    [],
    async (scene) => {
      const device = await scene.pair('v0');
      await scene.add({ object: 'nexthop', id: 7, family: 'ipv6', device });
      for (const family of ['ipv4', 'ipv6'] as const) {
        const tables = [1001, 1002, 1001, 1003];
        const columns = newRouteColumns(family, tables.length);
        const width = family === 'ipv4' ? 1 : 4;
        for (const [at, table] of tables.entries()) {
          columns.addresses[at * width] = family === 'ipv4' ? 0x0a000000 + at * 256 : 0x20010000 + at;
          columns.prefixLengths[at] = family === 'ipv4' ? 24 : 32;
          columns.tables[at] = table;
          columns.nexthopIds[at] = at === 2 ? 99 : 7;
          columns.protocols[at] = 200;
        }
        const errors = await scene.rtnetlink.executeRoutes('replace', columns);
        expect([...errors.keys()]).toEqual([2]);
        expect(errors.get(2)).toMatchObject({
          code: 'kernel',
          errno: 'EINVAL',
          message: expect.stringContaining(`${routeAt(columns, 2).prefix} table 1001`),
          kernelMessage: expect.stringContaining('Nexthop id does not exist'),
        });
        const held = await scene.rtnetlink.dumpRoutes({ family, protocol: 200 });
        expect([...held.tables].sort()).toEqual([1002, 1001, 1003].sort());
        expect([...held.nexthopIds]).toEqual([7, 7, 7]);
        const gone = await scene.rtnetlink.executeRoutes('delete', columns);
        expect([...gone.keys()]).toEqual([2]);
        expect((await scene.rtnetlink.dumpRoutes({ family, protocol: 200 })).length).toBe(0);
      }
    },
  );

  test('an error names the request and has the words of the kernel', [], async (scene) => {
    const error = await scene.refusal('add', { object: 'nexthop', id: 7, family: 'ipv4', device: 9999 });
    expect(error.message).toContain('nexthop add id 7');
    expect(error.message).toContain('EINVAL');
    expect(error.kernelMessage).toContain('Invalid device index');
  });

  test('an error names the attribute at fault', ['mpls'], async (scene) => {
    const device = await scene.pair('v0');
    // Not one of those that a label of ours can be.
    const encapLabels = [3 as Label];
    const error = await scene.refusal('add', {
      object: 'nexthop',
      id: 7,
      family: 'ipv6',
      device,
      encapLabels,
    });
    expect(error.errno).toBe('EINVAL');
    expect(error.kernelMessage).toContain('Implicit NULL Label (3) can not be used in encapsulation');
    if (scene.namesAttributes) expect(error.attribute).toBe('NHA_ENCAP/MPLS_IPTUNNEL_DST');
    const route = { object: 'route', family: 'ipv4', table: 77, device, encapLabels } as const;
    expect(await scene.refused('add', { ...route, prefix: prefix('10.1.0.1/32') })).toBe('EINVAL');
  });

  test('a closed door says so', [], async (scene) => {
    await scene.rtnetlink.close();
    const closed = { code: 'closed' };
    const request = { op: 'delete', object: { object: 'link', name: 'nosuch' } } as const;
    await expect(scene.rtnetlink.execute([request])).rejects.toMatchObject(closed);
    await expect(scene.rtnetlink.execute([])).rejects.toMatchObject(closed);
    await expect(scene.rtnetlink.dumpRoutes({ family: 'ipv4' })).rejects.toMatchObject(closed);
    await expect(scene.rtnetlink.dump({ object: 'link' })).rejects.toMatchObject(closed);
    await expect(scene.rtnetlink.subscribe(['link'], () => undefined)).rejects.toMatchObject(closed);
    await scene.rtnetlink.close();
  });
}

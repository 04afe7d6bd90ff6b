// What the reconciler expects of the door itself: batches, notifications, closing.
import { expect } from 'vitest';
import type { IpRoute, KernelObject, Nexthop } from '../../objects.ts';
import type { Case } from './scene.ts';
import { Ear, everyGroup, ip, label, neighbourMac, prefix } from './scene.ts';

export function doorCases(test: Case): void {
  test('a batch is done in order, past what fails, with one verdict each', async (scene) => {
    const device = await scene.dummy('d0');
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

  test('what is made and deleted is told', async (scene) => {
    const ear = await scene.listen(...everyGroup);
    const index = await scene.dummy('d0');
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
      { object: 'route', family: 'mpls', label: label(1000), device: index, via: ip('10.1.0.1') },
      { object: 'rule', family: 'ipv4', priority: 77, table: 77 },
    ];
    const words = [
      'address 169.254.1.1',
      'neighbour 10.1.0.1',
      'nexthop 7',
      'route 10.1.0.1/32',
      'route 2001:db8::1/128',
      'route 1000',
      'rule ipv4 77',
    ];
    await scene.add(...objects);
    const made = ['new link d0', ...words.map((word) => `new ${word}`)];
    expect(await ear.told()).toEqual(expect.arrayContaining(made));
    for (const object of objects.toReversed()) await scene.delete(object);
    await scene.delete({ object: 'link', index });
    const gone = ['delete link d0', ...words.map((word) => `delete ${word}`)];
    expect(await ear.told()).toEqual(expect.arrayContaining(gone));
  });

  test('a subscriber hears its own groups only, until it asks no more', async (scene) => {
    const ear = new Ear(scene, everyGroup);
    const unsubscribe = await scene.rtnetlink.subscribe(['nexthop', 'route-ipv4'], (notification) =>
      ear.hear(notification),
    );
    const witness = await scene.listen('nexthop');
    const device = await scene.dummy('d0');
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

  test('a closed door says so', async (scene) => {
    await scene.rtnetlink.close();
    const closed = { code: 'closed' };
    const request = { op: 'delete', object: { object: 'link', name: 'nosuch' } } as const;
    await expect(scene.rtnetlink.execute([request])).rejects.toMatchObject(closed);
    await expect(scene.rtnetlink.dump({ object: 'link' })).rejects.toMatchObject(closed);
    await expect(scene.rtnetlink.subscribe(['link'], () => undefined)).rejects.toMatchObject(closed);
    await scene.rtnetlink.close();
  });
}

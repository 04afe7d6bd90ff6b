// What the contract says of where a route leads: several paths, gateways, sources, metrics of the path, and types that lead nowhere.
import { expect } from 'vitest';
import type { IpRoute, RouteNexthop } from '../../objects.ts';
import type { Case, Scene } from './scene.ts';
import { ip, label, prefix } from './scene.ts';

const families = ['ipv4', 'ipv6'] as const;
type Family = (typeof families)[number];
const table = 1001;
const hosts = { ipv4: prefix('10.1.0.1/32'), ipv6: prefix('2001:db8::1/128') } as const;
const subnets = { ipv4: ['10.77.0', '10.78.0'], ipv6: ['2001:db8:77:', '2001:db8:78:'] } as const;
const ownLength = { ipv4: 24, ipv6: 64 } as const;
/** What the kernel adds to a route that it is asked for. */
const added = { ipv4: { protocol: 3 }, ipv6: { protocol: 3, metric: 1024 } } as const;

function at(family: Family, subnet: 0 | 1, host: number): ReturnType<typeof ip> {
  return ip(`${subnets[family][subnet]}${family === 'ipv4' ? '.' : ':'}${host}`);
}

/** Two pairs, v0 and v1, each with a subnet of both families, in which the host is 9. */
async function twoPaths(scene: Scene): Promise<readonly [number, number]> {
  const devices = [await scene.pair('v0'), await scene.pair('v1')] as const;
  for (const family of families) {
    for (const subnet of [0, 1] as const) {
      await scene.add({
        object: 'address',
        index: devices[subnet],
        address: at(family, subnet, 9),
        prefixLength: ownLength[family],
        ...(family === 'ipv6' ? { noDad: true } : {}),
      });
    }
  }
  return devices;
}

export function pathCases(test: Case): void {
  test('a route of several paths is added once, replaced and deleted as one', [], async (scene) => {
    const [v0, v1] = await twoPaths(scene);
    for (const family of families) {
      const multipath: RouteNexthop[] = [
        { device: v0, gateway: at(family, 0, 1), weight: 1 },
        { device: v1, gateway: at(family, 1, 1), weight: 256 },
      ];
      const plain = { object: 'route', family, table, prefix: hosts[family] } as const;
      const route: IpRoute = { ...plain, multipath };
      const dump = () => scene.rtnetlink.dump({ object: 'route', family, table });
      const ear = await scene.listen(`route-${family}`);
      await scene.add(route);
      expect(await dump()).toEqual([{ ...route, ...added[family] }]);
      expect(await ear.told()).toEqual([`new route ${hosts[family]}`]);
      expect(await scene.refused('add', route)).toBe('EEXIST');
      expect(await scene.refused('add', { ...plain, device: v0 })).toBe('EEXIST');
      await scene.replace({ ...route, multipath: multipath.toReversed() });
      expect(await dump()).toEqual([{ ...route, ...added[family], multipath: multipath.toReversed() }]);
      // One path is no multipath.
      await scene.replace({ ...route, multipath: multipath.slice(1) });
      expect(await dump()).toEqual([{ ...plain, ...added[family], device: v1, gateway: at(family, 1, 1) }]);
      await scene.replace(route);
      await scene.delete(plain);
      expect(await dump()).toEqual([]);
    }
  });

  test('each path needs a device that is there and a gateway on its link', [], async (scene) => {
    const [v0, v1] = await twoPaths(scene);
    for (const family of families) {
      const good: RouteNexthop = { device: v0, gateway: at(family, 0, 1), weight: 1 };
      const route = (path: Omit<RouteNexthop, 'weight'>): IpRoute => ({
        object: 'route',
        family,
        table,
        prefix: hosts[family],
        multipath: [good, { ...path, weight: 1 }],
      });
      const unreachable = family === 'ipv4' ? 'ENETUNREACH' : 'EHOSTUNREACH';
      expect(await scene.refused('add', route({ device: v1, gateway: at(family, 0, 1) }))).toBe(unreachable);
      expect(await scene.refused('add', route({ device: 9999, gateway: at(family, 1, 1) }))).toBe(
        family === 'ipv4' ? unreachable : 'ENODEV',
      );
      await scene.add(
        route({ device: v1, gateway: ip(family === 'ipv4' ? '10.99.0.1' : 'fe80::1'), onlink: true }),
      );
      await scene.delete(route({ device: v1 }));
    }
    const bare: IpRoute = {
      object: 'route',
      family: 'ipv6',
      table,
      prefix: hosts.ipv6,
      multipath: [
        { device: v0, weight: 1 },
        { device: v1, weight: 1 },
      ],
    };
    const error = await scene.refusal('add', bare);
    expect(error.errno).toBe('EINVAL');
    expect(error.kernelMessage).toContain('Device only routes can not be added for IPv6');
    await scene.add({ ...bare, family: 'ipv4', prefix: hosts.ipv4 });
  });

  test('a route of several paths outlives one that is down, but not the last', [], async (scene) => {
    const [v0, v1] = await twoPaths(scene);
    const add = async (): Promise<void> => {
      for (const family of families) {
        const multipath = [
          { device: v0, gateway: at(family, 0, 1), onlink: true, weight: 1 },
          { device: v1, gateway: at(family, 1, 1), onlink: true, weight: 1 },
        ];
        await scene.replace({ object: 'route', family, table, prefix: hosts[family], multipath });
      }
    };
    await add();
    await scene.set({ index: v1, up: false });
    for (const family of families) {
      expect(await scene.rtnetlink.dump({ object: 'route', family, table })).toMatchObject([
        { multipath: [{ device: v0 }, { device: v1 }] },
      ]);
    }
    await scene.set({ index: v0, up: false });
    for (const family of families) expect(await scene.prefixes(family, table)).toEqual([]);
    await scene.set({ index: v0, up: true });
    await scene.set({ index: v1, up: true });
    await add();
    await scene.delete({ object: 'link', index: v1 });
    expect(await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table })).toEqual([]);
    expect(await scene.rtnetlink.dump({ object: 'route', family: 'ipv6', table })).toEqual([
      {
        object: 'route',
        family: 'ipv6',
        table,
        prefix: hosts.ipv6,
        ...added.ipv6,
        device: v0,
        gateway: at('ipv6', 0, 1),
        onlink: true,
      },
    ]);
  });

  test('the kernel finds the device of a gateway, and takes gateways of IPv6 for IPv4', [], async (scene) => {
    const [v0] = await twoPaths(scene);
    for (const family of families) {
      const route: IpRoute = {
        object: 'route',
        family,
        table,
        prefix: hosts[family],
        gateway: at(family, 0, 1),
      };
      await scene.add(route);
      expect(await scene.rtnetlink.dump({ object: 'route', family, table })).toEqual([
        { ...route, ...added[family], device: v0 },
      ]);
      await scene.delete(route);
    }
    const other: IpRoute = { object: 'route', family: 'ipv4', table, prefix: hosts.ipv4, device: v0 };
    await scene.add({ ...other, gateway: ip('fe80::7') });
    expect(await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table })).toMatchObject([
      { gateway: 'fe80::7', device: v0 },
    ]);
    const ourselves = { ...other, family: 'ipv6', prefix: hosts.ipv6, gateway: at('ipv6', 0, 9) } as const;
    const error = await scene.refusal('add', ourselves);
    expect(error.errno).toBe('EINVAL');
    expect(error.kernelMessage).toContain('Gateway can not be a local address');
  });

  test('a route has a source that is ours', [], async (scene) => {
    const [v0] = await twoPaths(scene);
    for (const family of families) {
      const route: IpRoute = { object: 'route', family, table, prefix: hosts[family], device: v0 };
      const error = await scene.refusal('add', { ...route, preferredSource: at(family, 0, 77) });
      expect(error.errno).toBe('EINVAL');
      expect(error.kernelMessage).toContain(family === 'ipv4' ? 'Invalid prefsrc' : 'Invalid source');
      await scene.add({ ...route, preferredSource: at(family, 1, 9) });
      expect(await scene.rtnetlink.dump({ object: 'route', family, table })).toEqual([
        { ...route, ...added[family], preferredSource: at(family, 1, 9) },
      ]);
    }
  });

  // Kernels from 6.6 tell of it, older ones do not.
  test(
    'with a source goes an IPv4 route of its table; an IPv6 route of the device loses it',
    [],
    async (scene) => {
      const [v0, v1] = await twoPaths(scene);
      for (const family of families) {
        const source = at(family, 1, 9);
        const route = (device: number, table: number): IpRoute => ({
          object: 'route',
          family,
          table,
          prefix: hosts[family],
          device,
          preferredSource: source,
        });
        await scene.add(route(v0, 254), route(v0, 1001), route(v1, 1002));
        await scene.delete({
          object: 'address',
          index: v1,
          address: source,
          prefixLength: ownLength[family],
        });
        const left = await scene.rtnetlink.dump({ object: 'route', family, protocol: 3 });
        const tables = left.filter(({ prefix }) => prefix === hosts[family]).map(({ table }) => table);
        expect(tables.sort()).toEqual(family === 'ipv4' ? [1001] : [1001, 1002, 254]);
        expect(left.find(({ table }) => table === 1002)?.preferredSource).toBeUndefined();
      }
    },
  );

  test('metrics of the path are kept until a route without them replaces it', [], async (scene) => {
    const [v0] = await twoPaths(scene);
    for (const family of families) {
      const route: IpRoute = { object: 'route', family, table, prefix: hosts[family], device: v0 };
      const metrics = { mtu: 1400, mtuLocked: true, advmss: 1360, hopLimit: 64 };
      await scene.add({ ...route, metrics });
      const dump = () => scene.rtnetlink.dump({ object: 'route', family, table });
      expect(await dump()).toEqual([{ ...route, ...added[family], metrics }]);
      await scene.replace(route);
      expect(await dump()).toEqual([{ ...route, ...added[family] }]);
    }
  });

  test('a route of a type that refuses leads nowhere; the others need a device', [], async (scene) => {
    const [v0] = await twoPaths(scene);
    const loopback = (await scene.link('lo')).index;
    for (const family of families) {
      const route: IpRoute = { object: 'route', family, table, prefix: hosts[family] };
      const dump = () => scene.rtnetlink.dump({ object: 'route', family, table });
      for (const type of ['blackhole', 'unreachable', 'prohibit', 'throw'] as const) {
        await scene.replace({ ...route, type });
        const device = family === 'ipv6' ? { device: loopback } : {};
        expect(await dump()).toEqual([{ ...route, type, ...added[family], ...device }]);
      }
      await scene.delete({ ...route, type: 'throw' });
      for (const type of ['local', 'broadcast', 'anycast', 'multicast'] as const) {
        await scene.replace({ ...route, type, device: v0 });
        expect(await dump()).toEqual([{ ...route, type, ...added[family], device: v0 }]);
      }
      await scene.delete({ ...route, type: 'multicast' });
    }
    const refused: IpRoute = { object: 'route', family: 'ipv4', table, prefix: hosts.ipv4, type: 'prohibit' };
    expect(await scene.refused('add', { ...refused, device: v0 })).toBe('EINVAL');
  });

  test('a route may say its labels itself', ['mpls'], async (scene) => {
    const [v0, v1] = await twoPaths(scene);
    for (const family of families) {
      const legs = [
        { device: v0, gateway: at(family, 0, 1), encapLabels: [label(1002)] },
        { device: v1, gateway: at(family, 1, 1), encapLabels: [label(1003), label(16)] },
      ] as const;
      const route: IpRoute = { object: 'route', family, table, prefix: hosts[family] };
      const dump = () => scene.rtnetlink.dump({ object: 'route', family, table });
      await scene.add({ ...route, ...legs[1] });
      expect(await dump()).toEqual([{ ...route, ...added[family], ...legs[1] }]);
      const multipath = legs.map((leg) => ({ ...leg, weight: 1 }));
      await scene.replace({ ...route, multipath });
      expect(await dump()).toEqual([{ ...route, ...added[family], multipath }]);
    }
  });
}

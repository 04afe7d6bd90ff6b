// What the reconciler expects of IPv4 and IPv6 routes and of label routes.
import { expect } from 'vitest';
import type { IpRoute } from '../../objects.ts';
import { sysctlKeys } from '../../sysctl-keys.ts';
import { remote } from './nexthops.ts';
import type { Case } from './scene.ts';
import { ip, prefix } from './scene.ts';

const hosts = { ipv4: prefix('10.1.0.1/32'), ipv6: prefix('2001:db8::1/128') } as const;
const defaults = { ipv4: prefix('0.0.0.0/0'), ipv6: prefix('::/0') } as const;
const families = ['ipv4', 'ipv6'] as const;

export function routeCases(test: Case): void {
  test('a route is added once, replaced at will and deleted once', [], async (scene) => {
    const device = await scene.pair('v0');
    await scene.add(remote(1, device), remote(2, device));
    for (const family of families) {
      const route: IpRoute = {
        object: 'route',
        family,
        table: 1001,
        prefix: hosts[family],
        protocol: 200,
        nexthopId: 1,
      };
      await scene.add(route);
      const kernels = family === 'ipv6' ? { metric: 1024 } : {};
      expect(await scene.rtnetlink.dump({ object: 'route', family, table: 1001 })).toEqual([
        { ...route, ...kernels },
      ]);
      expect(await scene.refused('add', route)).toBe('EEXIST');
      await scene.replace({ ...route, nexthopId: 2 });
      expect(await scene.rtnetlink.dump({ object: 'route', family, table: 1001 })).toEqual([
        { ...route, ...kernels, nexthopId: 2 },
      ]);
      // A delete that says the old nexthop finds nothing.
      expect(await scene.refused('delete', route)).toBe('ESRCH');
      await scene.delete({ ...route, nexthopId: 2 });
      expect(await scene.rtnetlink.dump({ object: 'route', family, table: 1001 })).toEqual([]);
      expect(await scene.refused('delete', route)).toBe('ESRCH');
      expect(await scene.refused('delete', { ...route, table: 1777 })).toBe('ESRCH');
      await scene.replace(route);
      expect(await scene.prefixes(family, 1001)).toEqual([hosts[family]]);
    }
  });

  test(
    'a dump shows the table and protocol asked for, and nothing of a table that never was',
    [],
    async (scene) => {
      const device = await scene.pair('v0');
      for (const family of families) {
        const route: IpRoute = {
          object: 'route',
          family,
          table: 1001,
          prefix: hosts[family],
          protocol: 200,
          device,
        };
        await scene.add(route, { ...route, table: 1002, protocol: 186 });
        expect(await scene.prefixes(family, 1001)).toEqual([hosts[family]]);
        const ours = await scene.rtnetlink.dump({ object: 'route', family, protocol: 200 });
        expect(ours).toMatchObject([{ table: 1001 }]);
        expect(await scene.rtnetlink.dump({ object: 'route', family, table: 1002, protocol: 200 })).toEqual(
          [],
        );
        expect(await scene.rtnetlink.dump({ object: 'route', family, table: 4711 })).toEqual([]);
      }
    },
  );

  test('routes of one prefix differ by metric', [], async (scene) => {
    const device = await scene.pair('v0');
    for (const family of families) {
      const unreachable: IpRoute = {
        object: 'route',
        family,
        table: 1001,
        prefix: defaults[family],
        type: 'unreachable',
        metric: 4278198272,
        protocol: 200,
      };
      const low: IpRoute = {
        object: 'route',
        family,
        table: 1001,
        prefix: defaults[family],
        device,
        metric: 5,
      };
      await scene.add(unreachable, low);
      expect(
        await scene.rtnetlink.dump({ object: 'route', family, table: 1001, protocol: 200 }),
      ).toMatchObject([unreachable]);
      await scene.delete(low);
      expect(await scene.refused('delete', low)).toBe('ESRCH');
      expect(await scene.prefixes(family, 1001)).toEqual([defaults[family]]);
      await scene.delete(unreachable);
      expect(await scene.prefixes(family, 1001)).toEqual([]);
    }
  });

  test('a delete of a route that is gone takes no other of its prefix', [], async (scene) => {
    const device = await scene.pair('v0');
    await scene.add(remote(1, device));
    for (const family of families) {
      const unreachable: IpRoute = {
        object: 'route',
        family,
        table: 1001,
        prefix: defaults[family],
        type: 'unreachable',
        metric: 4278198272,
        protocol: 200,
      };
      const { type: _type, metric: _metric, ...plain } = unreachable;
      const metric = family === 'ipv6' ? { metric: 1024 } : {};
      await scene.add(unreachable);
      expect(await scene.refused('delete', { ...plain, ...metric, nexthopId: 1 })).toBe('ESRCH');
      expect(await scene.refused('delete', { ...plain, ...metric, device })).toBe('ESRCH');
      // Nothing has a nexthop that is not there: the route went with it.
      const error = await scene.refusal('delete', { ...plain, ...metric, nexthopId: 77 });
      expect(error.errno).toBe('EINVAL');
      expect(error.kernelMessage).toContain('Nexthop id does not exist');
      expect(await scene.prefixes(family, 1001)).toEqual([defaults[family]]);
    }
  });

  test('a route needs a nexthop that exists, of a family that it can use', [], async (scene) => {
    const device = await scene.pair('v0');
    await scene.add(
      { object: 'nexthop', id: 4, family: 'ipv4', device },
      { object: 'nexthop', id: 6, family: 'ipv6', device },
      { object: 'nexthop', id: 9, group: [{ id: 4, weight: 1 }] },
    );
    const ipv4: IpRoute = { object: 'route', family: 'ipv4', table: 1001, prefix: hosts.ipv4, nexthopId: 6 };
    const ipv6: IpRoute = { object: 'route', family: 'ipv6', table: 1001, prefix: hosts.ipv6, nexthopId: 4 };
    for (const route of [ipv4, ipv6]) {
      const error = await scene.refusal('replace', { ...route, nexthopId: 77 });
      expect(error.errno).toBe('EINVAL');
      expect(error.kernelMessage).toContain('Nexthop id does not exist');
      expect(error.message).toContain(route.prefix);
      expect(error.message).toContain('EINVAL');
    }
    const error = await scene.refusal('add', ipv6);
    expect(error.errno).toBe('EINVAL');
    expect(error.kernelMessage).toContain('IPv6 routes can not use an IPv4 nexthop');
    expect(await scene.refused('add', { ...ipv6, nexthopId: 9 })).toBe('EINVAL');
    await scene.add(ipv4, { ...ipv6, nexthopId: 6 });
    expect(await scene.refused('replace', { object: 'nexthop', id: 6, family: 'ipv4', device })).toBe(
      'EINVAL',
    );
  });

  test('a plain route needs a device that is up and a gateway on its link', [], async (scene) => {
    const device = await scene.pair('v0');
    for (const family of families) {
      const route: IpRoute = { object: 'route', family, table: 1001, prefix: hosts[family] };
      expect(await scene.refused('add', route)).toBe('ENODEV');
      expect(await scene.refused('add', { ...route, device: 9999 })).toBe('ENODEV');
      const gateway = ip(family === 'ipv4' ? '10.77.0.1' : '2001:db8:77::1');
      const unreachable = family === 'ipv4' ? 'ENETUNREACH' : 'EHOSTUNREACH';
      expect(await scene.refused('add', { ...route, device, gateway })).toBe(unreachable);
      const prefixLength = family === 'ipv4' ? 24 : 64;
      const address = ip(family === 'ipv4' ? '10.77.0.9' : '2001:db8:77::9');
      await scene.add(
        { object: 'address', index: device, address, prefixLength },
        { ...route, device, gateway },
      );
      await scene.delete(route);
      await scene.set({ index: device, up: false });
      expect(await scene.refused('add', { ...route, device })).toBe('ENETDOWN');
      await scene.set({ index: device, up: true });
    }
  });

  test(
    'a device that goes down takes its IPv4 routes without a word, its IPv6 ones with one',
    [],
    async (scene) => {
      const device = await scene.pair('v0');
      for (const family of families) {
        await scene.add({ object: 'route', family, table: 1001, prefix: hosts[family], device });
      }
      await scene.add({ object: 'address', index: device, address: ip('169.254.1.1'), prefixLength: 32 });
      const ear = await scene.listen('route-ipv4', 'route-ipv6');
      await scene.set({ index: device, up: false });
      for (const family of families) expect(await scene.prefixes(family, 1001)).toEqual([]);
      const told = await ear.told();
      expect(told).toContain(`delete route ${hosts.ipv6}`);
      expect(told.filter((line) => /\d\.\d/.test(line))).toEqual([]);
      const local = await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table: 255 });
      expect(local).toEqual(
        expect.arrayContaining([expect.objectContaining({ prefix: '169.254.1.1/32', device })]),
      );
    },
  );

  test(
    'routes are told again with a nexthop that is replaced only in compatibility mode',
    [],
    async (scene) => {
      const device = await scene.pair('v0');
      await scene.add(remote(1, device));
      for (const family of families) {
        await scene.add({ object: 'route', family, table: 1001, prefix: hosts[family], nexthopId: 1 });
      }
      const dump = () =>
        Promise.all(families.map((family) => scene.rtnetlink.dump({ object: 'route', family, table: 1001 })));
      const before = await dump();
      const ear = await scene.listen('nexthop', 'route-ipv4', 'route-ipv6');
      await scene.replace({ ...remote(1, device), gateway: ip('fe80::7') });
      expect(await ear.told()).toEqual(['new nexthop 1']);
      await scene.sysctl.set(sysctlKeys.nexthopCompatMode, true);
      expect(await dump()).toEqual(before);
      await scene.replace(remote(1, device));
      const routes = families.map((family) => `new route ${hosts[family]}`);
      expect((await ear.told()).sort()).toEqual(['new nexthop 1', ...routes].sort());
      await scene.delete(remote(1, device));
      expect((await ear.told()).sort()).toEqual(['delete nexthop 1', `delete route ${hosts.ipv6}`]);
    },
  );
}

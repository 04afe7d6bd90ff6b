// What the reconciler expects of addresses of a device, and of the routes that they bring.
import { expect } from 'vitest';
import type { Address, IpRoute, Neighbour } from '../../objects.ts';
import type { Case } from './scene.ts';
import { ip, neighbourMac, prefix } from './scene.ts';

export function addressCases(test: Case): void {
  test('an address is added once and deleted once', [], async (scene) => {
    const index = await scene.pair('v0');
    const addresses: Address[] = [
      { object: 'address', index, address: ip('169.254.1.1'), prefixLength: 32 },
      { object: 'address', index, address: ip('fe80::1'), prefixLength: 64, noDad: true },
    ];
    await scene.add(...addresses);
    for (const address of addresses) {
      const family = address.noDad === true ? 'ipv6' : 'ipv4';
      expect(await scene.rtnetlink.dump({ object: 'address', family })).toContainEqual(address);
      expect(await scene.refused('add', address)).toBe('EEXIST');
      await scene.replace(address);
      await scene.delete(address);
      expect(await scene.rtnetlink.dump({ object: 'address', family })).not.toContainEqual(address);
      expect(await scene.refused('delete', address)).toBe('EADDRNOTAVAIL');
      expect(await scene.refused('add', { ...address, index: 9999 })).toBe('ENODEV');
    }
  });

  test(
    'IPv4 addresses outlive a device that goes down, IPv6 ones do not; both may be put on one that is down',
    [],
    async (scene) => {
      const index = await scene.pair('v0');
      const inet: Address = { object: 'address', index, address: ip('169.254.1.1'), prefixLength: 32 };
      const inet6: Address = {
        object: 'address',
        index,
        address: ip('fe80::1'),
        prefixLength: 64,
        noDad: true,
      };
      await scene.add(inet, inet6);
      const ear = await scene.listen('address');
      await scene.set({ index, up: false });
      expect(await scene.addressesOf(index)).toEqual(['169.254.1.1']);
      expect(await ear.told()).toContain('delete address fe80::1');
      await scene.add(inet6);
      await scene.set({ index, up: true });
      expect(await scene.addressesOf(index)).toEqual(expect.arrayContaining(['169.254.1.1', 'fe80::1']));
      await scene.set({ name: 'v0-peer', up: false });
      expect(await scene.addressesOf(index)).toEqual(expect.arrayContaining(['169.254.1.1', 'fe80::1']));
    },
  );

  test(
    'the kernel keeps the routes of addresses in the table of the VRF, one for each of two alike devices',
    ['vrf'],
    async (scene) => {
      const red = await scene.vrf('red', 1001);
      const indexes = [await scene.pair('v0'), await scene.pair('v1')];
      for (const index of indexes) {
        await scene.set({ index, master: red });
        await scene.add(
          { object: 'address', index, address: ip('169.254.1.1'), prefixLength: 32 },
          { object: 'address', index, address: ip('fe80::1'), prefixLength: 64, noDad: true },
        );
      }
      for (const [family, prefix] of [
        ['ipv4', '169.254.1.1/32'],
        ['ipv6', 'fe80::1/128'],
      ] as const) {
        const routes = await scene.rtnetlink.dump({ object: 'route', family, table: 1001, protocol: 2 });
        const local = routes.filter((route) => route.prefix === prefix);
        expect(local.map(({ type }) => type)).toEqual(['local', 'local']);
        expect(local.map(({ device }) => device).sort()).toEqual(indexes.sort());
      }
      const [first = 0] = indexes;
      await scene.delete({ object: 'address', index: first, address: ip('169.254.1.1'), prefixLength: 32 });
      expect(await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table: 1001 })).toHaveLength(1);
    },
  );

  test('an address brings routes: to itself, to its subnet and to all in that', [], async (scene) => {
    const index = await scene.pair('v0');
    await scene.add(
      { object: 'address', index, address: ip('10.77.0.9'), prefixLength: 24 },
      { object: 'address', index, address: ip('2001:db8:77::9'), prefixLength: 64, noDad: true },
    );
    const own = { object: 'route', protocol: 2, device: index } as const;
    const ipv4 = { ...own, family: 'ipv4', preferredSource: ip('10.77.0.9') } as const;
    const ipv6 = { ...own, family: 'ipv6' } as const;
    const routes = async (family: 'ipv4' | 'ipv6'): Promise<IpRoute[]> => {
      const all = await scene.rtnetlink.dump({ object: 'route', family });
      return all.filter(({ device, prefix }) => device === index && !/^f[ef]/.test(prefix));
    };
    const expected: Readonly<Record<'ipv4' | 'ipv6', readonly IpRoute[]>> = {
      ipv4: [
        { ...ipv4, table: 254, prefix: prefix('10.77.0.0/24') },
        { ...ipv4, table: 255, prefix: prefix('10.77.0.9/32'), type: 'local' },
        { ...ipv4, table: 255, prefix: prefix('10.77.0.255/32'), type: 'broadcast' },
      ],
      ipv6: [
        { ...ipv6, table: 254, prefix: prefix('2001:db8:77::/64'), metric: 256 },
        { ...ipv6, table: 255, prefix: prefix('2001:db8:77::9/128'), type: 'local', metric: 0 },
      ],
    };
    for (const family of ['ipv4', 'ipv6'] as const) {
      await scene.eventually(async () => {
        const found = await routes(family);
        expect(found).toHaveLength(expected[family].length);
        expect(found).toEqual(expect.arrayContaining([...expected[family]]));
      });
    }
    const local = await scene.rtnetlink.dump({ object: 'route', family: 'ipv6', table: 255 });
    expect(local).toContainEqual({
      ...ipv6,
      table: 255,
      prefix: prefix('ff00::/8'),
      type: 'multicast',
      metric: 256,
    });
  });

  test('a point-to-point address leads to the other end', [], async (scene) => {
    const index = await scene.pair('v0');
    const inet: Address = {
      object: 'address',
      index,
      address: ip('10.77.0.1'),
      peer: ip('10.77.9.2'),
      prefixLength: 32,
    };
    const inet6: Address = {
      object: 'address',
      index,
      address: ip('2001:db8:77::1'),
      peer: ip('2001:db8:77::2'),
      prefixLength: 64,
      noDad: true,
    };
    await scene.add(inet, inet6);
    const addresses = await scene.rtnetlink.dump({ object: 'address' });
    expect(addresses).toContainEqual(inet);
    expect(addresses).toContainEqual(inet6);
    for (const [family, prefix] of [
      ['ipv4', '10.77.9.2/32'],
      ['ipv6', '2001:db8:77::2/128'],
    ] as const) {
      await scene.eventually(async () => {
        const routes = await scene.rtnetlink.dump({ object: 'route', family, table: 254 });
        expect(routes).toContainEqual(expect.objectContaining({ prefix, device: index }));
      });
    }
    await scene.delete(inet);
    const left = await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table: 254 });
    expect(left).toEqual([]);
  });

  test('the later addresses of a subnet go with the first', [], async (scene) => {
    const index = await scene.pair('v0');
    const first: Address = { object: 'address', index, address: ip('10.77.0.1'), prefixLength: 24 };
    const second = { ...first, address: ip('10.77.0.2') };
    const other = { ...first, address: ip('10.78.0.1') };
    await scene.add(first, second, other);
    const local = await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table: 255 });
    expect(local).toContainEqual(
      expect.objectContaining({ prefix: '10.77.0.2/32', preferredSource: '10.77.0.1' }),
    );
    await scene.delete(second);
    expect(await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table: 254 })).toHaveLength(2);
    await scene.add(second);
    const ear = await scene.listen('address');
    await scene.delete(first);
    expect((await ear.told()).sort()).toEqual(['delete address 10.77.0.1', 'delete address 10.77.0.2']);
    expect(await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table: 254 })).toMatchObject([
      { prefix: '10.78.0.0/24' },
    ]);
  });

  test(
    'the last IPv4 address of a device takes its IPv4 routes and neighbours, but no nexthop',
    [],
    async (scene) => {
      const index = await scene.pair('v0');
      const first: Address = { object: 'address', index, address: ip('169.254.1.1'), prefixLength: 32 };
      const second = { ...first, address: ip('169.254.1.2') };
      const host: IpRoute = { object: 'route', family: 'ipv4', table: 77, prefix: prefix('10.1.0.1/32') };
      const neighbour: Neighbour = {
        object: 'neighbour',
        index,
        address: ip('10.1.0.1'),
        linkLayerAddress: neighbourMac,
        state: 'permanent',
      };
      await scene.add(
        first,
        second,
        neighbour,
        { object: 'nexthop', id: 7, family: 'ipv4', device: index },
        { ...host, device: index },
        { ...host, prefix: prefix('10.1.0.2/32'), nexthopId: 7 },
        { ...host, family: 'ipv6', prefix: prefix('2001:db8::1/128'), device: index },
      );
      await scene.delete(first);
      expect(await scene.prefixes('ipv4', 77)).toEqual(['10.1.0.1/32', '10.1.0.2/32']);
      const ear = await scene.listen('route-ipv4', 'neighbour');
      await scene.delete(second);
      expect(await scene.prefixes('ipv4', 77)).toEqual(['10.1.0.2/32']);
      expect(await scene.prefixes('ipv6', 77)).toEqual(['2001:db8::1/128']);
      expect(await scene.rtnetlink.dump({ object: 'neighbour', index, family: 'ipv4' })).toEqual([]);
      const told = await ear.told();
      expect(told).toContain('delete neighbour 10.1.0.1');
      expect(told).not.toContain('delete route 10.1.0.1/32');
    },
  );
}

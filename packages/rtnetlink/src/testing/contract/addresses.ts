// What the reconciler expects of addresses and neighbours of a device.
import { expect } from 'vitest';
import type { Address, Neighbour } from '../../objects.ts';
import type { Case } from './scene.ts';
import { gateway, ip, mac, neighbourMac } from './scene.ts';

export function addressCases(test: Case): void {
  test('an address is added once and deleted once', async (scene) => {
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

  test('IPv4 addresses outlive a device that goes down, IPv6 ones do not; both may be put on one that is down', async (scene) => {
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
  });

  test('the kernel keeps the routes of addresses in the table of the VRF, one for each of two alike devices', async (scene) => {
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
      const local = routes.flatMap((route) =>
        route.family !== 'mpls' && route.prefix === prefix ? [route] : [],
      );
      expect(local.map(({ type }) => type)).toEqual(['local', 'local']);
      expect(local.map(({ device }) => device).sort()).toEqual(indexes.sort());
    }
    const [first = 0] = indexes;
    await scene.delete({ object: 'address', index: first, address: ip('169.254.1.1'), prefixLength: 32 });
    expect(await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table: 1001 })).toHaveLength(1);
  });
}

export function neighbourCases(test: Case): void {
  test('a neighbour is added once, replaced at will and deleted once', async (scene) => {
    const index = await scene.dummy('d0');
    const neighbour: Neighbour = {
      object: 'neighbour',
      index,
      address: gateway,
      linkLayerAddress: neighbourMac,
      state: 'permanent',
    };
    await scene.replace(neighbour);
    expect(await scene.rtnetlink.dump({ object: 'neighbour', index })).toContainEqual(neighbour);
    expect(await scene.refused('add', neighbour)).toBe('EEXIST');
    const moved = { ...neighbour, linkLayerAddress: mac('02:00:00:00:00:08') };
    await scene.replace(moved);
    expect(await scene.rtnetlink.dump({ object: 'neighbour', index, family: 'ipv6' })).toContainEqual(moved);
    await scene.delete(neighbour);
    expect(await scene.rtnetlink.dump({ object: 'neighbour', index })).not.toContainEqual(moved);
    expect(await scene.refused('delete', neighbour)).toBe('ENOENT');
    expect(await scene.refused('add', { ...neighbour, index: 9999 })).toBe('ENODEV');
  });

  test('on a multipoint tunnel the link-layer address is that of a PE', async (scene) => {
    const index = await scene.gre('gre-n');
    const address = ip('10.255.0.2');
    const neighbour: Neighbour = {
      object: 'neighbour',
      index,
      address: gateway,
      linkLayerAddress: address,
      state: 'permanent',
    };
    await scene.add(neighbour);
    expect(await scene.rtnetlink.dump({ object: 'neighbour', index })).toContainEqual(neighbour);
  });

  test('permanent neighbours go when the device goes down or gets another MAC address, not with its carrier', async (scene) => {
    const index = await scene.pair('v0');
    const neighbour: Neighbour = {
      object: 'neighbour',
      index,
      address: ip('10.1.0.1'),
      linkLayerAddress: neighbourMac,
      state: 'permanent',
    };
    const dump = () => scene.rtnetlink.dump({ object: 'neighbour', index, family: 'ipv4' });
    await scene.add(neighbour);
    await scene.set({ name: 'v0-peer', up: false });
    expect(await dump()).toEqual([neighbour]);
    const ear = await scene.listen('neighbour');
    await scene.set({ index, address: mac('00:00:5e:00:01:01') });
    expect(await dump()).toEqual([]);
    expect(await ear.told()).toContain('delete neighbour 10.1.0.1');
    await scene.add(neighbour);
    await scene.set({ index, up: false });
    expect(await dump()).toEqual([]);
    expect(await ear.told()).toContain('delete neighbour 10.1.0.1');
  });
}

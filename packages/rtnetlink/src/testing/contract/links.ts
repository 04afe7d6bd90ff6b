// What the reconciler expects of devices: creation, facts, carrier, enslaving and deletion.
import { expect } from 'vitest';
import type { Address, Link, Neighbour } from '../../objects.ts';
import { sysctlKeys } from '../../sysctl-keys.ts';
import type { Case } from './scene.ts';
import { ip, label, mac, neighbourMac, prefix } from './scene.ts';

export function linkCases(test: Case): void {
  test(
    'a device is added once and deleted once, and taken up and down by name and by index',
    [],
    async (scene) => {
      const veth: Link = { object: 'link', name: 'd0', info: { kind: 'veth', peer: 'd1' } };
      await scene.add(veth);
      const made = { name: 'd0', up: false, carrier: false, mtu: 1500, info: { kind: 'veth' } };
      expect(await scene.link('d0')).toMatchObject(made);
      expect(await scene.refused('add', veth)).toBe('EEXIST');
      expect(await scene.refused('replace', veth)).toBe('EOPNOTSUPP');
      await scene.set({ name: 'd1', up: true });
      await scene.set({ name: 'd0', up: true });
      const { index, up, carrier } = await scene.link('d0');
      expect({ up, carrier }).toEqual({ up: true, carrier: true });
      await scene.set({ index, up: false, mtu: 1400, address: mac('02:00:00:00:00:05') });
      expect(await scene.link('d0')).toMatchObject({ up: false, mtu: 1400, address: '02:00:00:00:00:05' });
      await scene.delete({ object: 'link', index });
      expect(await scene.find('d0')).toBeUndefined();
      expect(await scene.refused('delete', { object: 'link', index })).toBe('ENODEV');
      expect(await scene.refused('delete', { object: 'link', name: 'd0' })).toBe('ENODEV');
      expect(await scene.refused('set', { object: 'link', name: 'd0', up: true })).toBe('ENODEV');
    },
  );

  test(
    'creation takes the MTU and up, but not the alias, which only a set gives and takes',
    [],
    async (scene) => {
      await scene.add({
        object: 'link',
        name: 'd0',
        up: true,
        mtu: 1472,
        alias: 'hostpe',
        info: { kind: 'veth' },
      });
      const created = await scene.link('d0');
      expect(created).toMatchObject({ up: true, mtu: 1472 });
      expect(created.alias).toBeUndefined();
      await scene.set({ name: 'd0', alias: 'hostpe vpn red' });
      expect((await scene.link('d0')).alias).toBe('hostpe vpn red');
      await scene.set({ name: 'd0', alias: '' });
      expect((await scene.link('d0')).alias).toBeUndefined();
    },
  );

  test('an end of a veth pair has carrier while both are up, and both go together', [], async (scene) => {
    await scene.pair('v0');
    const { index: peer } = await scene.link('v0-peer');
    const both = { up: true, carrier: true, link: peer, info: { kind: 'veth' } };
    expect(await scene.link('v0')).toMatchObject(both);
    await scene.set({ name: 'v0-peer', up: false });
    expect(await scene.link('v0')).toMatchObject({ up: true, carrier: false });
    await scene.set({ name: 'v0-peer', up: true });
    expect(await scene.link('v0')).toMatchObject({ carrier: true });
    await scene.delete({ object: 'link', name: 'v0-peer' });
    expect(await scene.find('v0')).toBeUndefined();
  });

  test('in strict mode a table has one VRF, and strict mode needs that', ['vrf'], async (scene) => {
    const blue: Link = { object: 'link', name: 'blue', info: { kind: 'vrf', table: 1001 } };
    await scene.sysctl.set(sysctlKeys.vrfStrictMode, true);
    await scene.vrf('red', 1001);
    expect((await scene.link('red')).info).toEqual({ kind: 'vrf', table: 1001 });
    const error = await scene.refusal('add', blue);
    expect(error.errno).toBe('EBUSY');
    expect(error.kernelMessage).toContain('Table is used by another VRF');
    await scene.sysctl.set(sysctlKeys.vrfStrictMode, false);
    await scene.add(blue);
    await expect(scene.sysctl.set(sysctlKeys.vrfStrictMode, true)).rejects.toThrow('net/vrf/strict_mode');
    expect(await scene.refused('set', { ...blue, info: { kind: 'vrf', table: 1002 } })).toBe('EOPNOTSUPP');
  });

  test('a device is enslaved to a VRF, moved and released; a VRF is not enslaved', ['vrf'], async (scene) => {
    const red = await scene.vrf('red', 1001);
    const blue = await scene.vrf('blue', 1002);
    await scene.pair('v0');
    await scene.set({ name: 'v0', master: red });
    expect((await scene.link('v0')).master).toBe(red);
    await scene.set({ name: 'v0', master: blue });
    expect((await scene.link('v0')).master).toBe(blue);
    await scene.set({ name: 'v0', master: 0 });
    expect((await scene.link('v0')).master).toBeUndefined();
    expect(await scene.refused('set', { object: 'link', name: 'blue', master: red })).toBe('EINVAL');
    expect(await scene.refused('set', { object: 'link', name: 'v0', master: 9999 })).toBe('EINVAL');
    const loopback = (await scene.link('lo')).index;
    expect(await scene.refused('set', { object: 'link', name: 'v0', master: loopback })).toBe('EOPNOTSUPP');
  });

  test(
    'enslaving a device that is up costs it IPv6 addresses, routes, neighbours and nexthops',
    ['vrf', 'mpls'],
    async (scene) => {
      const red = await scene.vrf('red', 1001);
      const index = await scene.pair('v0');
      await scene.add(
        { object: 'address', index, address: ip('169.254.1.1'), prefixLength: 32 },
        { object: 'address', index, address: ip('fe80::1'), prefixLength: 64, noDad: true },
        {
          object: 'neighbour',
          index,
          address: ip('10.1.0.1'),
          linkLayerAddress: neighbourMac,
          state: 'permanent',
        },
        { object: 'nexthop', id: 7, family: 'ipv6', device: index },
        { object: 'route', family: 'ipv4', table: 77, prefix: prefix('10.1.0.1/32'), device: index },
        { object: 'route', family: 'ipv6', table: 77, prefix: prefix('2001:db8::1/128'), device: index },
        { object: 'route', family: 'mpls', label: label(1000), device: index, via: ip('10.1.0.1') },
      );
      await scene.set({ index, master: red });
      expect(await scene.link('v0')).toMatchObject({ up: true, master: red });
      expect(await scene.addressesOf(index)).toContain('169.254.1.1');
      expect(await scene.addressesOf(index)).not.toContain('fe80::1');
      expect(await scene.prefixes('ipv4', 77)).toEqual([]);
      expect(await scene.prefixes('ipv6', 77)).toEqual([]);
      expect(await scene.nexthopIds()).toEqual([]);
      expect(await scene.rtnetlink.dump({ object: 'neighbour', index, family: 'ipv4' })).toEqual([]);
      expect(await scene.rtnetlink.dump({ object: 'route', family: 'mpls' })).toHaveLength(1);
      const local = await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table: 1001 });
      expect(local).toMatchObject([{ prefix: '169.254.1.1/32', type: 'local', device: index }]);
    },
  );

  test(
    'enslaving and releasing cost a device that is down all but IPv4 addresses, too',
    ['vrf'],
    async (scene) => {
      const red = await scene.vrf('red', 1001);
      const index = await scene.pair('v0');
      await scene.set({ index, up: false });
      const inet: Address = { object: 'address', index, address: ip('169.254.1.1'), prefixLength: 32 };
      const inet6: Address = { ...inet, address: ip('fe80::1'), prefixLength: 64, noDad: true };
      const neighbour: Neighbour = {
        object: 'neighbour',
        index,
        address: ip('10.1.0.1'),
        linkLayerAddress: neighbourMac,
        state: 'permanent',
      };
      const localTables = async (): Promise<number[]> => {
        const routes = await scene.rtnetlink.dump({ object: 'route', family: 'ipv4' });
        return routes.flatMap((route) => (route.prefix === '169.254.1.1/32' ? [route.table] : []));
      };
      await scene.add(inet, inet6, neighbour, { ...neighbour, address: ip('fe80::7') });
      expect(await localTables()).toEqual([255]);
      await scene.set({ index, master: red });
      expect(await scene.addressesOf(index)).toEqual(['169.254.1.1']);
      expect(await localTables()).toEqual([]);
      const neighbours = await scene.rtnetlink.dump({ object: 'neighbour', index });
      expect(neighbours.filter(({ state }) => state === 'permanent')).toEqual([]);
      await scene.add(inet6);
      await scene.set({ index, up: true });
      expect(await localTables()).toEqual([1001]);
      expect(await scene.addressesOf(index)).toContain('fe80::1');
      await scene.set({ index, up: false });
      await scene.add(inet6);
      await scene.set({ index, master: 0 });
      expect(await scene.addressesOf(index)).toEqual(['169.254.1.1']);
      await scene.set({ index, up: true });
      expect(await localTables()).toEqual([255]);
    },
  );

  test(
    'deleting a VRF releases its devices, leaves the routes of its table and takes labels that lead to it',
    ['vrf', 'mpls'],
    async (scene) => {
      const red = await scene.vrf('red', 1001);
      const index = await scene.pair('v0');
      await scene.set({ index, master: red });
      await scene.add(
        { object: 'address', index, address: ip('fe80::1'), prefixLength: 64, noDad: true },
        { object: 'nexthop', id: 7, family: 'ipv6', device: index },
        { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('0.0.0.0/0'), type: 'unreachable' },
        { object: 'route', family: 'ipv6', table: 1001, prefix: prefix('::/0'), type: 'unreachable' },
        { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.1/32'), nexthopId: 7 },
        { object: 'route', family: 'mpls', label: label(1000), device: red },
        { object: 'route', family: 'mpls', label: label(1001), device: index, via: ip('10.1.0.1') },
      );
      const ear = await scene.listen('link', 'route-mpls');
      await scene.delete({ object: 'link', index: red });
      const slave = await scene.link('v0');
      expect(slave.master).toBeUndefined();
      expect(slave.up).toBe(true);
      expect(await scene.addressesOf(index)).not.toContain('fe80::1');
      // The device was set down and up, which took its nexthop and so the route.
      expect(await scene.prefixes('ipv4', 1001)).toEqual(['0.0.0.0/0']);
      expect(await scene.prefixes('ipv6', 1001)).toEqual(['::/0']);
      expect(await scene.rtnetlink.dump({ object: 'route', family: 'mpls' })).toMatchObject([
        { label: 1001 },
      ]);
      const told = await ear.told();
      expect(told).toContain('delete link red');
      expect(told).toContain('delete route 1000');
      expect(told).toContain('new link v0');
      await scene.vrf('red', 1001);
      expect(await scene.prefixes('ipv4', 1001)).toEqual(['0.0.0.0/0']);
    },
  );
}

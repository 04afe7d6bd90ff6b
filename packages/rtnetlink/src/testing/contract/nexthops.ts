// What the reconciler expects of nexthop objects: their rules, groups, and what takes them away.
import { expect } from 'vitest';
import type { Nexthop } from '../../objects.ts';
import type { Case } from './scene.ts';
import { gateway, ip, label, prefix } from './scene.ts';

export function nexthopCases(test: Case): void {
  test('a nexthop is added once, replaced at will and deleted once', [], async (scene) => {
    const device = await scene.pair('v0');
    const nexthop = remote(0x68700000, device);
    await scene.add(nexthop);
    expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toEqual([nexthop]);
    expect(await scene.refused('add', nexthop)).toBe('EEXIST');
    const replaced = { ...nexthop, gateway: ip('fe80::7') };
    await scene.replace(replaced);
    expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toEqual([replaced]);
    await scene.delete(nexthop);
    expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toEqual([]);
    expect(await scene.refused('delete', nexthop)).toBe('ENOENT');
    await scene.replace(nexthop);
    expect(await scene.nexthopIds()).toEqual([nexthop.id]);
  });

  test(
    'a nexthop needs a device that is up with carrier, and a gateway that is not ourselves',
    [],
    async (scene) => {
      const device = await scene.pair('v0');
      const local: Nexthop = { object: 'nexthop', id: 7, family: 'ipv6', protocol: 200, device };
      expect(await scene.refused('add', { ...local, device: 9999 })).toBe('EINVAL');
      await scene.set({ name: 'v0-peer', up: false });
      const error = await scene.refusal('add', local);
      expect(error.errno).toBe('ENETDOWN');
      expect(error.kernelMessage).toContain('Carrier for nexthop device is down');
      await scene.set({ name: 'v0', up: false });
      const down = await scene.refusal('add', local);
      expect(down.errno).toBe('ENETDOWN');
      expect(down.kernelMessage).toContain('Nexthop device is not up');
      await scene.set({ name: 'v0', up: true });
      await scene.set({ name: 'v0-peer', up: true });
      await scene.add(local);
      expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toEqual([local]);
      await scene.add({ object: 'address', index: device, address: gateway, prefixLength: 64, noDad: true });
      const ourselves = await scene.refusal('add', remote(8, device));
      expect(ourselves.errno).toBe('EINVAL');
      expect(ourselves.kernelMessage).toContain('Gateway can not be a local address');
      const { family: _, ...unknown } = local;
      expect(await scene.refused('add', { ...unknown, id: 8 })).toBe('EINVAL');
      const ipv4: Nexthop = { object: 'nexthop', id: 8, family: 'ipv4', device, gateway: ip('10.77.0.1') };
      expect(await scene.refused('add', ipv4)).toBe('ENETUNREACH');
      await scene.add({ ...ipv4, onlink: true });
    },
  );

  test('a group has distinct members that exist and are no groups, and stays a group', [], async (scene) => {
    const device = await scene.pair('v0');
    await scene.add(remote(1, device), remote(2, device));
    const group: Nexthop = {
      object: 'nexthop',
      id: 9,
      protocol: 200,
      group: [
        { id: 1, weight: 1 },
        { id: 2, weight: 3 },
      ],
    };
    await scene.add(group);
    expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toContainEqual(group);
    const other = (...ids: number[]): Nexthop => ({
      object: 'nexthop',
      id: 10,
      group: ids.map((id) => ({ id, weight: 1 })),
    });
    expect(await scene.refused('add', other(1, 77))).toBe('EINVAL');
    expect(await scene.refused('add', other(1, 1))).toBe('EINVAL');
    expect(await scene.refused('add', other(1, 9))).toBe('EINVAL');
    expect(await scene.refused('replace', { ...other(1), id: 2 })).toBe('EINVAL');
    expect(await scene.refused('replace', remote(9, device))).toBe('EINVAL');
    await scene.replace({ ...group, group: [{ id: 2, weight: 1 }] });
    expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toContainEqual({
      ...group,
      group: [{ id: 2, weight: 1 }],
    });
  });

  test(
    'a deleted nexthop takes its routes and leaves its groups, the last one takes the group',
    [],
    async (scene) => {
      const device = await scene.pair('v0');
      await scene.add(
        remote(1, device),
        remote(2, device),
        {
          object: 'nexthop',
          id: 9,
          group: [
            { id: 1, weight: 1 },
            { id: 2, weight: 1 },
          ],
        },
        { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.1/32'), nexthopId: 1 },
        { object: 'route', family: 'ipv6', table: 1001, prefix: prefix('2001:db8::1/128'), nexthopId: 1 },
        { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.2/32'), nexthopId: 9 },
        { object: 'route', family: 'ipv6', table: 1001, prefix: prefix('2001:db8::2/128'), nexthopId: 9 },
      );
      const ear = await scene.listen('nexthop', 'route-ipv4', 'route-ipv6');
      await scene.delete({ object: 'nexthop', id: 1 });
      expect(await scene.nexthopIds()).toEqual([2, 9]);
      expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toMatchObject([
        { id: 2 },
        { id: 9, group: [{ id: 2 }] },
      ]);
      expect(await scene.prefixes('ipv4', 1001)).toEqual(['10.1.0.2/32']);
      expect(await scene.prefixes('ipv6', 1001)).toEqual(['2001:db8::2/128']);
      expect((await ear.told()).sort()).toEqual(['delete nexthop 1', 'new nexthop 9']);
      await scene.delete({ object: 'nexthop', id: 2 });
      expect(await scene.nexthopIds()).toEqual([]);
      expect(await scene.prefixes('ipv4', 1001)).toEqual([]);
      expect(await scene.prefixes('ipv6', 1001)).toEqual([]);
      expect((await ear.told()).sort()).toEqual(['delete nexthop 2', 'delete nexthop 9']);
    },
  );

  test(
    'a device that goes down takes nexthops and their routes without a word, and gives none back',
    [],
    async (scene) => {
      const device = await scene.pair('v0');
      const other = await scene.pair('v1');
      await scene.add(
        remote(1, device),
        remote(2, other),
        {
          object: 'nexthop',
          id: 9,
          group: [
            { id: 1, weight: 1 },
            { id: 2, weight: 1 },
          ],
        },
        { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.1/32'), nexthopId: 1 },
        { object: 'route', family: 'ipv6', table: 1001, prefix: prefix('2001:db8::1/128'), nexthopId: 1 },
        { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.2/32'), nexthopId: 9 },
        { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.3/32'), device },
      );
      const ear = await scene.listen('link', 'nexthop', 'route-ipv4', 'route-ipv6');
      await scene.set({ index: device, up: false });
      await scene.set({ index: device, up: true });
      expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toMatchObject([
        { id: 2 },
        { id: 9, group: [{ id: 2 }] },
      ]);
      expect(await scene.prefixes('ipv4', 1001)).toEqual(['10.1.0.2/32']);
      expect(await scene.prefixes('ipv6', 1001)).toEqual([]);
      const told = (await ear.everything()).filter(
        ({ object }) =>
          object.object === 'link' ||
          object.object === 'nexthop' ||
          ('table' in object && object.table === 1001),
      );
      expect(told.length).toBeGreaterThan(0);
      for (const { object } of told) expect(object.object).toBe('link');
    },
  );

  test(
    'a device that loses its carrier takes its nexthops and their routes too, but no plain route',
    [],
    async (scene) => {
      const device = await scene.pair('v0');
      await scene.add(
        { object: 'nexthop', id: 7, family: 'ipv6', device },
        { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.1/32'), nexthopId: 7 },
        { object: 'route', family: 'ipv6', table: 1001, prefix: prefix('2001:db8::1/128'), nexthopId: 7 },
        { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.2/32'), device },
        { object: 'route', family: 'ipv6', table: 1001, prefix: prefix('2001:db8::2/128'), device },
      );
      const ear = await scene.listen('link', 'nexthop');
      await scene.set({ name: 'v0-peer', up: false });
      await scene.eventually(async () => expect(await scene.nexthopIds()).toEqual([]));
      expect(await scene.prefixes('ipv4', 1001)).toEqual(['10.1.0.2/32']);
      expect(await scene.prefixes('ipv6', 1001)).toEqual(['2001:db8::2/128']);
      const told = await ear.told();
      expect(told).toContain('new link v0');
      expect(told).not.toContain('delete nexthop 7');
    },
  );

  test('a deleted device takes its nexthops', [], async (scene) => {
    const device = await scene.pair('v0');
    await scene.add(
      { object: 'nexthop', id: 7, family: 'ipv6', device },
      { object: 'route', family: 'ipv4', table: 1001, prefix: prefix('10.1.0.1/32'), nexthopId: 7 },
    );
    await scene.delete({ object: 'link', index: device });
    expect(await scene.nexthopIds()).toEqual([]);
    expect(await scene.prefixes('ipv4', 1001)).toEqual([]);
  });

  test('a nexthop may push labels, also on a multipoint tunnel', ['gre', 'mpls'], async (scene) => {
    const device = await scene.gre('gre-n');
    const nexthop: Nexthop = { ...remote(1, device), encapLabels: [label(1002), label(16)] };
    await scene.add(nexthop);
    expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toEqual([nexthop]);
    const replaced = { ...nexthop, encapLabels: [label(1003)] };
    await scene.replace(replaced);
    expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toEqual([replaced]);
    const ourselves = { ...nexthop, id: 2, gateway: ip('fe80::5efe:aff:1') };
    expect(await scene.refused('add', ourselves)).toBe('EINVAL');
  });

  test(
    'a resilient group keeps its buckets, its kind and the timers that it is not given',
    [],
    async (scene) => {
      const device = await scene.pair('v0');
      await scene.add(remote(1, device), remote(2, device));
      const members = [
        { id: 1, weight: 1 },
        { id: 2, weight: 256 },
      ];
      const group: Nexthop = { object: 'nexthop', id: 9, protocol: 200, group: members };
      const dump = async () =>
        (await scene.rtnetlink.dump({ object: 'nexthop' })).filter(({ id }) => id === 9);
      await scene.add({ ...group, resilient: { buckets: 8, idleTimer: 300 } });
      expect(await dump()).toEqual([
        { ...group, resilient: { buckets: 8, idleTimer: 300, unbalancedTimer: 0 } },
      ]);
      await scene.replace({ ...group, resilient: { buckets: 8, unbalancedTimer: 700 } });
      expect(await dump()).toEqual([
        { ...group, resilient: { buckets: 8, idleTimer: 300, unbalancedTimer: 700 } },
      ]);
      const more = await scene.refusal('replace', { ...group, resilient: { buckets: 9 } });
      expect(more.errno).toBe('EINVAL');
      expect(more.kernelMessage).toContain('Can not change number of buckets');
      const plain = await scene.refusal('replace', group);
      expect(plain.errno).toBe('EINVAL');
      expect(plain.kernelMessage).toContain('with one of a different type');
      const nested: Nexthop = { object: 'nexthop', id: 10, group: [{ id: 9, weight: 1 }] };
      expect(await scene.refused('add', nested)).toBe('EINVAL');
      // Fewer buckets than members are fine, and so is one member; members still come and go.
      await scene.add({ ...group, id: 11, resilient: { buckets: 1 } });
      await scene.delete({ object: 'nexthop', id: 1 });
      expect(await dump()).toMatchObject([{ group: [{ id: 2, weight: 256 }], resilient: { buckets: 8 } }]);
    },
  );

  test('a blackhole nexthop has no device, and is alone in a group', [], async (scene) => {
    const device = await scene.pair('v0');
    const blackhole: Nexthop = { object: 'nexthop', id: 7, family: 'ipv4', protocol: 200, blackhole: true };
    await scene.add(blackhole, remote(1, device));
    expect(await scene.rtnetlink.dump({ object: 'nexthop' })).toContainEqual(blackhole);
    const group = (...ids: number[]): Nexthop => ({
      object: 'nexthop',
      id: 9,
      group: ids.map((id) => ({ id, weight: 1 })),
    });
    expect(await scene.refused('add', group(7, 1))).toBe('EINVAL');
    await scene.add(group(7), {
      object: 'route',
      family: 'ipv4',
      table: 1001,
      prefix: prefix('10.1.0.1/32'),
      nexthopId: 7,
    });
    expect(await scene.rtnetlink.dump({ object: 'route', family: 'ipv4', table: 1001 })).toMatchObject([
      { type: 'blackhole', nexthopId: 7 },
    ]);
  });
}

/** As the forwarder makes them: one of family IPv6 for routes of both families. */
export function remote(id: number, device: number): Nexthop {
  return {
    object: 'nexthop',
    id,
    family: 'ipv6',
    protocol: 200,
    device,
    gateway,
    onlink: true,
  };
}

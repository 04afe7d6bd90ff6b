// What is particular to kinds of devices: tunnels, VLANs, bridges.
import { expect } from 'vitest';
import type { Link } from '../../objects.ts';
import type { Case } from './scene.ts';
import { ip } from './scene.ts';

export function linkKindCases(test: Case): void {
  test(
    'a tunnel device tells how it was made, and there is one for a pair of ends',
    ['gre', 'fou'],
    async (scene) => {
      const local = ip('10.255.0.1');
      const gre: Link = { object: 'link', name: 'gre-n', mtu: 1476, info: { kind: 'gre', local, ttl: 64 } };
      const encap = { type: 'fou', sourcePort: 0, destinationPort: 6635, csum: false } as const;
      const fou: Link = {
        object: 'link',
        name: 'fou-n',
        info: { kind: 'ipip', mode: 'mplsip', local, ttl: 64, encap },
      };
      await scene.add(gre, fou);
      expect((await scene.link('gre-n')).info).toEqual(gre.info);
      expect((await scene.link('gre-n')).address).toBeUndefined();
      expect((await scene.link('fou-n')).info).toEqual(fou.info);
      expect(await scene.refused('add', { ...gre, name: 'gre-m' })).toBe('EEXIST');
      expect(await scene.refused('add', { ...fou, name: 'fou-m' })).toBe('EEXIST');
    },
  );

  test(
    'a GRE device is another by its key, and tells what it does not do by default',
    ['gre'],
    async (scene) => {
      const local = ip('10.255.0.1');
      const keyed: Link = {
        object: 'link',
        name: 'gre-k',
        info: { kind: 'gre', local, remote: ip('10.255.0.2'), ttl: 64, key: 7 },
      };
      const bare: Link = {
        object: 'link',
        name: 'gre-b',
        info: { kind: 'gre', local, remote: ip('10.255.0.2'), ttl: 0, pathMtuDiscovery: false },
      };
      await scene.add(keyed, bare);
      for (const { name = '', info } of [keyed, bare]) expect((await scene.link(name)).info).toEqual(info);
      expect((await scene.link('gre-k')).mtu).toBe(1472);
      expect(await scene.refused('add', { ...keyed, name: 'gre-l' })).toBe('EEXIST');
    },
  );

  test('tunnels over IPv6 tell how they were made', ['ip6gre', 'ip6tnl'], async (scene) => {
    const ends = { local: ip('2001:db8::1'), remote: ip('2001:db8::2'), ttl: 64 } as const;
    const gre: Link = { object: 'link', name: 'gre6', info: { kind: 'ip6gre', ...ends, key: 7 } };
    const plain: Link = { object: 'link', name: 'tnl6', info: { kind: 'ip6tnl', mode: 'ip6ip6', ...ends } };
    const limited: Link = {
      object: 'link',
      name: 'tnl6-l',
      info: { kind: 'ip6tnl', mode: 'any', ...ends, remote: ip('2001:db8::3'), encapLimit: 4 },
    };
    await scene.add(gre, plain, limited);
    const mtus: (number | undefined)[] = [];
    for (const { name = '', info } of [gre, plain, limited]) {
      const link = await scene.link(name);
      expect(link.info).toEqual(info);
      expect(link.address).toBeUndefined();
      mtus.push(link.mtu);
    }
    expect(mtus).toEqual([1452, 1460, 1452]);
    expect(await scene.refused('add', { ...gre, name: 'gre7' })).toBe('EEXIST');
    expect(await scene.refused('add', { ...plain, name: 'tnl7' })).toBe('EEXIST');
  });

  test('a GRE device over IPv6 can leave its ends to tunnel_key', ['ip6gre'], async (scene) => {
    const external: Link = {
      object: 'link',
      name: 'gre6-n',
      info: { kind: 'ip6gre', external: true, local: ip('::'), ttl: 64 },
    };
    await scene.add(external);
    expect((await scene.link('gre6-n')).info).toEqual(external.info);
    expect(await scene.refused('add', { ...external, name: 'gre6-m' })).toBe('EEXIST');
  });

  test('a dummy device has carrier when it is up', ['dummy'], async (scene) => {
    await scene.add({ object: 'link', name: 'd0', up: true, info: { kind: 'dummy' } });
    const expected = { up: true, carrier: true, mtu: 1500, info: { kind: 'dummy' } };
    expect(await scene.link('d0')).toMatchObject(expected);
  });

  test('a VLAN is one of a device, lives on it and dies with it', ['vlan'], async (scene) => {
    const link = await scene.pair('v0');
    const vlan: Link = { object: 'link', name: 'v0.5', link, info: { kind: 'vlan', id: 5 } };
    const { link: _, ...nowhere } = vlan;
    expect(await scene.refused('add', nowhere)).toBe('EINVAL');
    expect(await scene.refused('add', { ...vlan, link: 9999 })).toBe('ENODEV');
    await scene.add(vlan);
    const { mtu, address } = await scene.link('v0');
    expect(await scene.link('v0.5')).toMatchObject({ ...vlan, up: false, mtu, address });
    expect(await scene.refused('add', vlan)).toBe('EEXIST');
    expect(await scene.refused('add', { ...vlan, name: 'other' })).toBe('EEXIST');
    await scene.add({ ...vlan, name: 'v0.6', info: { kind: 'vlan', id: 5, protocol: '802.1ad' } });
    expect((await scene.link('v0.6')).info).toEqual({ kind: 'vlan', id: 5, protocol: '802.1ad' });
    expect(
      await scene.refused('set', { object: 'link', name: 'v0.5', mtu: mtu === undefined ? 0 : mtu + 1 }),
    ).toBe('ERANGE');
    await scene.set({ name: 'v0', mtu: 1400 });
    await scene.set({ name: 'v0.5', up: true });
    expect(await scene.link('v0.5')).toMatchObject({ up: true, carrier: true, mtu: 1400 });
    await scene.set({ name: 'v0-peer', up: false });
    expect(await scene.link('v0.5')).toMatchObject({ up: true, carrier: false });
    await scene.set({ name: 'v0-peer', up: true });
    expect(await scene.link('v0.5')).toMatchObject({ carrier: true });
    await scene.set({ name: 'v0', up: false });
    expect(await scene.link('v0.5')).toMatchObject({ up: false, carrier: false });
    expect(await scene.refused('set', { object: 'link', name: 'v0.5', up: true })).toBe('ENETDOWN');
    await scene.set({ name: 'v0', up: true });
    expect(await scene.link('v0.5')).toMatchObject({ up: true });
    await scene.delete({ object: 'link', name: 'v0' });
    expect(await scene.find('v0.5')).toBeUndefined();
  });

  test(
    'a bridge has ports and carrier from them; it can be changed and gives its ports back',
    ['bridge'],
    async (scene) => {
      await scene.pair('v0');
      await scene.pair('v1');
      await scene.add({ object: 'link', name: 'br0', up: true, info: { kind: 'bridge', forwardDelay: 200 } });
      const { index: master, info } = await scene.link('br0');
      expect(info).toMatchObject({ kind: 'bridge', forwardDelay: 200, ageingTime: 30_000 });
      await scene.set({ name: 'br0', info: { kind: 'bridge', ageingTime: 1000 } });
      const changed = (await scene.link('br0')).info;
      expect(changed).toMatchObject({ kind: 'bridge', forwardDelay: 200, ageingTime: 1000 });
      await scene.set({ name: 'v0', master });
      expect(await scene.link('v0')).toMatchObject({ master, up: true });
      await scene.eventually(async () => {
        expect(await scene.link('br0')).toMatchObject({ up: true, carrier: true });
      });
      await scene.set({ name: 'v0-peer', up: false });
      await scene.eventually(async () => {
        expect(await scene.link('br0')).toMatchObject({ up: true, carrier: false });
      });
      const loopback = { object: 'link', name: 'lo', master } as const;
      expect(await scene.refused('set', loopback)).toBe('EINVAL');
      await scene.add({ object: 'link', name: 'br1', info: { kind: 'bridge' } });
      const nested = await scene.refusal('set', { ...loopback, name: 'br1' });
      expect(nested.errno).toBe('ELOOP');
      expect(nested.kernelMessage).toContain('Can not enslave a bridge to a bridge');
      await scene.set({ name: 'v1', master });
      await scene.delete({ object: 'link', name: 'br0' });
      expect((await scene.link('v0')).master).toBeUndefined();
      expect(await scene.link('v1')).toMatchObject({ up: true, carrier: true });
      expect((await scene.link('v1')).master).toBeUndefined();
    },
  );
}

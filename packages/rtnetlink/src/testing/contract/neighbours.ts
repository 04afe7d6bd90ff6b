// What the reconciler expects of the neighbours of a device.
import { expect } from 'vitest';
import type { Neighbour } from '../../objects.ts';
import type { Case } from './scene.ts';
import { gateway, ip, mac, neighbourMac } from './scene.ts';

export function neighbourCases(test: Case): void {
  test('a neighbour is added once, replaced at will and deleted once', [], async (scene) => {
    const index = await scene.pair('v0');
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

  test('on a multipoint tunnel the link-layer address is that of a PE', ['gre'], async (scene) => {
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

  test(
    'permanent neighbours go when the device goes down or gets another MAC address, not with its carrier',
    [],
    async (scene) => {
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
    },
  );

  test(
    'an entry that says where to send needs a link-layer address; who made it is kept',
    [],
    async (scene) => {
      const index = await scene.pair('v0');
      const key = { object: 'neighbour', index } as const;
      const dump = () => scene.rtnetlink.dump({ object: 'neighbour', index, family: 'ipv4' });
      for (const state of ['permanent', 'noarp', 'stale', 'reachable'] as const) {
        const entry: Neighbour = { ...key, address: ip('10.1.0.1'), linkLayerAddress: neighbourMac, state };
        await scene.replace(entry);
        expect(await dump()).toEqual([entry]);
      }
      for (const state of ['none', 'failed', 'incomplete'] as const) {
        const entry: Neighbour = { ...key, address: ip(`10.1.1.${state.length}`), state };
        await scene.add({ ...entry, linkLayerAddress: neighbourMac });
        expect(await dump()).toContainEqual(entry);
      }
      expect(await scene.refused('add', { ...key, address: ip('10.1.0.2'), state: 'permanent' })).toBe(
        'EINVAL',
      );
      const learned: Neighbour = {
        ...key,
        address: ip('fe80::7'),
        linkLayerAddress: neighbourMac,
        state: 'permanent',
        router: true,
        externallyLearned: true,
        protocol: 186,
      };
      await scene.add(learned);
      expect(await scene.rtnetlink.dump({ object: 'neighbour', index, family: 'ipv6' })).toContainEqual(
        learned,
      );
    },
  );

  test('a neighbour that is deleted is told to be of no use first', [], async (scene) => {
    const index = await scene.pair('v0');
    const key = { object: 'neighbour', index, address: ip('10.1.0.1') } as const;
    await scene.add({ ...key, linkLayerAddress: neighbourMac, state: 'permanent' });
    const ear = await scene.listen('neighbour');
    await scene.delete({ ...key, state: 'permanent' });
    const told = (await ear.everything()).filter(
      ({ object }) => object.object === 'neighbour' && object.address === key.address,
    );
    expect(told).toMatchObject([
      { type: 'new', object: { ...key, state: 'failed' } },
      { type: 'delete', object: key },
    ]);
  });
}

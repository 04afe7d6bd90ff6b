// What the reconciler expects of label routes.
import { expect } from 'vitest';
import type { MplsRoute } from '../../objects.ts';
import { sysctlKeys } from '../../sysctl-keys.ts';
import type { Case } from './scene.ts';
import { ip, label, neighbourMac } from './scene.ts';

export function labelCases(test: Case): void {
  test('a label route is added once, replaced at will and deleted once', ['mpls', 'vrf'], async (scene) => {
    const device = await scene.pair('v0');
    const red = await scene.vrf('red', 1001);
    const route: MplsRoute = {
      object: 'route',
      family: 'mpls',
      label: label(1000),
      protocol: 200,
      device,
      via: ip('10.1.0.1'),
    };
    const dump = () => scene.rtnetlink.dump({ object: 'route', family: 'mpls' });
    await scene.add(route);
    expect(await dump()).toEqual([route]);
    expect(await scene.refused('add', route)).toBe('EEXIST');
    for (const via of [ip('2001:db8::1'), neighbourMac]) {
      await scene.replace({ ...route, via });
      expect(await dump()).toEqual([{ ...route, via }]);
    }
    const { via: _, ...toVrf } = { ...route, device: red };
    await scene.replace(toVrf);
    expect(await scene.rtnetlink.dump({ object: 'route', family: 'mpls', protocol: 200 })).toEqual([toVrf]);
    expect(await scene.rtnetlink.dump({ object: 'route', family: 'mpls', protocol: 186 })).toEqual([]);
    await scene.delete(route);
    expect(await dump()).toEqual([]);
    // Unlike all other kinds, a label that is not there can be deleted.
    await scene.delete(route);
    expect(await scene.refused('add', { ...route, device: 9999 })).toBe('ENODEV');
  });

  test('labels end below net.mpls.platform_labels', ['mpls', 'vrf'], async (scene) => {
    const device = await scene.vrf('red', 1001);
    const route: MplsRoute = { object: 'route', family: 'mpls', label: label(1048574), device };
    await scene.add(route);
    await scene.delete(route);
    await scene.sysctl.set(sysctlKeys.mplsPlatformLabels, 1000);
    const error = await scene.refusal('add', { ...route, label: label(1000) });
    expect(error.errno).toBe('EINVAL');
    expect(error.kernelMessage).toContain('platform_labels');
    await expect(scene.sysctl.set(sysctlKeys.mplsPlatformLabels, 1048576)).rejects.toThrow('platform_labels');
  });

  test(
    'label routes outlive a device that is down or without carrier, and die with it',
    ['mpls', 'vrf'],
    async (scene) => {
      const device = await scene.pair('v0');
      const red = await scene.vrf('red', 1001);
      const toMachine: MplsRoute = {
        object: 'route',
        family: 'mpls',
        label: label(1000),
        device,
        via: ip('10.1.0.1'),
      };
      const toVrf: MplsRoute = { object: 'route', family: 'mpls', label: label(1001), device: red };
      await scene.add(toMachine, toVrf);
      const ear = await scene.listen('route-mpls');
      const dump = () => scene.rtnetlink.dump({ object: 'route', family: 'mpls' });
      await scene.set({ name: 'v0-peer', up: false });
      await scene.set({ index: device, up: false });
      await scene.set({ index: red, up: false });
      expect(await dump()).toMatchObject([toMachine, toVrf]);
      // A device that is down can be given a label all the same.
      await scene.replace(toMachine);
      await scene.set({ index: device, up: true });
      await scene.set({ index: red, up: true });
      expect(await dump()).toMatchObject([toMachine, toVrf]);
      expect(await ear.told()).toEqual(['new route 1000']);
      await scene.delete({ object: 'link', index: device });
      expect(await dump()).toMatchObject([toVrf]);
      expect(await ear.told()).toEqual(['delete route 1000']);
    },
  );

  test('a label route of several paths loses those of a device that is deleted', ['mpls'], async (scene) => {
    const [v0, v1] = [await scene.pair('v0'), await scene.pair('v1')];
    const key = { object: 'route', family: 'mpls', label: label(1000), protocol: 200 } as const;
    const paths = [
      { device: v0, via: ip('10.77.0.1') },
      { device: v1, via: neighbourMac, newLabels: [label(1001)] },
    ];
    const dump = () => scene.rtnetlink.dump({ object: 'route', family: 'mpls' });
    await scene.add({ ...key, device: 0, multipath: paths });
    expect(await dump()).toEqual([{ ...key, device: 0, multipath: paths }]);
    await scene.replace({ ...key, device: 0, multipath: paths.slice(1) });
    expect(await dump()).toEqual([{ ...key, ...paths[1] }]);
    await scene.replace({ ...key, device: 0, multipath: paths });
    await scene.delete({ object: 'link', index: v1 });
    expect(await dump()).toEqual([{ ...key, device: 0, multipath: paths.slice(0, 1) }]);
    await scene.delete({ object: 'link', index: v0 });
    expect(await dump()).toEqual([]);
  });
}

// Interfaces that come, go, move, or are not what they should be.

import { sysctlKeys } from '@hostpe/rtnetlink';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attachment, desired, redAndBlue, Scene, vpn } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

describe('attachments', () => {
  test('one whose interface does not exist is absent, and attached when it appears', async () => {
    const state = desired(vpn('red', 16001, { attachments: [attachment('v-red9', 1000, '10.1.0.9')] }));
    expect((await scene.apply(state)).attachments.get('v-red9')).toMatchObject({ state: 'absent' });
    const report = await scene.report(() => scene.plugIn('v-red9'));
    expect(report.attachments.get('v-red9')).toMatchObject({ state: 'ready' });
  });

  test('without carrier it is down: the label stays, the local route goes, and both come back', async () => {
    await scene.apply(redAndBlue());
    const down = await scene.report(() => scene.kernel.setCarrier('v-red1', false));
    expect(down.attachments.get('v-red1')).toMatchObject({ state: 'down' });
    expect(scene.routes(16001)).not.toHaveProperty('10.1.0.1/32');
    expect(scene.kernel.objects({ object: 'route', family: 'mpls' })).toHaveLength(2);
    const up = await scene.report(() => scene.kernel.setCarrier('v-red1', true));
    expect(up.attachments.get('v-red1')).toMatchObject({ state: 'ready' });
    expect(scene.routes(16001)).toMatchObject({ '10.1.0.1/32': 'v-red1' });
  });

  test('one that somebody set down stays down; set up again it is whole', async () => {
    await scene.apply(redAndBlue());
    const set = (up: boolean) => () =>
      scene.kernel.apply({ op: 'set', object: { object: 'link', name: 'v-red1', up } });
    expect((await scene.report(set(false))).attachments.get('v-red1')).toMatchObject({ state: 'down' });
    expect(scene.kernel.link('v-red1')?.up).toBe(false);
    expect((await scene.report(set(true))).attachments.get('v-red1')).toMatchObject({ state: 'ready' });
    const addresses = scene.kernel
      .objects({ object: 'address' })
      .filter(({ index }) => index === scene.index('v-red1'));
    expect(addresses.map(({ address }) => address)).toContain('fe80::1');
  });

  test('one of a foreign VRF is not stolen', async () => {
    scene.kernel.apply({
      op: 'add',
      object: { object: 'link', name: 'mgmt', info: { kind: 'vrf', table: 77 } },
    });
    scene.kernel.apply({
      op: 'set',
      object: { object: 'link', name: 'v-red1', master: scene.index('mgmt') },
    });
    const report = await scene.apply(redAndBlue());
    expect(report.attachments.get('v-red1')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('belongs to mgmt'),
    });
    expect(report.attachments.get('v-blue1')).toMatchObject({ state: 'ready' });
    expect(scene.kernel.link('v-red1')?.master).toBe(scene.index('mgmt'));
  });

  test('a device of the VRF name that is not ours fails that VPN alone', async () => {
    scene.kernel.apply({ op: 'add', object: { object: 'link', name: 'red', info: { kind: 'dummy' } } });
    const report = await scene.apply(redAndBlue());
    expect(report.attachments.get('v-red1')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('red exists'),
    });
    expect(report.attachments.get('v-blue1')).toMatchObject({ state: 'ready' });
    expect(scene.kernel.link('red')?.info).toEqual({ kind: 'dummy' });
  });

  test('a VRF whose name nftables cannot be told is not made, as it would have no guard', async () => {
    const state = desired({ ...vpn('acme@prod', 16001), device: 'acme@prod' }, vpn('blue', 16002));
    const report = await scene.apply(state);
    expect(report.failures).toEqual([
      {
        object: 'VRF acme@prod of VPN acme@prod',
        reason: 'the name acme@prod has characters that nftables gives a meaning of its own',
      },
    ]);
    const names = scene.kernel.objects({ object: 'link' }).map(({ name }) => name);
    expect(names).toContain('blue');
    expect(names).not.toContain('acme@prod');
  });

  test('a VRF that creation was cut short on is finished', async () => {
    scene.kernel.apply({
      op: 'add',
      object: { object: 'link', name: 'red', info: { kind: 'vrf', table: 16001 } },
    });
    const report = await scene.apply(redAndBlue());
    expect(report.failures).toEqual([]);
    expect(scene.kernel.link('red')).toMatchObject({ alias: 'hostpe vpn red', up: true });
  });

  test('VRFs that creation was cut short on are in the way of none: by table, by name, or unwanted', async () => {
    const cutShort = (name: string, table: number) =>
      ({ op: 'add', object: { object: 'link', name, info: { kind: 'vrf', table } } }) as const;
    scene.kernel.apply(cutShort('green', 16001), cutShort('blue', 16009), cutShort('grey', 16010));
    const report = await scene.apply(redAndBlue());
    expect(report.failures).toEqual([]);
    expect(scene.kernel.link('red')).toMatchObject({ alias: 'hostpe vpn red', info: { table: 16001 } });
    expect(scene.kernel.link('blue')).toMatchObject({ alias: 'hostpe vpn blue', info: { table: 16002 } });
    expect(scene.kernel.link('green')).toBeUndefined();
    expect(scene.kernel.link('grey')).toBeUndefined();
  });

  test('a VRF of another program stays: up, marked, or of a table that is not ours', async () => {
    const foreignVrf = (name: string, table: number, facts: object = {}) =>
      ({ op: 'add', object: { object: 'link', name, info: { kind: 'vrf', table }, ...facts } }) as const;
    scene.kernel.apply(
      foreignVrf('up', 16009, { up: true }),
      foreignVrf('marked', 16010),
      { op: 'set', object: { object: 'link', name: 'marked', alias: 'mine' } },
      foreignVrf('low', 16000),
      foreignVrf('high', 81536),
    );
    expect((await scene.apply(redAndBlue())).failures).toEqual([]);
    for (const name of ['up', 'marked', 'low', 'high']) expect(scene.kernel.link(name)).toBeDefined();
  });

  test('a network is no address of a machine', async () => {
    const state = desired(vpn('red', 16001, { attachments: [attachment('v-red1', 1000, '10.1.0.0/24')] }));
    expect((await scene.apply(state)).attachments.get('v-red1')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('10.1.0.0/24 is a network'),
    });
  });

  test('strict reverse path filtering of the host is kept on all other interfaces', async () => {
    scene.kernel.sysctl.put('net/ipv4/conf/all/rp_filter', '1');
    await scene.apply(redAndBlue());
    const values = ['all', 'v-red1', 'lo', 'default', 'v-red1-m'].map((name) =>
      scene.kernel.sysctl.get(sysctlKeys.rpFilter(name)),
    );
    expect(await Promise.all(values)).toEqual([0, 0, 1, 1, 1]);
  });

  test('reverse path filtering beyond what the kernel knows is loose, and is kept as that', async () => {
    scene.kernel.sysctl.put('net/ipv4/conf/all/rp_filter', '7');
    scene.kernel.sysctl.put('net/ipv4/conf/v-red1/rp_filter', '5');
    expect(await scene.apply(redAndBlue())).toMatchObject({ pending: 0, failures: [] });
    const values = ['all', 'v-red1', 'lo'].map((name) => scene.kernel.sysctl.get(sysctlKeys.rpFilter(name)));
    expect(await Promise.all(values)).toEqual([0, 0, 2]);
  });

  test("an operator's own choice of paths by flow stays", async () => {
    scene.kernel.sysctl.put('net/ipv4/fib_multipath_hash_policy', '3');
    await scene.apply(redAndBlue());
    expect(await scene.kernel.sysctl.get(sysctlKeys.ipv4MultipathHashPolicy)).toBe(3);
    expect(await scene.kernel.sysctl.get(sysctlKeys.ipv6MultipathHashPolicy)).toBe(1);
  });

  test('strict mode waits for the first VRF, with which its sysctl comes', async () => {
    scene.kernel.sysctl.remove('net/vrf/strict_mode');
    expect(await scene.apply(desired())).toMatchObject({ pending: 0, failures: [] });
    expect(scene.kernel.sysctl.log.map(({ path }) => path)).not.toContain('net/vrf/strict_mode');
  });

  test('what is on needs no write, whatever number says so', async () => {
    scene.kernel.sysctl.put('net/ipv6/conf/all/forwarding', '2');
    await scene.apply(redAndBlue());
    expect(scene.kernel.sysctl.log.map(({ path }) => path)).not.toContain('net/ipv6/conf/all/forwarding');
  });

  test.each(['..', 'a/b'])(
    'an attachment of the name %j, which no device can have, is no trouble to another',
    async (name) => {
      const bad = attachment(name, 1007, '10.1.0.7');
      const state = desired(
        vpn('red', 16001, { attachments: [attachment('v-red1', 1000, '10.1.0.1'), bad] }),
      );
      const { attachments } = await scene.apply(state);
      expect(attachments.get('v-red1')).toMatchObject({ state: 'ready' });
      expect(attachments.get(name)).toMatchObject({ state: 'absent' });
    },
  );
});

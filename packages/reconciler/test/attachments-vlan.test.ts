// Attachments on VLAN subinterfaces, which the reconciler makes, owns and removes.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredState } from '../src/index.ts';
import { attachment, desired, Scene, vpn } from './scene.ts';

const tagged = (id: number, parent = 'trunk'): DesiredState =>
  desired(
    vpn('red', 16001, {
      attachments: [{ ...attachment('red.100', 1000, '10.1.0.1'), vlan: { parent, id } }],
    }),
  );
const none = desired(vpn('red', 16001));

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

const link = () => scene.kernel.link('red.100');
const plugInTrunk = () => scene.plugIn('trunk');

describe('a VLAN subinterface', () => {
  test('is made on the interface below, marked, and attached', async () => {
    plugInTrunk();
    const report = await scene.apply(tagged(100));
    expect(report.failures).toEqual([]);
    expect(report.attachments.get('red.100')).toMatchObject({ state: 'ready' });
    expect(link()).toMatchObject({
      info: { kind: 'vlan', id: 100 },
      link: scene.index('trunk'),
      alias: 'hostpe vlan',
      master: scene.index('red'),
      address: '00:00:5e:00:01:01',
      up: true,
    });
    expect(scene.kernel.link('trunk')).toMatchObject({ up: true });
    expect(scene.kernel.link('trunk')?.master ?? 0).toBe(0);
  });

  test('is marked before it is up: one that is up and unmarked would never be removed', async () => {
    plugInTrunk();
    await scene.apply(none);
    scene.takeLog();
    await scene.apply(tagged(100));
    const log = scene.takeLog();
    const marked = log.findIndex((line) => line.includes('alias'));
    const up = log.findIndex((line) => line.includes('master'));
    expect(marked).toBeGreaterThan(-1);
    expect(up).toBeGreaterThan(marked);
  });

  test('is taken up as it is by a restart', async () => {
    plugInTrunk();
    await scene.apply(tagged(100));
    const { index } = link() ?? {};
    scene.takeLog();
    const report = await scene.restart(tagged(100));
    expect(report.pending).toBe(0);
    expect(scene.takeLog()).toEqual([]);
    expect(link()?.index).toBe(index);
  });

  test('whose making was cut short before its mark is finished', async () => {
    plugInTrunk();
    scene.kernel.apply({
      op: 'add',
      object: {
        object: 'link',
        name: 'red.100',
        link: scene.index('trunk'),
        info: { kind: 'vlan', id: 100 },
      },
    });
    const { index } = link() ?? {};
    expect((await scene.apply(tagged(100))).attachments.get('red.100')).toMatchObject({ state: 'ready' });
    expect(link()).toMatchObject({ index, alias: 'hostpe vlan' });
  });

  test('goes with its attachment, and the interface below stays', async () => {
    plugInTrunk();
    await scene.apply(tagged(100));
    expect((await scene.apply(none)).failures).toEqual([]);
    expect(link()).toBeUndefined();
    expect(scene.kernel.link('trunk')?.up).toBe(true);
  });

  test('is made anew for another tag', async () => {
    plugInTrunk();
    await scene.apply(tagged(100));
    const report = await scene.apply(tagged(200));
    expect(report.attachments.get('red.100')).toMatchObject({ state: 'ready' });
    expect(link()?.info).toEqual({ kind: 'vlan', id: 200 });
  });

  test('of an operator that has the name and tag is used, and stays when the attachment goes', async () => {
    plugInTrunk();
    scene.kernel.apply({
      op: 'add',
      object: {
        object: 'link',
        name: 'red.100',
        link: scene.index('trunk'),
        info: { kind: 'vlan', id: 100 },
        up: true,
      },
    });
    expect((await scene.apply(tagged(100))).attachments.get('red.100')).toMatchObject({ state: 'ready' });
    await scene.apply(none);
    expect(link()).toMatchObject({ up: false });
    expect(link()?.alias).toBeUndefined();
  });

  test('is not made over an interface of others', async () => {
    plugInTrunk();
    scene.plugIn('red.100');
    expect((await scene.apply(tagged(100))).attachments.get('red.100')).toMatchObject({
      state: 'failed',
      reason:
        'red.100 exists and is not VLAN 100 of trunk: give the attachment another interface name, or remove it',
    });
    expect(link()?.info?.kind).toBe('veth');
  });

  test('comes and goes with the interface below', async () => {
    expect((await scene.apply(tagged(100))).attachments.get('red.100')).toMatchObject({ state: 'absent' });
    const there = await scene.report(plugInTrunk);
    expect(there.attachments.get('red.100')).toMatchObject({ state: 'ready' });
    const gone = await scene.report(() =>
      scene.kernel.apply({ op: 'delete', object: { object: 'link', name: 'trunk' } }),
    );
    expect(gone.attachments.get('red.100')).toMatchObject({ state: 'absent' });
    const again = await scene.report(plugInTrunk);
    expect(again.attachments.get('red.100')).toMatchObject({ state: 'ready' });
  });

  test('waits, down and outside of the VRF, for an interface below that is down', async () => {
    plugInTrunk();
    const set = (up: boolean) =>
      scene.kernel.apply({ op: 'set', object: { object: 'link', name: 'trunk', up } });
    set(false);
    const report = await scene.apply(tagged(100));
    expect(report.failures).toEqual([]);
    expect(report.attachments.get('red.100')).toMatchObject({ state: 'down' });
    expect(link()).toMatchObject({ up: false });
    expect(link()?.master ?? 0).toBe(0);
    expect((await scene.report(() => set(true))).attachments.get('red.100')).toMatchObject({
      state: 'ready',
    });
  });

  test('of a VRF or a tunnel is refused', async () => {
    expect((await scene.apply(tagged(100, 'hostpe-gre'))).attachments.get('red.100')?.state).toBe('absent');
    expect((await scene.apply(tagged(100, 'hostpe-gre'))).failures).toEqual([
      { object: 'attachment red.100 of VPN red', reason: 'hostpe-gre is no interface that has VLANs' },
    ]);
  });
});

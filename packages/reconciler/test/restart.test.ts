// What a restarted reconciler finds, keeps and sweeps.
import { parseLabel } from '@hostpe/net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attachment, desired, gre, local, redAndBlue, Scene, udp, vpn } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

describe('restart', () => {
  test('with an unchanged state makes no request, no sysctl write and no nft transaction', async () => {
    await scene.apply(redAndBlue());
    scene.takeLog();
    scene.nft.log.length = 0;
    scene.kernel.sysctl.log.length = 0;
    const report = await scene.restart(redAndBlue());
    expect(scene.takeLog()).toEqual([]);
    expect(scene.nft.log).toEqual([]);
    expect(scene.kernel.sysctl.log).toEqual([]);
    expect(report).toMatchObject({ pending: 0, failures: [] });
    expect(report.attachments.get('v-red1')).toMatchObject({ state: 'ready' });
  });

  test('adopt finds VPNs, tables and labels, and changes nothing', async () => {
    await scene.apply(redAndBlue());
    scene.takeLog();
    const adopted = await scene.reconciler.adopt();
    expect(Object.fromEntries(adopted.vpns)).toEqual({
      red: { name: 'red', table: 16001 },
      blue: { name: 'blue', table: 16002 },
    });
    expect(Object.fromEntries(adopted.labels)).toEqual({
      'v-red1': { label: 1000, vpn: 'red' },
      'v-blue1': { label: 1001, vpn: 'blue' },
    });
    expect(scene.takeLog()).toEqual([]);
  });

  test('adopt says of no VPN that a label is its own where the kernel does not show it', async () => {
    await scene.apply(redAndBlue());
    await scene.reconciler.stop();
    const [route] = scene.kernel.objects({ object: 'route', family: 'mpls' });
    if (route?.family !== 'mpls') throw new Error('no label route');
    scene.kernel.apply(
      { op: 'set', object: { object: 'link', index: scene.index('v-blue1'), master: 0 } },
      // As after a removal that failed: of the two, either may be what a former VPN of the interface was told.
      { op: 'add', object: { ...route, label: parseLabel(1007), device: scene.index('v-red1') } },
    );
    const { labels } = await scene.reconciler.adopt();
    expect([labels.get('v-red1')?.vpn, labels.get('v-blue1')]).toEqual([
      undefined,
      { label: 1001, vpn: undefined },
    ]);
  });

  test('an incomplete VPN keeps its orphans with all they need; a complete one sweeps them', async () => {
    const red = (complete: boolean, routes: Parameters<typeof vpn>[2]) =>
      vpn('red', 16001, { attachments: [attachment('v-red1', 1000, '10.1.0.1')], ...routes, complete });
    const full = {
      '10.1.0.2': [udp('10.255.0.2', 1000)],
      '10.1.0.3': [gre('10.255.0.3', 1000), udp('10.255.0.4', 1000)],
    };
    await scene.apply(desired(red(true, { routes: full })));
    const before = scene.routes(16001);
    scene.takeLog();
    scene.nft.log.length = 0;
    await scene.restart(desired(red(false, {})));
    expect(scene.takeLog()).toEqual([]);
    expect(scene.nft.log).toEqual([]);
    expect(scene.routes(16001)).toEqual(before);

    await scene.apply(desired(red(true, {})));
    expect(scene.routes(16001)).toEqual({ '0.0.0.0/0': 'unreachable', '::/0': 'unreachable' });
    expect(scene.kernel.objects({ object: 'nexthop' })).toEqual([]);
    expect(scene.permanentNeighbours()).toEqual([]);
    expect(
      scene.kernel.objects({ object: 'filter', index: scene.index('hostpe-udp'), hook: 'egress' }),
    ).toEqual([]);
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual([]);
  });

  test('the desired state has the last word on a prefix that it names, also in an incomplete VPN', async () => {
    await scene.apply(desired(vpn('red', 16001, { routes: { '10.1.0.2': [gre('10.255.0.2', 1000)] } })));
    const moved = { '10.1.0.2': [local('v-red9')] };
    await scene.apply(desired(vpn('red', 16001, { routes: moved, complete: false })));
    expect(scene.routes(16001)).not.toHaveProperty('10.1.0.2/32');
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual([]);
  });

  test('the guard of orphans is made again when somebody flushed the ruleset', async () => {
    await scene.apply(desired(vpn('red', 16001, { routes: { '10.1.0.2': [gre('10.255.0.2', 1000)] } })));
    scene.nft.flush();
    await scene.restart(desired(vpn('red', 16001, { complete: false })));
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
  });
});

// From one desired state to another: make before break, and nothing else touched.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VpnRoutes } from '../src/index.ts';
import { attachment, desired, gre, redAndBlue, Scene, udp, vpn } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

describe('change', () => {
  test('routes move to a new nexthop before the old one is deleted, where not all go the same way', async () => {
    const red = (first: number, second: number) =>
      desired(
        vpn('red', 16001, {
          routes: { '10.1.0.2': [gre('10.255.0.2', first)], '10.1.0.3': [gre('10.255.0.2', second)] },
        }),
      );
    await scene.apply(red(1000, 1000));
    scene.takeLog();
    await scene.apply(red(1001, 1002));
    const log = scene.takeLog();
    expect(log.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'nexthop add id',
      'nexthop add id',
      'route replace 10.1.0.2/32',
      'route replace 10.1.0.3/32',
      'nexthop delete id',
    ]);
  });

  test('a PE that is new gets guard, neighbour, nexthop, route in this order; one that goes, the reverse', async () => {
    const order: string[] = [];
    const apply = scene.nft.apply.bind(scene.nft);
    scene.nft.apply = async (ruleset) => {
      order.push(...scene.takeLog(), 'nft');
      await apply(ruleset);
    };
    const red = (...pes: string[]) =>
      desired(
        vpn('red', 16001, { routes: pes.length === 0 ? {} : { '10.1.0.2': pes.map((pe) => gre(pe, 1000)) } }),
      );
    await scene.apply(red());
    scene.takeLog();
    order.length = 0;
    await scene.apply(red('10.255.0.2'));
    order.push(...scene.takeLog());
    expect(order.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'nft',
      'neighbour replace',
      'nexthop add',
      'route replace',
    ]);
    order.length = 0;
    await scene.apply(red());
    order.push(...scene.takeLog());
    expect(order.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'route delete',
      'nexthop delete',
      'neighbour delete',
      'nft',
    ]);
  });

  test('several nexthops are a group, in whatever order they come, and prefixes share it', async () => {
    const state = (...order: string[]) =>
      desired(
        vpn('red', 16001, {
          routes: {
            '10.1.0.2': [gre('10.255.0.2', 1000), udp('10.255.0.3', 1000)],
            '10.1.0.3': order.map((pe) => (pe === '10.255.0.2' ? gre(pe, 1000) : udp(pe, 1000))),
          },
        }),
      );
    await scene.apply(state('10.255.0.3', '10.255.0.2'));
    expect(scene.routes(16001)['10.1.0.2/32']).toBe(
      'hostpe-gre fe80::5efe:aff:2 1000 + hostpe-udp fe80::5efe:aff:3 1000',
    );
    expect(
      scene.kernel.objects({ object: 'nexthop' }).filter(({ group }) => group !== undefined),
    ).toHaveLength(1);
    scene.takeLog();
    await scene.apply(state('10.255.0.2', '10.255.0.3'));
    expect(scene.takeLog()).toEqual([]);
  });

  test('a detached interface is released, with label and addresses gone, and is not touched again', async () => {
    await scene.apply(redAndBlue());
    const [red, blue] = redAndBlue().vpns;
    if (red === undefined || blue === undefined) throw new Error('no VPNs');
    const gone = { ...red, attachments: [], routes: new VpnRoutes() };
    await scene.apply(desired(gone, blue));
    expect(scene.kernel.link('v-red1')?.master ?? 0).toBe(0);
    expect(scene.kernel.link('v-red1')?.up).toBe(false);
    const addresses = scene.kernel
      .objects({ object: 'address' })
      .filter(({ index }) => index === scene.index('v-red1'));
    expect(addresses.map(({ address }) => address)).not.toContain('169.254.1.1');
    expect(scene.kernel.objects({ object: 'route', family: 'mpls' })).toMatchObject([{ label: 1001 }]);
    expect(scene.nft.elements('inet hostpe', 'attachments')).toEqual(['v-blue1']);
    scene.takeLog();
    await scene.apply(desired(gone, blue));
    expect(scene.takeLog()).toEqual([]);
  });

  test('a VPN that goes takes its VRF, its table and its interfaces with it', async () => {
    await scene.apply(redAndBlue());
    const blue = redAndBlue().vpns.filter(({ name }) => name === 'blue');
    scene.takeLog();
    await scene.apply(desired(...blue));
    const log = scene.takeLog();
    const vrfGone = log.findIndex((line) => line.startsWith('link delete'));
    const defaultsGone = log.findIndex((line) => line.startsWith('route delete unreachable'));
    expect(vrfGone).toBeGreaterThan(0);
    expect(defaultsGone).toBeGreaterThan(vrfGone);
    expect(scene.kernel.link('red')).toBeUndefined();
    for (const family of ['ipv4', 'ipv6'] as const) {
      expect(scene.kernel.objects({ object: 'route', family, table: 16001 })).toEqual([]);
    }
    expect(scene.nft.elements('inet hostpe', 'vrfs')).toEqual(['blue']);
    expect(scene.kernel.link('v-red1')?.master ?? 0).toBe(0);
  });

  test('no interface is up outside of a VRF while it moves to another', async () => {
    await scene.apply(redAndBlue());
    scene.kernel.log.length = 0;
    const seen: unknown[] = [];
    await scene.kernel.subscribe(['link'], (notification) => {
      if (notification.type !== 'new' || notification.object.object !== 'link') return;
      const { name, master, up } = notification.object;
      if (name === 'v-red1' && !master) seen.push(up);
    });
    const red = vpn('red', 16003, { attachments: [attachment('v-red1', 1000, '10.1.0.1')] });
    await scene.apply(desired(red));
    await scene.apply(desired(vpn('red', 16003), vpn('blue', 16002, { attachments: red.attachments })));
    await scene.apply(desired());
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set([false]));
  });

  test('a VPN on the table of one that goes, or under its device name, takes it over in one go', async () => {
    await scene.apply(redAndBlue());
    const green = vpn('green', 16001, { attachments: [attachment('v-red1', 1000, '10.1.0.1')] });
    const report = await scene.apply(desired(green, { ...vpn('cyan', 16009), device: 'blue' }));
    expect(report.failures).toEqual([]);
    expect(report.attachments.get('v-red1')).toMatchObject({ state: 'ready' });
    expect(scene.kernel.link('blue')).toMatchObject({ alias: 'hostpe vpn cyan', info: { table: 16009 } });
    expect(scene.kernel.link('red')).toBeUndefined();
  });
});

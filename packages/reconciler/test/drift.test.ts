// What somebody changed by hand comes back.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attachment, desired, gre, redAndBlue, Scene, vpn } from './scene.ts';

const foreign = parseIpPrefix('192.0.2.0/24');

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

describe('drift', () => {
  test.each([
    ['a VPN route', (s: Scene) => s.deleteAll('route')],
    ['a nexthop', (s: Scene) => s.deleteAll('nexthop')],
    ['a neighbour', (s: Scene) => s.deleteAll('neighbour')],
    ['a label route', (s: Scene) => s.deleteAll('label')],
    ['the VRF', (s: Scene) => s.kernel.apply({ op: 'delete', object: { object: 'link', name: 'red' } })],
    [
      'the GRE device',
      (s: Scene) => s.kernel.apply({ op: 'delete', object: { object: 'link', name: 'hostpe-gre' } }),
    ],
    [
      'the UDP device',
      (s: Scene) => s.kernel.apply({ op: 'delete', object: { object: 'link', name: 'hostpe-udp' } }),
    ],
    [
      'the decapsulating device',
      (s: Scene) => s.kernel.apply({ op: 'delete', object: { object: 'link', name: 'hostpe-fou' } }),
    ],
    ['the guard', (s: Scene) => s.nft.flush()],
  ])('%s deleted by hand comes back', async (_what, harm) => {
    await scene.apply(redAndBlue());
    const before = [scene.routes(16001), scene.routes(16002)];
    harm(scene);
    const report = await scene.restart(redAndBlue());
    expect(report).toMatchObject({ pending: 0, failures: [] });
    expect([scene.routes(16001), scene.routes(16002)]).toEqual(before);
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
    expect(scene.permanentNeighbours()).toHaveLength(2);
    const filters = scene.kernel.objects({
      object: 'filter',
      index: scene.index('hostpe-udp'),
      hook: 'egress',
    });
    expect(filters).toMatchObject([{ handle: 0x0aff0002, match: { redirect: scene.index('hostpe-fou') } }]);
    expect(scene.kernel.objects({ object: 'route', family: 'mpls' })).toHaveLength(2);
  });

  test('a hundred routes deleted by hand come back in a few passes', async () => {
    const prefixes = Array.from({ length: 100 }, (_, at) => parseIpPrefix(`10.1.1.${at}`));
    const to = [gre('10.255.0.2', 1000)];
    const state = desired(
      vpn('red', 16001, { attachments: [attachment('v-red1', 1000, '10.1.0.1')], routes: {} }),
    );
    for (const prefix of prefixes) state.vpns[0]?.routes.set(prefix, to);
    await scene.apply(state);
    const before = scene.routes(16001);
    let passes = 0;
    const stop = scene.reconciler.onReport(() => passes++);
    await scene.report(() => scene.deleteAll('route'));
    stop();
    expect(scene.routes(16001)).toEqual(before);
    expect(passes).toBeLessThanOrEqual(3);
  });

  test.each(['hostpe-gre', 'hostpe-udp'])(
    '%s set down and up again by hand is whole within one wake',
    async (name) => {
      await scene.apply(redAndBlue());
      const before = [scene.routes(16001), scene.routes(16002)];
      await scene.report(() =>
        scene.kernel.apply({ op: 'set', object: { object: 'link', name, up: false } }),
      );
      expect(scene.kernel.link(name)?.up).toBe(true);
      expect([scene.routes(16001), scene.routes(16002)]).toEqual(before);
      expect(scene.permanentNeighbours()).toHaveLength(2);
    },
  );

  test('foreign routes, nexthops, labels and interfaces are left alone', async () => {
    scene.plugIn('other');
    const index = scene.index('other');
    scene.kernel.sysctl.put('net/mpls/platform_labels', '1048575');
    scene.kernel.apply(
      { op: 'add', object: { object: 'nexthop', id: 7, family: 'ipv6', device: index, protocol: 200 } },
      {
        op: 'add',
        object: { object: 'nexthop', id: 0x68700000, family: 'ipv6', device: index, protocol: 11 },
      },
      {
        op: 'add',
        object: { object: 'route', family: 'ipv4', table: 254, prefix: foreign, nexthopId: 7, protocol: 200 },
      },
      {
        op: 'add',
        object: {
          object: 'route',
          family: 'mpls',
          label: parseLabel(500),
          device: index,
          via: parseIpAddress('10.9.9.9'),
          protocol: 186,
        },
      },
    );
    const report = await scene.apply(redAndBlue());
    expect(report.failures).toEqual([]);
    const ids = scene.kernel.objects({ object: 'nexthop' }).map(({ id }) => id);
    expect(ids).toEqual([7, 0x68700000, 0x68700001, 0x68700002, 0x68700003, 0x68700004]);
    expect(scene.routes(254)).toHaveProperty('192.0.2.0/24');
    expect(scene.kernel.objects({ object: 'route', family: 'mpls' })).toHaveLength(3);
  });
});

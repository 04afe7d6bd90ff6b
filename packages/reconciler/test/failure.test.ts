// What fails stops what needs it, and nothing else.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VpnRoutes } from '../src/index.ts';
import { desired, gre, local, redAndBlue, Scene, vpn } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

describe('failure', () => {
  test('of one route is told in the kernel’s words and holds up no other', async () => {
    scene.kernel.failEach(
      ({ object }) =>
        object.object === 'route' &&
        'prefix' in object &&
        object.prefix === '10.1.0.2/32' &&
        object.table === 16001,
      'EINVAL',
    );
    const report = await scene.apply(redAndBlue());
    expect(report.failures).toEqual([
      { object: 'route 10.1.0.2/32 of VPN red', reason: expect.stringContaining('EINVAL') },
    ]);
    expect(scene.routes(16001)).toHaveProperty('2001:db8::2/128');
    expect(scene.routes(16002)).toHaveProperty('10.1.0.2/32');
    expect(report.attachments.get('v-red1')).toMatchObject({ state: 'ready' });
  });

  test('of a neighbour keeps the nexthop and the routes by it from being made', async () => {
    scene.kernel.failEach(
      ({ object }) => object.object === 'neighbour' && object.linkLayerAddress === '10.255.0.2',
      'ENOBUFS',
    );
    const report = await scene.apply(redAndBlue());
    expect(report.failures).toHaveLength(1);
    expect(report.pending).toBe(3);
    expect(scene.routes(16002)).not.toHaveProperty('10.1.0.2/32');
    expect(scene.routes(16001)).toHaveProperty('10.1.0.2/32');
    expect(scene.takeLog().filter((line) => line.startsWith('nexthop add') && line.includes('1001'))).toEqual(
      [],
    );
  });

  test('of a route that should leave a nexthop keeps the nexthop', async () => {
    const red = (label: number) =>
      desired(
        vpn('red', 16001, {
          routes: { '10.1.0.2': [gre('10.255.0.2', label)], '10.1.0.3': [gre('10.255.0.2', 1001)] },
        }),
      );
    await scene.apply(red(1000));
    const end = scene.kernel.failEach(
      ({ op, object }) => op === 'replace' && object.object === 'route',
      'ENOBUFS',
    );
    await scene.apply(red(1001));
    expect(scene.routes(16001)['10.1.0.2/32']).toBe('hostpe-gre fe80::5efe:aff:2 1000');
    end();
    await scene.apply(red(1001));
    expect(scene.routes(16001)['10.1.0.2/32']).toBe('hostpe-gre fe80::5efe:aff:2 1001');
    expect(scene.kernel.objects({ object: 'nexthop' })).toHaveLength(1);
  });

  test('of the guard keeps tunnels and VRFs from being made; attachments that are whole stay ready', async () => {
    scene.nft.failure = 'Operation not permitted';
    const first = await scene.apply(redAndBlue());
    expect(scene.kernel.link('hostpe-gre')).toBeUndefined();
    expect(scene.kernel.link('red')).toBeUndefined();
    expect(first.attachments.get('v-red1')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('not permitted'),
    });
    scene.nft.failure = undefined;
    expect((await scene.apply(redAndBlue())).pending).toBe(0);
    scene.nft.failure = 'Operation not permitted';
    scene.nft.flush();
    const again = await scene.restart(redAndBlue());
    expect(again.failures).toHaveLength(1);
    expect(again.attachments.get('v-red1')).toMatchObject({ state: 'ready' });
  });

  test('of a release keeps the guard of the interface, which is still in the VRF', async () => {
    await scene.apply(redAndBlue());
    const end = scene.kernel.failEach(
      ({ object }) => object.object === 'link' && object.master === 0,
      'EBUSY',
    );
    const gone = desired(...redAndBlue().vpns.map((one) => ({ ...one, attachments: [] })));
    expect((await scene.apply(gone)).failures).toHaveLength(2);
    expect(scene.nft.elements('inet hostpe', 'attachments')).toEqual(['v-blue1', 'v-red1']);
    end();
    expect((await scene.apply(gone)).failures).toEqual([]);
    expect(scene.nft.elements('inet hostpe', 'attachments')).toEqual([]);
  });

  test('of the guard makes that it is read anew, as nobody knows what it left', async () => {
    await scene.apply(redAndBlue());
    scene.nft.failure = 'Resource temporarily unavailable';
    await scene.apply(desired());
    scene.nft.failure = undefined;
    scene.nft.flush();
    await scene.apply(redAndBlue());
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
  });

  test('a label that a routing daemon has is not taken', async () => {
    scene.kernel.sysctl.put('net/mpls/platform_labels', '1048575');
    scene.kernel.apply({
      op: 'add',
      object: {
        object: 'route',
        family: 'mpls',
        label: parseLabel(1000),
        device: scene.index('v-blue1'),
        via: parseIpAddress('10.9.9.9'),
        protocol: 186,
      },
    });
    const report = await scene.apply(redAndBlue());
    expect(report.attachments.get('v-red1')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('EEXIST'),
    });
    expect(report.attachments.get('v-blue1')).toMatchObject({ state: 'ready' });
  });

  test.each([
    ['our own PE address', { '10.1.0.2': [gre('10.255.0.1', 1000)] }, 'this host itself'],
    ['a PE on IPv6', { '10.1.0.2': [gre('fd00::1', 1000)] }, 'over an IPv4 underlay'],
    ['the gateway of every machine', { '169.254.1.1': [gre('10.255.0.2', 1000)] }, 'gateway address'],
  ])('%s as a route is refused with its reason, and others stand', async (_what, bad, reason) => {
    const routes = { ...bad, '10.1.0.9': [gre('10.255.0.2', 1000)] };
    const report = await scene.apply(desired(vpn('red', 16001, { routes })));
    expect(report.failures).toEqual([
      { object: expect.stringContaining('of VPN red'), reason: expect.stringContaining(reason) },
    ]);
    expect(Object.keys(scene.routes(16001)).sort()).toEqual(['0.0.0.0/0', '10.1.0.9/32', '::/0']);
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
  });

  test('local routes of an attachment of another VPN lead straight to it', async () => {
    const [red, blue] = redAndBlue().vpns;
    if (red === undefined || blue === undefined) throw new Error('no VPNs');
    const routes = new VpnRoutes([...blue.routes.entries(), [parseIpPrefix('10.7.0.1'), [local('v-red1')]]]);
    await scene.apply(desired(red, { ...blue, routes }));
    expect(scene.routes(16002)['10.7.0.1/32']).toBe('v-red1');
  });
});

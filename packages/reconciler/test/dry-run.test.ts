// What would be done, without doing it.
import { parseIpPrefix } from '@hostpe/net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { desired, gre, redAndBlue, Scene, vpn } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

test('of a kernel that is as it should be is nothing', async () => {
  expect(await scene.reconciler.diff()).toBeUndefined();
  await scene.apply(redAndBlue());
  scene.takeLog();
  expect(await scene.reconciler.diff()).toEqual({ changes: [], waiting: 0, failures: [] });
  expect(scene.takeLog()).toEqual([]);
});

test('names each object that is missing, wrong or too many, and touches none', async () => {
  const state = redAndBlue();
  await scene.apply(state);
  await scene.reconciler.stop();
  scene.kernel.sysctl.put('net/ipv4/ip_forward', '0');
  scene.deleteAll('neighbour');
  scene.kernel.apply(
    {
      op: 'delete',
      object: {
        object: 'route',
        family: 'ipv4',
        table: 16002,
        prefix: parseIpPrefix('10.1.0.2'),
        protocol: 200,
      },
    },
    { op: 'delete', object: { object: 'link', name: 'blue' } },
  );
  scene.nft.flush();
  scene.takeLog();
  scene.kernel.sysctl.log.length = 0;
  scene.nft.log.length = 0;
  const before = [scene.routes(16001), scene.routes(16002)];
  const { changes = [], waiting, failures } = (await scene.reconciler.diff()) ?? {};
  const words = changes.map((change) => change.split(' ').slice(0, 3).join(' '));
  expect(words).toContain('link add name');
  expect(words).toContain('neighbour replace fe80::5efe:aff:2');
  expect(words).toContain('nft add rule');
  expect(words).toContain('sysctl net.ipv4.ip_forward=1');
  // The routes of blue wait for its VRF.
  expect(waiting).toBeGreaterThan(0);
  expect(failures).toEqual([]);
  expect([scene.routes(16001), scene.routes(16002)]).toEqual(before);
  expect([scene.takeLog(), scene.kernel.sysctl.log, scene.nft.log]).toEqual([[], [], []]);
});

test('says routes as iproute2 does, and what cannot be done', async () => {
  const state = desired(vpn('red', 16001, { routes: { '10.1.0.2': [gre('10.255.0.2', 1000)] } }));
  await scene.apply(state);
  await scene.reconciler.stop();
  const [red] = state.vpns;
  red?.routes.set(parseIpPrefix('10.1.0.3'), [gre('10.255.0.2', 1000)]);
  red?.routes.set(parseIpPrefix('10.1.0.4'), [gre('10.255.0.1', 1000)]);
  const { changes, failures } = (await scene.reconciler.diff()) ?? {};
  expect(changes).toEqual([expect.stringMatching(/^route replace 10\.1\.0\.3\/32 .*table 16001/)]);
  expect(failures).toMatchObject([{ object: 'route 10.1.0.4/32 of VPN red' }]);
  // What was only listed is done by the next pass.
  scene.reconciler.setDesired(state);
  await scene.reconciler.start();
  await scene.settled();
  expect(scene.routes(16001)).toHaveProperty('10.1.0.3/32');
});

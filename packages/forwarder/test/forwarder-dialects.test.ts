// The forwarder with route servers that speak another dialect than the default.
import type { Dialect } from '@hostpe/signaling';
import { afterEach, describe, expect, test } from 'vitest';
import type { Host } from './support/host.ts';
import type { Scene } from './support/scene.ts';
import { configured, eventually, openScene, red, redId } from './support/scene.ts';
import type { ScriptedRouteServer } from './support/scripted-route-server.ts';
import { routeTo } from './support/scripted-route-server.ts';

describe('the forwarder with a route server of another dialect', () => {
  let scene: Scene;
  let server: ScriptedRouteServer;
  let host: Host;
  const start = async (dialect: Dialect, some: object = configured) => {
    scene = await openScene(dialect);
    ({ server, host } = scene);
    host.addMachine('v-blue1');
    await host.start(some);
  };
  afterEach(() => scene.close());
  /** As it comes back where a dialect has GRE only, unsaid. */
  const byGre = (prefix: string, address: string, label: number) => {
    const route = routeTo(prefix, `${address} ${label}`);
    return { ...route, nexthops: route.nexthops.map((nexthop) => ({ ...nexthop, encapsulations: [] })) };
  };

  test('end-system-07m: joins, publishes, takes routes and withdrawals, retracts', async () => {
    await start('end-system-07m', {});
    await host.ask('POST', '/attachments', { interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1'] });
    await eventually(() =>
      expect(server.transcript()).toEqual([
        'subscribe red',
        'publish red 10.1.0.1/32 1000',
        'end-of-rib red',
      ]),
    );
    expect(server.requests[1]).toMatchObject({
      routes: [{ id: `h1:${redId}`, nexthops: [{ encapsulations: [] }] }],
    });
    server.announce('red', byGre('10.1.0.1/32', '10.255.0.1', 1000), byGre('10.1.0.9/32', '10.255.0.9', 900));
    await eventually(() =>
      expect(host.routes(red)).toEqual(['10.1.0.1/32 dev v-red1', '10.1.0.9/32 label 900']),
    );
    server.withdraw('red', '10.1.0.9/32');
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.1/32 dev v-red1']));
    server.requests.length = 0;
    await host.ask('DELETE', '/attachments/v-red1');
    await eventually(() =>
      expect(server.transcript()).toEqual([`retract red h1:${redId}`, 'unsubscribe red']),
    );
  });

  test('end-system-07m: End-of-RIB sweeps what it did not say again', async () => {
    await start('end-system-07m');
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    server.announce('red', byGre('10.1.0.9/32', '10.255.0.9', 900));
    await eventually(() => expect(host.routes(red)).toHaveLength(1));
    await server.stop();
    server.requests.length = 0;
    await server.start();
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    expect(host.routes(red)).toHaveLength(1);
    server.endOfRib('red');
    await eventually(() => expect(host.routes(red)).toEqual([]));
  });

  test('end-system-07m: a VPN that receives UDP alone is not published, and the log says why', async () => {
    await start('end-system-07m', { ...configured, vpns: { red: { encapsulations: ['udp'] } } });
    await eventually(() => expect(server.transcript()).toEqual(['subscribe red', 'end-of-rib red']));
    expect(host.log.lines).toContainEqual(
      expect.stringMatching(
        /^warn VPN red: route server \S+ is not told of routes: 10\.1\.0\.1\/32: no next-hop receives GRE/,
      ),
    );
  });

  test('contrail: publishes in pairs, and says End-of-RIB once, after the last VPN', async () => {
    const both = {
      attachments: [
        ...configured.attachments,
        { interface: 'v-blue1', vpn: 'blue', addresses: ['10.2.0.1'] },
      ],
    };
    await start('contrail', both);
    await eventually(() =>
      expect(server.transcript()).toEqual([
        'subscribe red',
        'publish red 10.1.0.1/32 1000',
        'subscribe blue',
        'publish blue 10.2.0.1/32 1001',
        'end-of-rib red',
        'end-of-rib blue',
      ]),
    );
    const route = { ...routeTo('10.1.0.9/32', '10.255.0.9 900'), localPreference: 200 };
    server.announce('red', route);
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.9/32 label 900']));
    server.withdraw('red', '10.1.0.9/32');
    await eventually(() => expect(host.routes(red)).toEqual([]));
  });

  test('contrail: what cannot be asked is a line in the log, and costs other VPNs nothing', async () => {
    const slash = {
      vpns: { 'a/b': { device: 'ab' } },
      attachments: [{ interface: 'v-blue1', vpn: 'a/b', addresses: ['10.2.0.1'] }, ...configured.attachments],
    };
    await start('contrail', slash);
    await eventually(() => expect(server.transcript()).toContain('publish red 10.1.0.1/32 1001'));
    expect(host.log.lines).toContainEqual(
      expect.stringMatching(
        /^warn VPN a\/b: route server \S+ cannot be asked in dialect contrail: cannot send the VPN name "a\/b"/,
      ),
    );
  });
});

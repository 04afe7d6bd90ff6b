// What the forwarder tells operators: answers of the control socket and lines of the log.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from './support/host.ts';
import type { Scene } from './support/scene.ts';
import { configured, eventually, openScene, red } from './support/scene.ts';
import type { ScriptedRouteServer } from './support/scripted-route-server.ts';
import { routeTo } from './support/scripted-route-server.ts';

describe('what operators are told', () => {
  let scene: Scene;
  let server: ScriptedRouteServer;
  let host: Host;
  beforeEach(async () => {
    scene = await openScene();
    ({ server, host } = scene);
  });
  afterEach(() => scene.close());

  test('leaves a route that it cannot use out, and says why', async () => {
    await host.start({ ...configured, vpns: { red: { encapsulations: ['udp'] } } });
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    const [nexthop] = routeTo('10.1.0.9/32', '10.255.0.9 900').nexthops;
    const greOnly = {
      id: 'gre-only',
      prefix: routeTo('10.1.0.9/32').prefix,
      nexthops: nexthop ? [{ ...nexthop, encapsulations: [] }] : [],
    };
    server.announce('red', greOnly, routeTo('10.1.0.8/32', '10.255.0.8 800'));
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800']));
    expect(host.log.lines).toContain(
      'warn VPN red: route 10.1.0.9/32: nexthop 10.255.0.9 receives gre only, and this VPN is configured for udp; it is not used',
    );
    expect(await host.ask('GET', '/routes?vpn=red')).toMatchObject([
      { prefix: '10.1.0.9/32', nexthops: [], problem: expect.stringContaining('receives gre only') },
      {
        prefix: '10.1.0.8/32',
        nexthops: [{ kind: 'remote', address: '10.255.0.8', label: 800, encapsulation: 'udp' }],
      },
    ]);
  });

  test('names ten of the items that it cannot read, and counts the others', async () => {
    await host.start(configured);
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    const routes = Array.from({ length: 25 }, (_, index) => ({
      ...routeTo('10.1.0.9/32', '10.255.0.9 900'),
      id: `empty-${index}`,
    }));
    server.announceEmptied('red', ...routes);
    await eventually(() =>
      expect(host.log.lines).toContainEqual(
        expect.stringMatching(/^warn VPN red: and 15 more routes of route server \S+ that are ignored$/),
      ),
    );
    expect(host.log.lines.filter((line) => line.includes('is ignored: '))).toHaveLength(10);
  });

  test('says what it would change in the kernel, which is nothing when all is done', async () => {
    await host.start(configured);
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    server.announce('red', routeTo('10.1.0.8/32', '10.255.0.8 800'));
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800']));
    // The fake nft of these tests keeps nothing: the guard alone is always to be made.
    await eventually(async () => {
      const { changes, ...others } = (await host.ask('GET', '/diff')) as { changes: readonly string[] };
      expect(changes.filter((change) => !change.startsWith('nft '))).toEqual([]);
      expect(others).toEqual({ waiting: 0, failures: [] });
    });
  });

  test('answers commands that cannot be followed with the reason', async () => {
    await host.start(configured);
    const attach = (some: object) =>
      host.ask('POST', '/attachments', { interface: 'v-red2', vpn: 'red', addresses: ['10.1.0.2'], ...some });
    const refusals: [Promise<unknown>, number, string][] = [
      [
        attach({ interface: 'v-red1' }),
        409,
        'v-red1 is already attached to VPN red by the configuration file',
      ],
      [attach({ interface: 'red' }), 400, 'red is the name of a VRF device'],
      [
        attach({ addresses: ['10.1.0.0/24', '10.1.0.300'] }),
        400,
        'addresses.0: 10.1.0.0/24 is not the address of one machine: give 10.1.0.0 or 10.1.0.0/32\naddresses.1: "10.1.0.300" is not an IP prefix',
      ],
      [
        attach({ vpn: 'v-red1' }),
        400,
        'VPN v-red1 cannot have the VRF device v-red1: an interface of this name is attached',
      ],
      [
        host.ask('DELETE', '/attachments/v-red1'),
        409,
        'v-red1 is attached to VPN red by the configuration file: remove it there and restart',
      ],
      [host.ask('DELETE', '/attachments/v-red9'), 404, 'v-red9 is not attached'],
      [host.ask('GET', '/routes?vpn=blue'), 404, 'VPN blue: nothing is attached to it on this host'],
    ];
    for (const [refused, status, message] of refusals)
      await expect(refused).rejects.toMatchObject({ status, message });
  });

  test('tells Prometheus what there is, where that is asked for', async () => {
    await host.start({ ...configured, metrics: { address: '127.0.0.1', port: 0 } });
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    server.announce('red', routeTo('10.1.0.8/32', '10.255.0.8 800'));
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800']));
    const [url = ''] = host.log.lines.flatMap((line) => /^info metrics: (\S+),/.exec(line)?.[1] ?? []);
    const text = await (await fetch(url)).text();
    expect(text.split('\n')).toEqual(
      expect.arrayContaining([
        'hostpe_attachments{state="ready"} 1',
        'hostpe_vpn_routes{vpn="red"} 1',
        'hostpe_vpn_complete{vpn="red"} 0',
        `hostpe_route_server_online{server="127.0.0.1:${server.port}"} 1`,
        'hostpe_kernel_pending 0',
        'hostpe_kernel_failures 0',
      ]),
    );
  });

  test('tells operators what there is', async () => {
    await host.start(configured);
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    expect(await host.ask('GET', '/status')).toMatchObject({
      role: 'forwarder',
      address: '10.255.0.1',
      sessions: { configured: 1, online: 1 },
      attachments: { total: 1, ready: 1 },
      kernel: { pending: 0, failures: [] },
    });
    expect(await host.ask('GET', '/vpns')).toEqual([
      {
        vpn: 'red',
        device: 'red',
        table: 16001,
        instanceId: 1,
        encapsulations: ['gre', 'udp'],
        attachments: 1,
        routes: 0,
        complete: false,
      },
    ]);
    expect(await host.ask('GET', '/sessions')).toMatchObject([
      { server: `127.0.0.1:${server.port}`, state: 'online', vpns: ['red'], published: 1 },
    ]);
  });
});

// What the forwarder tells its route server and makes of what that says, over starts, restarts and lost sessions.
import type { VpnRequest } from '@hostpe/signaling';
import { StanzaError } from '@hostpe/xmpp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from './support/host.ts';
import type { Scene } from './support/scene.ts';
import { configured, eventually, openScene, red, redId } from './support/scene.ts';
import type { ScriptedRouteServer } from './support/scripted-route-server.ts';
import { routeTo } from './support/scripted-route-server.ts';

describe('the forwarder, between a fake kernel and a scripted route server', () => {
  let scene: Scene;
  let server: ScriptedRouteServer;
  let host: Host;
  beforeEach(async () => {
    scene = await openScene();
    ({ server, host } = scene);
  });
  afterEach(() => scene.close());

  /** What the next request of the kind sees of the world when it arrives. */
  const whenAsked = <T>(kind: VpnRequest['kind'], look: () => T): Promise<T> =>
    new Promise((resolve) => {
      server.script = (request) => {
        if (request.kind === kind) resolve(look());
      };
    });

  test('publishes an attachment when its label route is in the kernel, then says End-of-RIB', async () => {
    const labels = whenAsked('publish', () => host.labels());
    await host.start(configured);
    expect(await labels).toEqual(['1000 dev v-red1']);
    await eventually(() =>
      expect(server.transcript()).toEqual([
        'subscribe red',
        'publish red 10.1.0.1/32 1000',
        'end-of-rib red',
      ]),
    );
    expect(server.requests[0]).toMatchObject({ instanceId: 1 });
    expect(server.requests[1]).toMatchObject({
      routes: [{ id: redId, nexthops: [{ address: '10.255.0.1', encapsulations: ['gre', 'udp'] }] }],
    });
  });

  test('sends nothing to a machine of its own before the route server advertises it with our label', async () => {
    await host.start(configured);
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    server.announce('red', routeTo('0.0.0.0/0', '10.255.0.9 900'));
    await eventually(() => expect(host.routes(red)).toEqual(['0.0.0.0/0 label 900']));
    server.announce('red', routeTo('10.1.0.1/32', '10.255.0.1 1000'));
    await eventually(() =>
      expect(host.routes(red)).toEqual(['0.0.0.0/0 label 900', '10.1.0.1/32 dev v-red1']),
    );
    server.withdraw('red', '10.1.0.1/32');
    await eventually(() => expect(host.routes(red)).toEqual(['0.0.0.0/0 label 900']));
  });

  test('restarts without a retract or a change in the kernel, keeping labels and routes', async () => {
    host.addMachine('v-red2');
    const attachments = ['v-red1', 'v-red2'].map((name, index) => ({
      interface: name,
      vpn: 'red',
      addresses: [`10.1.0.${index + 1}`],
    }));
    await host.start({ attachments });
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    server.announce('red', routeTo('10.1.0.9/32', '10.255.0.9 900'));
    server.endOfRib('red');
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.9/32 label 900']));
    await host.stop();
    host.kernel.log.length = 0;
    server.requests.length = 0;
    // The other way round: labels must come from the kernel, not from the order.
    await host.start({ attachments: attachments.toReversed() });
    await eventually(() => expect(server.transcript().at(-1)).toBe('end-of-rib red'));
    expect(server.transcript()).toEqual([
      'subscribe red',
      'publish red 10.1.0.2/32 1001 10.1.0.1/32 1000',
      'end-of-rib red',
    ]);
    // The route server has not told all yet.
    expect(host.routes(red)).toEqual(['10.1.0.9/32 label 900']);
    expect(host.kernel.log).toEqual([]);
    server.endOfRib('red');
    await eventually(() => expect(host.routes(red)).toEqual([]));
  });

  test('keeps the routes of a lost session until the next End-of-RIB', async () => {
    await host.start(configured);
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    server.announce(
      'red',
      routeTo('10.1.0.8/32', '10.255.0.8 800'),
      routeTo('10.1.0.9/32', '10.255.0.9 900'),
    );
    server.endOfRib('red');
    await eventually(() => expect(host.routes(red)).toHaveLength(2));
    server.requests.length = 0;
    await server.stop();
    await eventually(async () =>
      expect(await host.ask('GET', '/sessions')).toMatchObject([{ state: 'offline', vpns: [] }]),
    );
    await server.start();
    await eventually(() =>
      expect(server.transcript()).toEqual([
        'subscribe red',
        'publish red 10.1.0.1/32 1000',
        'end-of-rib red',
      ]),
    );
    server.announce('red', routeTo('10.1.0.9/32', '10.255.0.9 901'));
    await eventually(() =>
      expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 901']),
    );
    server.endOfRib('red');
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.9/32 label 901']));
  });

  test('asks again for what was refused, and says so once', async () => {
    let refusals = 0;
    server.script = ({ kind }) => {
      if (kind !== 'subscribe' || refusals === 3) return;
      refusals += 1;
      throw new StanzaError('auth', 'forbidden', { text: 'h1 may not join red' });
    };
    await host.start(configured, { refused: 20 });
    await eventually(() => expect(server.transcript()).toContain('publish red 10.1.0.1/32 1000'));
    expect(host.log.lines.filter((line) => line.includes('refused'))).toEqual([
      expect.stringMatching(
        /^warn VPN red: route server 127\.0\.0\.1:\d+ refused the subscription: h1 may not join red \(forbidden\); asked again every 0\.02 s$/,
      ),
    ]);
  });
});

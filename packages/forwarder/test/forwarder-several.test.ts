// The forwarder with two route servers: publishes to both, merges what they say, and what is left when one of them, or all, are gone.
import { StanzaError } from '@hostpe/xmpp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from './support/host.ts';
import type { Scene } from './support/scene.ts';
import { configured, eventually, openScene, red } from './support/scene.ts';
import type { ScriptedRouteServer } from './support/scripted-route-server.ts';
import { routeTo } from './support/scripted-route-server.ts';

describe('the forwarder with two route servers', () => {
  let scene: Scene;
  let host: Host;
  let one: ScriptedRouteServer;
  let other: ScriptedRouteServer;
  beforeEach(async () => {
    scene = await openScene('end-system-06', 'end-system-06');
    host = scene.host;
    [one, other] = scene.servers as [ScriptedRouteServer, ScriptedRouteServer];
  });
  afterEach(() => scene.close());

  const near = (label = 900) => routeTo('10.1.0.9/32', `10.255.0.9 ${label}`);
  const far = routeTo('10.1.0.8/32', '10.255.0.8 800');
  /** Both are there, have the routes and have said so. */
  const bothTold = async (some: object = {}) => {
    await host.start({ ...configured, ...some });
    for (const server of [one, other]) {
      await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
      server.announce('red', near());
    }
    one.announce('red', far);
    for (const server of [one, other]) server.endOfRib('red');
    await eventually(() =>
      expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 900']),
    );
    await eventually(async () => expect(await host.ask('GET', '/vpns')).toMatchObject([{ complete: true }]));
  };
  const lose = async (server: ScriptedRouteServer) => {
    await server.stop();
    const name = `127.0.0.1:${server.port}`;
    await eventually(() =>
      expect(host.log.lines).toContainEqual(expect.stringContaining(`route server ${name}: session lost`)),
    );
  };

  test('publishes to both, and a route stands while one of them has it', async () => {
    await host.start(configured);
    for (const server of [one, other])
      await eventually(() => expect(server.transcript()).toContain('publish red 10.1.0.1/32 1000'));
    for (const server of [one, other]) server.announce('red', near());
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.9/32 label 900']));
    one.withdraw('red', '10.1.0.9/32');
    one.announce('red', far);
    await eventually(() =>
      expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 900']),
    );
    other.withdraw('red', '10.1.0.9/32');
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800']));
  });

  test('a lost one costs no route; what the other then changes or withdraws counts, what it never had stays', async () => {
    await bothTold();
    await lose(one);
    const [ofOne, ofOther] = [one, other].map(({ port }) => `127.0.0.1:${port}`);
    expect(await host.ask('GET', '/routes?vpn=red')).toMatchObject(
      // Equal ones: the fresh one is preferred.
      expect.arrayContaining([
        expect.objectContaining({ prefix: '10.1.0.9/32', server: ofOther, stale: false }),
        expect.objectContaining({ prefix: '10.1.0.8/32', server: ofOne, stale: true }),
      ]),
    );
    other.announce('red', near(901));
    await eventually(() =>
      expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 901']),
    );
    other.withdraw('red', '10.1.0.9/32');
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800']));
  });

  test('what only the lost one had is given up after timers.stale, with a line in the log', async () => {
    await bothTold({ timers: { stale: 0.3 } });
    await lose(one);
    expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 900']);
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.9/32 label 900']));
    expect(host.log.lines).toContain(
      `warn VPN red: 2 stale routes of route server 127.0.0.1:${one.port} are given up: its session is lost, and no other has said them for 0.3 s`,
    );
  });

  test('without any the kernel keeps all, for timers.headless', async () => {
    await bothTold({ timers: { stale: 0, headless: 0.5 } });
    await lose(other);
    await eventually(() =>
      expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 900']),
    );
    await lose(one);
    expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 900']);
    await eventually(() => expect(host.routes(red)).toEqual([]));
    expect(host.log.lines).toContain(
      'warn VPN red: no route server for 0.5 s: all routes are given up, 2 of this run and what the kernel had from before',
    );
    // The machine is still attached, and still told of when one is back.
    one.requests.length = 0;
    await one.start();
    await eventually(() => expect(one.transcript()).toContain('publish red 10.1.0.1/32 1000'));
  });

  test('what the kernel had from before a restart goes after timers.headless where no route server is ever there', async () => {
    await bothTold();
    await host.stop();
    for (const server of [one, other]) await server.stop();
    await host.start({ ...configured, timers: { headless: 0.3 } });
    expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 900']);
    await eventually(() => expect(host.routes(red)).toEqual([]));
  });

  test('one that refuses the subscription hides nothing of what the other grants, before and after', async () => {
    let isRefused = true;
    one.script = ({ kind }) => {
      if (kind === 'subscribe' && isRefused)
        throw new StanzaError('auth', 'forbidden', { text: 'h1 may not join red' });
    };
    await host.start(configured, { refused: 20, endOfRib: 200 });
    await eventually(() => expect(other.transcript()).toContain('end-of-rib red'));
    expect(one.transcript()).not.toContain('publish red 10.1.0.1/32 1000');
    other.announce('red', near());
    other.endOfRib('red');
    await eventually(async () => expect(await host.ask('GET', '/vpns')).toMatchObject([{ complete: true }]));
    expect(host.routes(red)).toEqual(['10.1.0.9/32 label 900']);
    isRefused = false;
    await eventually(() => expect(one.transcript()).toContain('end-of-rib red'));
    one.announce('red', far);
    await eventually(() =>
      expect(host.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 900']),
    );
  });

  test('one that restarts while the other is away ends what it does not say again, of its own', async () => {
    await bothTold();
    await lose(other);
    await lose(one);
    one.requests.length = 0;
    await one.start();
    await eventually(() => expect(one.transcript()).toContain('end-of-rib red'));
    one.announce('red', near(902));
    one.endOfRib('red');
    await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.9/32 label 902']));
  });
});

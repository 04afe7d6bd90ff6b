// Machines that come, go and are attached and detached by command: what the kernel and the route server see of it, in which order.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Host } from './support/host.ts';
import type { Scene } from './support/scene.ts';
import { configured, eventually, openScene, redId } from './support/scene.ts';
import type { ScriptedRouteServer } from './support/scripted-route-server.ts';

describe('attachments, between a fake kernel and a scripted route server', () => {
  let scene: Scene;
  let server: ScriptedRouteServer;
  let host: Host;
  beforeEach(async () => {
    scene = await openScene();
    ({ server, host } = scene);
  });
  afterEach(() => scene.close());

  /** Lets no change into the kernel until `letGo`. */
  const holdKernel = () => {
    const { execute } = host.kernel;
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    let isHeld = false;
    host.kernel.execute = async (requests) => {
      isHeld = true;
      await held;
      return await execute.call(host.kernel, requests);
    };
    return { letGo, isHeld: () => isHeld };
  };

  test('does not publish what the kernel has no label route for, and says no End-of-RIB without it', async () => {
    const endFault = host.kernel.failEach(
      ({ object }) => object.object === 'route' && object.family === 'mpls',
      'ENOMEM',
    );
    await host.start(configured);
    await eventually(async () =>
      expect(await host.ask('GET', '/attachments')).toMatchObject([
        { state: 'failed', reason: expect.any(String) },
      ]),
    );
    await eventually(() => expect(server.transcript()).toEqual(['subscribe red']));
    endFault();
    await eventually(() =>
      expect(server.transcript()).toEqual([
        'subscribe red',
        'publish red 10.1.0.1/32 1000',
        'end-of-rib red',
      ]),
    );
  });

  test('leaves no timer behind when its start fails, so that the process ends', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      host.kernel.subscribe = async () => {
        throw new Error('the door is shut');
      };
      await expect(host.start(configured)).rejects.toThrow('the door is shut');
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('attaches by command, and keeps that over a restart', async () => {
    await host.start();
    expect(
      await host.ask('POST', '/attachments', { interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1'] }),
    ).toMatchObject({
      interface: 'v-red1',
      addresses: ['10.1.0.1/32'],
      label: 1000,
      origin: 'command',
    });
    await eventually(() => expect(server.transcript()).toContain('publish red 10.1.0.1/32 1000'));
    await host.stop();
    await host.start();
    await eventually(async () =>
      expect(await host.ask('GET', '/attachments')).toMatchObject([{ state: 'ready', label: 1000 }]),
    );
  });

  test('detaches in the order retract, answer, kernel, and keeps the label from use', async () => {
    await host.start();
    host.addMachine('v-red2');
    const first = { interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1'] };
    await host.ask('POST', '/attachments', first);
    await eventually(() => expect(server.transcript()).toContain('publish red 10.1.0.1/32 1000'));
    let answer = () => {};
    server.script = ({ kind }) =>
      kind === 'retract' ? new Promise((resolve) => (answer = resolve)) : undefined;
    const detached = host.ask('DELETE', '/attachments/v-red1');
    await eventually(() => expect(server.transcript().at(-1)).toBe(`retract red ${redId}`));
    expect(await host.ask('GET', '/attachments')).toMatchObject([{ state: 'detaching' }]);
    await expect(host.ask('POST', '/attachments', first)).rejects.toThrow('v-red1 is still being detached');
    // A pass of the reconciler in between: the label route must outlive it.
    await host.ask('POST', '/attachments', { interface: 'v-red2', vpn: 'blue', addresses: ['10.1.0.1'] });
    await eventually(() => expect(host.labels()).toEqual(['1000 dev v-red1', '1001 dev v-red2']));
    answer();
    expect(await detached).toEqual({ detached: 'v-red1' });
    expect(host.labels()).toEqual(['1001 dev v-red2']);
    await eventually(() => expect(server.transcript()).toContain('unsubscribe red'));
    expect(
      JSON.parse(readFileSync(join(host.folder, 'lib', 'attachments.json'), 'utf8')).attachments,
    ).toMatchObject([{ interface: 'v-red2' }]);
    expect(await host.ask('POST', '/attachments', first)).toMatchObject({ label: 1002 });
  });

  test('ends a detach only when the kernel has let go', async () => {
    await host.start();
    await host.ask('POST', '/attachments', { interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1'] });
    await eventually(() => expect(server.transcript()).toContain('publish red 10.1.0.1/32 1000'));
    const { letGo, isHeld } = holdKernel();
    const detached = host.ask('DELETE', '/attachments/v-red1');
    await eventually(() => expect(isHeld()).toBe(true));
    // All that is left to the forwarder has had its turn.
    await host.ask('GET', '/status');
    expect(await Promise.race([detached, host.ask('GET', '/attachments')])).toMatchObject([
      { state: 'detaching' },
    ]);
    letGo();
    await detached;
    expect(host.labels()).toEqual([]);
  });

  test('ends a detach during the pass that attaches only when a later pass let go', async () => {
    await host.start();
    await eventually(async () =>
      expect(await host.ask('GET', '/status')).toMatchObject({ kernel: { pending: 0 } }),
    );
    const { letGo, isHeld } = holdKernel();
    await host.ask('POST', '/attachments', { interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1'] });
    await eventually(() => expect(isHeld()).toBe(true));
    const detached = host.ask('DELETE', '/attachments/v-red1');
    // All that is left to the forwarder has had its turn, the disk too.
    for (let turn = 0; turn < 50; turn++) await host.ask('GET', '/status');
    expect(await Promise.race([detached, host.ask('GET', '/attachments')])).toMatchObject([
      { state: 'detaching' },
    ]);
    letGo();
    await detached;
    expect(host.labels()).toEqual([]);
  });

  test('detaches although the route server never answers', async () => {
    await host.start({}, { retract: 50 });
    await host.ask('POST', '/attachments', { interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1'] });
    await eventually(() => expect(server.transcript()).toContain('publish red 10.1.0.1/32 1000'));
    server.script = ({ kind }) => (kind === 'retract' ? new Promise(() => {}) : undefined);
    await host.ask('DELETE', '/attachments/v-red1');
    expect(host.labels()).toEqual([]);
    expect(host.log.lines).toContainEqual(
      expect.stringMatching(/^warn v-red1: no answer to the retract of label 1000/),
    );
  });

  test('retracts what is down and publishes it again when it is up', async () => {
    await host.start(configured);
    await eventually(() => expect(server.transcript()).toContain('end-of-rib red'));
    server.requests.length = 0;
    host.kernel.setCarrier('v-red1', false);
    await eventually(() => expect(server.transcript()).toEqual([`retract red ${redId}`]));
    expect(host.labels()).toEqual(['1000 dev v-red1']);
    host.kernel.setCarrier('v-red1', true);
    await eventually(() =>
      expect(server.transcript()).toEqual([`retract red ${redId}`, 'publish red 10.1.0.1/32 1000']),
    );
  });

  test('says End-of-RIB without an interface that does not exist, and attaches it when it appears', async () => {
    await host.start({ attachments: [{ interface: 'v-late', vpn: 'red', addresses: ['10.1.0.7'] }] });
    await eventually(() => expect(server.transcript()).toEqual(['subscribe red', 'end-of-rib red']));
    host.addMachine('v-late');
    await eventually(() => expect(server.transcript()).toContain('publish red 10.1.0.7/32 1000'));
  });
});

// Route reflectors of others between two route servers: what a forwarder of one publishes, a forwarder of the other hears, with next-hop, label,
// encapsulations and preference as they were; and what is right is right again after each fault.
import { freePort, type RunningDaemon } from '@hostpe/bgp/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Running } from '../bgp-scene.ts';
import type { Forwarder } from '../forwarder.ts';
import { ofH1, ofH2, publish } from '../routes.ts';
import { address, client, type Reflector, reflectors } from './reflectors.ts';

let running: RunningDaemon | undefined;
afterEach(async () => {
  await running?.end();
  running = undefined;
});

interface Scene {
  readonly port: number;
  readonly servers: readonly [Running, Running];
  readonly h1: Forwarder;
  readonly h2: Forwarder;
}

async function scene(reflector: Reflector, graceful = true, holdTime = 90): Promise<Scene> {
  const port = await freePort(address);
  running = await reflector.start(port, graceful);
  const more = `, hold-time: ${holdTime}, graceful-restart: ${graceful}`;
  const rs1 = await client(1, port, more);
  const rs2 = await client(2, port, more);
  const h1 = await rs1.forwarder('h1');
  const h2 = await rs2.forwarder('h2');
  await h1.join('red');
  await h2.join('red');
  return { port, servers: [rs1, rs2], h1, h2 };
}

describe.each(reflectors)('$name', (reflector) => {
  test('routes of both families go through, and are taken back', async () => {
    const { h1, h2 } = await scene(reflector);
    await h1.request(publish('red', ofH1('10.1.0.1/32'), ofH1('2001:db8::1/128')));
    await h2.request(publish('red', ofH2('10.1.0.2/32'), ofH2('10.1.0.1/32')));
    for (const forwarder of [h1, h2]) await forwarder.until(() => forwarder.routes.size === 3);
    for (const forwarder of [h1, h2])
      await forwarder.until(
        () => forwarder.routes.get('red 10.1.0.1/32') === '10.255.0.1/1000,10.255.0.2/2000',
      );
    expect(h1.routes.get('red 10.1.0.2/32')).toBe('10.255.0.2/2000');
    expect(h2.routes.get('red 2001:db8::1/128')).toBe('10.255.0.1/1000');
    await h1.request({ kind: 'unsubscribe', vpn: 'red' });
    await h2.until(() => h2.routes.size === 2);
    expect(h2.routes.get('red 10.1.0.1/32')).toBe('10.255.0.2/2000');
  });

  test.each([{ graceful: true }, { graceful: false }])(
    'killed and started again while routes change, graceful restart $graceful',
    async ({ graceful }) => {
      const { port, servers, h1, h2 } = await scene(reflector, graceful);
      await h1.request(publish('red', ofH1('10.1.0.1/32'), ofH1('10.1.0.3/32')));
      await h2.request(publish('red', ofH2('10.1.0.2/32')));
      for (const forwarder of [h1, h2]) await forwarder.until(() => forwarder.routes.size === 3);
      await running?.end();
      running = undefined;
      await lost(servers);
      // Kept where it said so, of which the forwarders hear nothing at all; else gone with the session.
      if (graceful) for (const { routes } of [h1, h2]) expect(routes.size).toBe(3);
      else await h2.until(() => h2.routes.size === 1);
      await h1.request({ kind: 'retract', vpn: 'red', ids: [ofH1('10.1.0.1/32').id] });
      await h1.request(publish('red', ofH1('10.1.0.4/32')));
      await h2.request(publish('red', ofH2('10.1.0.5/32')));
      running = await reflector.start(port, graceful);
      await settled(h1, h2);
    },
  );

  test.each([{ graceful: true }, { graceful: false }])(
    'silent until it is given up, while routes change, graceful restart $graceful',
    async ({ graceful }) => {
      const { servers, h1, h2 } = await scene(reflector, graceful, 3);
      await h1.request(publish('red', ofH1('10.1.0.1/32'), ofH1('10.1.0.3/32')));
      await h2.request(publish('red', ofH2('10.1.0.2/32')));
      for (const forwarder of [h1, h2]) await forwarder.until(() => forwarder.routes.size === 3);
      running?.signal('SIGSTOP');
      await h1.request({ kind: 'retract', vpn: 'red', ids: [ofH1('10.1.0.1/32').id] });
      await h1.request(publish('red', ofH1('10.1.0.4/32')));
      await lost(servers);
      await h2.request(publish('red', ofH2('10.1.0.5/32')));
      running?.signal('SIGCONT');
      await settled(h1, h2);
    },
  );
});

const deadline = { timeout: 30_000, interval: 20 };

/** Until none has a session. */
async function lost(servers: Scene['servers']): Promise<void> {
  for (const { peers } of servers)
    await vi.waitFor(async () => expect((await peers())[0]?.state).not.toBe('established'), deadline);
}

/** Both have what is published, and nothing that is not. */
async function settled(h1: Forwarder, h2: Forwarder): Promise<void> {
  const right = [
    'red 10.1.0.2/32 10.255.0.2/2000',
    'red 10.1.0.3/32 10.255.0.1/1000',
    'red 10.1.0.4/32 10.255.0.1/1000',
    'red 10.1.0.5/32 10.255.0.2/2000',
  ];
  for (const { routes } of [h1, h2])
    await vi.waitFor(
      () => expect([...routes].map(([prefix, nexthops]) => `${prefix} ${nexthops}`).sort()).toEqual(right),
      deadline,
    );
}

// Routes that change in place: what is asked of the kernel then, and what is not.
import type { IpPrefix } from '@hostpe/net';
import { parseIpAddress, parseIpPrefix } from '@hostpe/net';
import type { Nexthop } from '@hostpe/rtnetlink';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredState, VpnRoutes } from '../src/index.ts';
import { attachment, desired, gre, local, Scene, udp, vpn } from './scene.ts';

const prefixes = Array.from({ length: 100 }, (_, at) => parseIpPrefix(`10.1.1.${at}`));

function prefixAt(at: number): IpPrefix {
  return prefixes[at] ?? parseIpPrefix('0.0.0.0/0');
}

let scene: Scene;
let state: DesiredState;
let routes: VpnRoutes;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
  state = desired(vpn('red', 16001, { attachments: [attachment('v-red1', 1000, '10.1.0.1')] }));
  ({ routes } = state.vpns[0] ?? vpn('none', 1));
});
afterEach(async () => {
  await scene.close();
});

/** @returns the requests that a change of routes takes */
async function changed(change: () => void): Promise<string[]> {
  scene.takeLog();
  const { kernel } = scene;
  const dumps: unknown[] = [];
  const { dump, dumpRoutes } = kernel;
  kernel.dump = (filter) => {
    dumps.push(filter);
    return dump.call(kernel, filter) as never;
  };
  kernel.dumpRoutes = (filter) => {
    dumps.push(filter);
    return dumpRoutes.call(kernel, filter);
  };
  const report = await scene.report(() => {
    change();
    scene.reconciler.routesChanged();
  });
  Object.assign(kernel, { dump, dumpRoutes });
  expect(report).toMatchObject({ pending: 0, failures: [] });
  expect(dumps).toEqual([]);
  return scene.takeLog();
}

function words(log: readonly string[], count = 2): string[] {
  return log.map((line) => line.split(' ').slice(0, count).join(' '));
}

describe('a change of routes', () => {
  test('reads nothing and asks only for what it takes', async () => {
    await scene.apply(state);
    const to = [gre('10.255.0.2', 1000)];
    expect(words(await changed(() => routes.set(prefixAt(0), to)))).toEqual([
      'neighbour replace',
      'nexthop add',
      'route replace',
    ]);
    expect(words(await changed(() => routes.set(prefixAt(1), to)))).toEqual(['route replace']);
    expect(await changed(() => routes.set(prefixAt(1), [...to]))).toEqual([]);
    expect(words(await changed(() => routes.delete(prefixAt(0))))).toEqual(['route delete']);
    expect(words(await changed(() => routes.set(prefixAt(1), [])))).toEqual([
      'route delete',
      'nexthop delete',
      'neighbour delete',
    ]);
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual([]);
    expect(routes.size).toBe(1);
  });

  test('that completes a VPN sweeps it without a look at the kernel', async () => {
    const incomplete = { ...state, vpns: state.vpns.map((one) => ({ ...one, complete: false })) };
    const kept = prefixAt(0);
    scene.reconciler.setDesired(incomplete);
    routes.set(kept, [gre('10.255.0.2', 1000)]);
    await scene.apply(incomplete);
    routes.delete(kept);
    expect(await changed(() => {})).toEqual([]);
    const log = await changed(() => scene.reconciler.setDesired(state));
    expect(words(log)).toEqual(['route delete', 'nexthop delete', 'neighbour delete']);
  });

  test('of a label under a hundred routes is one message', async () => {
    for (const prefix of prefixes) routes.set(prefix, [gre('10.255.0.2', 1000)]);
    await scene.apply(state);
    const log = await changed(() => {
      for (const prefix of prefixes) routes.set(prefix, [gre('10.255.0.2', 1001)]);
    });
    expect(words(log)).toEqual(['nexthop replace']);
    expect(Object.values(scene.routes(16001)).filter((to) => to.endsWith(' 1001'))).toHaveLength(100);
    // The old label can come back, for others.
    const fresh = parseIpPrefix('10.9.0.1');
    expect(words(await changed(() => routes.set(fresh, [gre('10.255.0.2', 1000)])))).toEqual([
      'nexthop add',
      'route replace',
    ]);
    expect(scene.routes(16001)[fresh]).toMatch(/ 1000$/);
  });

  test('of a label that one of a hundred routes keeps moves the others', async () => {
    for (const prefix of prefixes) routes.set(prefix, [gre('10.255.0.2', 1000)]);
    await scene.apply(state);
    const log = await changed(() => {
      for (const prefix of prefixes.slice(1)) routes.set(prefix, [gre('10.255.0.2', 1001)]);
    });
    expect(words(log.slice(0, 2))).toEqual(['nexthop add', 'route replace']);
    expect(log).toHaveLength(100);
  });

  test('that takes a dead PE out of a group is one message, which deletes its nexthop', async () => {
    const both = [gre('10.255.0.2', 1000), udp('10.255.0.3', 1000)];
    for (const prefix of prefixes) routes.set(prefix, both);
    await scene.apply(state);
    const log = await changed(() => {
      for (const prefix of prefixes) routes.set(prefix, both.slice(1));
    });
    expect(words(log)).toEqual(['nexthop delete', 'neighbour delete']);
    expect(scene.routes(16001)[prefixAt(7)]).toBe('hostpe-udp fe80::5efe:aff:3 1000');
    // And back.
    const back = await changed(() => {
      for (const prefix of prefixes) routes.set(prefix, both);
    });
    expect(words(back)).toEqual(['neighbour replace', 'nexthop add', 'nexthop replace']);
    expect(scene.routes(16001)[prefixAt(7)]).toContain(' + ');
  });

  test('that takes a dead PE out of several groups is one message, and each keeps its others', async () => {
    const to = (...pes: number[]) => pes.map((pe) => gre(`10.255.0.${pe}`, 1000));
    routes.set(prefixAt(0), to(2, 3));
    routes.set(prefixAt(1), to(2, 4, 5));
    await scene.apply(state);
    const log = await changed(() => {
      routes.set(prefixAt(0), to(3));
      routes.set(prefixAt(1), to(4, 5));
    });
    expect(words(log)).toEqual(['nexthop delete', 'neighbour delete']);
    expect(scene.routes(16001)[prefixAt(0)]).toBe('hostpe-gre fe80::5efe:aff:3 1000');
    expect(scene.routes(16001)[prefixAt(1)]).toBe(
      'hostpe-gre fe80::5efe:aff:4 1000 + hostpe-gre fe80::5efe:aff:5 1000',
    );
  });

  test('that takes a PE out of a group and leaves it to others replaces the group', async () => {
    const to = (...pes: number[]) => pes.map((pe) => gre(`10.255.0.${pe}`, 1000));
    routes.set(prefixAt(0), to(2, 3));
    routes.set(prefixAt(1), to(2));
    await scene.apply(state);
    expect(words(await changed(() => routes.set(prefixAt(0), to(3))))).toEqual(['nexthop replace']);
    expect(scene.routes(16001)[prefixAt(1)]).toBe('hostpe-gre fe80::5efe:aff:2 1000');
    // Also where a route comes to it in the same moment as the group leaves it.
    routes.set(prefixAt(1), to(3));
    await scene.report(() => scene.reconciler.routesChanged());
    routes.set(prefixAt(0), to(2, 3));
    await scene.report(() => scene.reconciler.routesChanged());
    await changed(() => {
      routes.set(prefixAt(0), to(3));
      routes.set(prefixAt(2), to(2));
    });
    expect(scene.routes(16001)[prefixAt(0)]).toBe('hostpe-gre fe80::5efe:aff:3 1000');
    expect(scene.routes(16001)[prefixAt(2)]).toBe('hostpe-gre fe80::5efe:aff:2 1000');
  });

  test('from one nexthop to a group moves the routes, as the kernel makes no group of a nexthop', async () => {
    for (const prefix of prefixes) routes.set(prefix, [gre('10.255.0.2', 1000)]);
    await scene.apply(state);
    const log = await changed(() => {
      for (const prefix of prefixes) routes.set(prefix, [gre('10.255.0.2', 1000), gre('10.255.0.3', 1000)]);
    });
    expect(words(log.slice(0, 4))).toEqual([
      'neighbour replace',
      'nexthop add',
      'nexthop add',
      'route replace',
    ]);
    expect(log).toHaveLength(103);
  });

  test('in an incomplete VPN keeps what it does not name, and a nexthop that such a route uses', async () => {
    for (const prefix of prefixes) routes.set(prefix, [gre('10.255.0.2', 1000)]);
    await scene.apply(state);
    const restarted = desired(
      vpn('red', 16001, { attachments: [attachment('v-red1', 1000, '10.1.0.1')], complete: false }),
    );
    await scene.restart(restarted);
    scene.takeLog();
    await scene.report(() => {
      restarted.vpns[0]?.routes.set(prefixAt(0), [gre('10.255.0.2', 1001)]);
      scene.reconciler.routesChanged();
    });
    expect(words(scene.takeLog())).toEqual(['nexthop add', 'route replace']);
    expect(scene.routes(16001)[prefixAt(1)]).toMatch(/ 1000$/);
  });

  test('that cannot be carried out is told, tried again, and done', async () => {
    await scene.apply(state);
    const end = scene.kernel.failEach(({ object }) => object.object === 'route', 'ENOBUFS');
    const report = await scene.report(() => {
      routes.set(prefixAt(0), [gre('10.255.0.2', 1000)]);
      scene.reconciler.routesChanged();
    });
    expect(report).toMatchObject({
      pending: 1,
      failures: [{ object: 'route 10.1.1.0/32 of VPN red', reason: expect.stringContaining('ENOBUFS') }],
    });
    end();
    const again = await scene.report(() => scene.reconciler.routesChanged());
    expect(again).toMatchObject({ pending: 0, failures: [] });
    expect(scene.routes(16001)).toHaveProperty('10.1.1.0/32');
  });

  test('to a machine of this host whose attachment waits is done when it is there', async () => {
    await scene.apply(state);
    routes.set(prefixAt(0), [local('v-blue1')]);
    await scene.report(() => scene.reconciler.routesChanged());
    expect(scene.routes(16001)).not.toHaveProperty('10.1.1.0/32');
    const [red] = state.vpns;
    if (red === undefined) throw new Error('no VPN');
    await scene.apply(
      desired(red, vpn('blue', 16002, { attachments: [attachment('v-blue1', 1001, '10.1.0.9')] })),
    );
    expect(scene.routes(16001)['10.1.1.0/32']).toBe('v-blue1');
  });
});

describe('what somebody else does', () => {
  beforeEach(async () => {
    for (const prefix of prefixes) routes.set(prefix, [gre('10.255.0.2', 1000)]);
    await scene.apply(state);
    scene.takeLog();
  });

  const route = (at: number) => ({
    object: 'route' as const,
    family: 'ipv4' as const,
    table: 16001,
    prefix: prefixAt(at),
    protocol: 200,
  });

  test('a deleted route is back by one message', async () => {
    await scene.report(() => scene.kernel.apply({ op: 'delete', object: route(3) }));
    expect(words(scene.takeLog(), 3)).toEqual(['route replace 10.1.1.3/32']);
  });

  test('a flushed table is back', async () => {
    const before = scene.routes(16001);
    await scene.report(() => scene.deleteAll('route'));
    expect(scene.routes(16001)).toEqual(before);
  });

  test('a route that took the place of ours gives way', async () => {
    const foreign: Nexthop = { object: 'nexthop', id: 7, family: 'ipv6', device: scene.index('v-red1') };
    scene.kernel.apply({ op: 'add', object: foreign });
    await scene.report(() =>
      scene.kernel.apply({ op: 'replace', object: { ...route(3), nexthopId: 7, protocol: 4 } }),
    );
    expect(words(scene.takeLog(), 3)).toEqual(['route replace 10.1.1.3/32']);
  });

  test('a route of our protocol that nobody wants goes', async () => {
    const id =
      scene.kernel.objects({ object: 'nexthop' }).find(({ gateway }) => gateway !== undefined)?.id ?? 0;
    await scene.report(() =>
      scene.kernel.apply({
        op: 'add',
        object: { ...route(0), prefix: parseIpPrefix('10.77.0.0/16'), nexthopId: id },
      }),
    );
    expect(scene.routes(16001)).not.toHaveProperty('10.77.0.0/16');
  });

  test('a nexthop that is deleted or altered is back, with its routes', async () => {
    const before = scene.routes(16001);
    await scene.report(() => scene.deleteAll('nexthop'));
    expect(scene.routes(16001)).toEqual(before);
    const ours = scene.kernel.objects({ object: 'nexthop' }).find(({ gateway }) => gateway !== undefined);
    if (ours === undefined) throw new Error('no nexthop');
    await scene.report(() =>
      scene.kernel.apply({
        op: 'replace',
        object: { ...ours, gateway: parseIpAddress('fe80::5efe:aff:99') },
      }),
    );
    expect(scene.routes(16001)).toEqual(before);
  });

  test('during a pass is looked at after it', async () => {
    await scene.report(() => {
      scene.reconciler.setDesired({ ...state });
      queueMicrotask(() => scene.kernel.apply({ op: 'delete', object: route(3) }));
    });
    expect(scene.routes(16001)).toHaveProperty('10.1.1.3/32');
  });
});

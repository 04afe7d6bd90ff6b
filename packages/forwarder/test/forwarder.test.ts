import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dialect, VpnRequest } from '@hostpe/signaling';
import { StanzaError } from '@hostpe/xmpp';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Host } from './support/host.ts';
import { makeCertificate, routeTo, ScriptedRouteServer } from './support/scripted-route-server.ts';

const certificate = makeCertificate();
/** The table of the first VPN. */
const red = 16001;
const deadline = { timeout: 10_000, interval: 10 };

const configured = { attachments: [{ interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1'] }] };
const redId = '10.255.0.1:1:10.1.0.1/32';

describe('the forwarder, between a fake kernel and a scripted route server', () => {
  let server: ScriptedRouteServer;
  let host: Host;
  const log = { debug() {}, info() {}, warn() {}, error() {} };

  beforeEach(async () => {
    server = new ScriptedRouteServer(certificate, log);
    await server.start();
    host = new Host([server], certificate.certificate);
    host.addMachine('v-red1');
  });
  afterEach(async () => {
    await host.stop();
    await server.stop();
    host.remove();
  });

  const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, deadline);
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

  test('publishes to all route servers and stands while one of them has a route', async () => {
    const other = new ScriptedRouteServer(certificate, log);
    await other.start();
    const both = new Host([server, other], certificate.certificate);
    try {
      both.addMachine('v-red1');
      await both.start(configured);
      for (const one of [server, other])
        await eventually(() => expect(one.transcript()).toContain('publish red 10.1.0.1/32 1000'));
      for (const one of [server, other]) one.announce('red', routeTo('10.1.0.9/32', '10.255.0.9 900'));
      await eventually(() => expect(both.routes(red)).toEqual(['10.1.0.9/32 label 900']));
      server.withdraw('red', '10.1.0.9/32');
      server.announce('red', routeTo('10.1.0.8/32', '10.255.0.8 800'));
      await eventually(() =>
        expect(both.routes(red)).toEqual(['10.1.0.8/32 label 800', '10.1.0.9/32 label 900']),
      );
      other.withdraw('red', '10.1.0.9/32');
      await eventually(() => expect(both.routes(red)).toEqual(['10.1.0.8/32 label 800']));
    } finally {
      await both.stop();
      await other.stop();
      both.remove();
    }
  });

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

describe('the forwarder with a route server of another dialect', () => {
  let server: ScriptedRouteServer;
  let host: Host;
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, deadline);
  const start = async (dialect: Dialect, some: object = configured) => {
    server = new ScriptedRouteServer(certificate, log, dialect);
    await server.start();
    host = new Host([server], certificate.certificate);
    for (const name of ['v-red1', 'v-blue1']) host.addMachine(name);
    await host.start(some);
  };
  afterEach(async () => {
    await host.stop();
    await server.stop();
    host.remove();
  });
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

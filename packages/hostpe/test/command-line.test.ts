import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, type ApiHandler, serveApi } from '@hostpe/daemon';
import { defaultControlSocket } from '@hostpe/forwarder';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../src/program.ts';
import { forwarderSocket } from '../src/sockets.ts';

const attachment = {
  interface: 'v-red1',
  vpn: 'red',
  addresses: ['10.1.0.1/32', '2001:db8::1/128'],
  label: 1000,
  state: 'ready',
  mtu: 1468,
  origin: 'command',
};

describe('hostpe', () => {
  let folder: string;
  let socket: string;
  let asked: unknown[];
  let close: () => Promise<void>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hostpe-cli-'));
    socket = join(folder, 'daemon.sock');
    asked = [];
    close = async () => {};
  });
  afterEach(async () => {
    await close();
    rmSync(folder, { recursive: true });
  });

  async function daemon(routes: Record<string, ApiHandler>): Promise<void> {
    ({ close } = await serveApi({ socket, routes, log: { error() {} } }));
  }

  async function hostpe(...args: readonly string[]) {
    const printed = { out: '', error: '' };
    const exitCode = await run(args, {
      out: (text) => {
        printed.out += text;
      },
      error: (text) => {
        printed.error += text;
      },
    });
    return { exitCode, ...printed };
  }

  test('attach sends what was given', async () => {
    await daemon({
      'POST /attachments': async (body) => {
        asked.push(body);
        return attachment;
      },
    });
    const options = [
      '--mac',
      '02:00:00:00:00:01',
      '--vlan',
      'eth1.7:100',
      '--mtu',
      'underlay',
      '--model',
      'multipoint',
      '--sequence-number',
      '7',
      '--local-preference',
      '0',
      '--socket',
      socket,
    ];
    const addresses = ['--address', '10.1.0.1', '2001:db8::1'];
    expect(await hostpe('attach', 'v-red1', '--vpn', 'red', ...addresses, ...options)).toEqual({
      exitCode: 0,
      out: 'v-red1: attached to VPN red with label 1000\n',
      error: '',
    });
    expect(asked).toEqual([
      {
        interface: 'v-red1',
        vpn: 'red',
        addresses: ['10.1.0.1', '2001:db8::1'],
        mac: '02:00:00:00:00:01',
        vlan: { parent: 'eth1.7', id: 100 },
        mtu: 'underlay',
        model: 'multipoint',
        sequenceNumber: 7,
        localPreference: 0,
      },
    ]);
    await hostpe(
      'attach',
      'v-red1',
      '--vpn',
      'red',
      '--address',
      '10.1.0.1',
      '--address',
      '10.1.0.2',
      '--socket',
      socket,
    );
    expect(asked[1]).toEqual({ interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1', '10.1.0.2'] });
  });

  test('diff prints what would be changed, and its exit code says whether there is anything', async () => {
    const answer = { changes: ['route replace 10.1.0.3/32 table 16001'], waiting: 2, failures: [] };
    let now: object = answer;
    await daemon({ 'GET /diff': async () => now });
    expect(await hostpe('diff', '--socket', socket)).toEqual({
      exitCode: 1,
      out: 'route replace 10.1.0.3/32 table 16001\n2 more that wait for these\n',
      error: '',
    });
    now = { changes: [], waiting: 0, failures: [{ object: 'VRF red of VPN red', reason: 'red exists' }] };
    expect(await hostpe('diff', '--socket', socket)).toMatchObject({
      exitCode: 1,
      out: 'cannot be done: VRF red of VPN red: red exists\n',
    });
    now = { changes: [], waiting: 0, failures: [] };
    expect(await hostpe('diff', '--socket', socket)).toMatchObject({ exitCode: 0, out: '' });
    expect(await hostpe('diff', '--json', '--socket', socket)).toMatchObject({
      exitCode: 0,
      out: `${JSON.stringify(now, undefined, 2)}\n`,
    });
  });

  test('detach names the interface, whatever it holds', async () => {
    await daemon({
      'DELETE /attachments/:interface': async (_body, { interface: name }) => {
        asked.push(name);
      },
    });
    expect(await hostpe('detach', 'v%red#1', '--socket', socket)).toMatchObject({
      exitCode: 0,
      out: 'v%red#1: detached\n',
    });
    expect(asked).toEqual(['v%red#1']);
  });

  test.each([
    [400, 2],
    [409, 1],
    [500, 1],
  ])('prints the reason of a refusal with status %i, exit code %i', async (status, exitCode) => {
    await daemon({
      'POST /attachments': async () => {
        throw new ApiError(status, 'v-red1: no');
      },
    });
    expect(
      await hostpe('attach', 'v-red1', '--vpn', 'red', '--address', '10.1.0.1', '--socket', socket),
    ).toEqual({
      exitCode,
      out: '',
      error: 'hostpe: v-red1: no\n',
    });
  });

  test('says when no daemon runs', async () => {
    expect(await hostpe('show', 'attachments', '--socket', socket)).toEqual({
      exitCode: 1,
      out: '',
      error: `hostpe: no daemon answers on ${socket}: is it running, with this control-socket?\n`,
    });
  });

  test.each([
    [['frobnicate'], "error: unknown command 'frobnicate'"],
    [['attach', 'v-red1', '--address', '10.1.0.1'], "error: required option '--vpn <vpn>' not specified"],
    [['attach', '--vpn', 'red', '--address', '10.1.0.1'], "error: missing required argument 'interface'"],
    [
      ['attach', 'v', '--vpn', 'red', '--address', 'a', '--sequence-number', '-1'],
      "argument '-1' is invalid",
    ],
    [['attach', 'v', '--vpn', 'red', '--address', 'a', '--vlan', '100'], "argument '100' is invalid"],
    [['attach', 'v', '--vpn', 'red', '--address', 'a', '--mtu', 'big'], "argument 'big' is invalid"],
    [['show', 'attachments', 'red'], "error: too many arguments for 'attachments'"],
    [['forwarder'], "error: required option '--config <file>' not specified"],
    [[], 'Usage: hostpe'],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { exitCode, out, error } = await hostpe(...args);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(error).toContain(message);
  });

  test('looks where the forwarder listens by default', () => {
    expect(forwarderSocket).toBe(defaultControlSocket);
  });

  test('prints version and help with exit code 0', async () => {
    expect(await hostpe('--version')).toEqual({
      exitCode: 0,
      out: expect.stringMatching(/^hostpe \d+\.\d+\.\d+\n$/),
      error: '',
    });
    expect(await hostpe('--help')).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('route-server'),
    });
  });

  test('shows a table, or the answer as JSON', async () => {
    await daemon({
      'GET /status': async () => ({ role: 'forwarder' }),
      'GET /attachments': async () => [
        attachment,
        { ...attachment, interface: 'v-b', state: 'down', label: 70000 },
      ],
    });
    expect((await hostpe('show', 'attachments', '--socket', socket)).out).toBe(
      [
        'INTERFACE  VPN  LABEL  STATE  MTU   ADDRESSES                    BY       REASON',
        'v-red1     red  1000   ready  1468  10.1.0.1/32,2001:db8::1/128  command  -',
        'v-b        red  70000  down   1468  10.1.0.1/32,2001:db8::1/128  command  -',
        '',
      ].join('\n'),
    );
    const { out } = await hostpe('show', 'attachments', '--json', '--socket', socket);
    expect(JSON.parse(out)).toMatchObject([attachment, { interface: 'v-b' }]);
  });

  test('shows what was dropped', async () => {
    await daemon({
      'GET /status': async () => ({ role: 'forwarder' }),
      'GET /drops': async () => [
        { table: 'inet hostpe', reason: 'unknown_pe', packets: 3, bytes: 252 },
        { table: 'arp hostpe', reason: 'source_mac', packets: 0, bytes: 0 },
      ],
    });
    expect((await hostpe('show', 'drops', '--socket', socket)).out).toBe(
      [
        'REASON      PACKETS  BYTES  TABLE',
        'unknown_pe  3        252    inet hostpe',
        'source_mac  0        0      arp hostpe',
        '',
      ].join('\n'),
    );
  });

  test('shows the routes of one VPN, a line for each nexthop', async () => {
    await daemon({
      'GET /status': async () => ({ role: 'forwarder' }),
      'GET /routes': async (_body, { vpn }) => [
        {
          vpn,
          prefix: '10.1.0.9/32',
          nexthops: [
            { kind: 'remote', address: '10.255.0.9', label: 900, encapsulation: 'udp' },
            { kind: 'local', interface: 'v-red1' },
          ],
          sequenceNumber: 3,
          stale: true,
        },
        { vpn, prefix: '10.1.0.8/32', nexthops: [], stale: false, problem: 'why' },
      ],
    });
    expect((await hostpe('show', 'routes', 'red & blue', '--socket', socket)).out).toBe(
      [
        'VPN         PREFIX       NEXTHOP     LABEL  ENCAPSULATION  PREFERENCE  SEQUENCE  STALE  PROBLEM',
        'red & blue  10.1.0.9/32  10.255.0.9  900    udp            -           3         yes    -',
        'red & blue  10.1.0.9/32  v-red1      -      local          -           3         yes    -',
        'red & blue  10.1.0.8/32  -           -      -              -           -         no     why',
        '',
      ].join('\n'),
    );
  });

  test("shows a route server's routes in its own columns", async () => {
    const path = {
      account: 'h1',
      vpn: 'red',
      nexthops: [{ address: '10.255.0.1', label: 1000, encapsulations: ['gre'] }],
    };
    await daemon({
      'GET /status': async () => ({ role: 'route-server' }),
      'GET /routes': async () => [
        {
          vpn: 'hub',
          prefix: '10.1.0.1/32',
          nexthops: [],
          paths: [
            { ...path, used: true, reason: 'best', stale: false },
            {
              ...path,
              kind: 'bgp',
              account: 'rr1',
              vpn: '192.0.2.1:7',
              used: false,
              reason: 'longer AS path',
              stale: true,
            },
          ],
        },
      ],
    });
    expect((await hostpe('show', 'routes', '--socket', socket)).out).toBe(
      [
        'VPN  PREFIX       NEXTHOP     LABEL  ENCAPSULATIONS  PREFERENCE  SEQUENCE  FROM                USED  WHY             STALE',
        'hub  10.1.0.1/32  10.255.0.1  1000   gre             -           -         h1                  yes   best            no',
        'hub  10.1.0.1/32  10.255.0.1  1000   gre             -           -         rr1 RD 192.0.2.1:7  no    longer AS path  yes',
        '',
      ].join('\n'),
    );
  });

  test('makes and deletes VPNs', async () => {
    const asked: unknown[] = [];
    await daemon({
      'PUT /vpns/:vpn': async (body, { vpn }) => {
        asked.push([vpn, body]);
        return {};
      },
      'DELETE /vpns/:vpn': async (_body, { vpn }) => {
        asked.push(vpn);
      },
    });
    const set = await hostpe(
      ...['vpn', 'set', 'a/b', '--import', '65000:1', '65000:2', '--export', '65000:1', '--forwarder', 'h1'],
      ...['--socket', socket],
    );
    expect(set).toMatchObject({ exitCode: 0, out: 'VPN a/b: set\n' });
    expect(await hostpe('vpn', 'delete', 'a/b', '--socket', socket)).toMatchObject({
      exitCode: 0,
      out: 'VPN a/b: deleted\n',
    });
    expect(asked).toEqual([
      ['a/b', { import: ['65000:1', '65000:2'], export: ['65000:1'], forwarders: ['h1'] }],
      'a/b',
    ]);
  });

  test.each([
    { words: ['bgp'], path: '/bgp?' },
    { words: ['bgp', 'summary'], path: '/bgp?' },
    { words: ['bgp', 'vpnv4'], path: '/bgp/routes?family=vpnv4' },
    {
      words: ['bgp', 'vpnv6', '2001:db8::/64'],
      path: '/bgp/routes?family=vpnv6&prefix=2001%3Adb8%3A%3A%2F64',
    },
    { words: ['bgp', 'vpnv4', '192.0.2.1:7'], path: '/bgp/routes?family=vpnv4&rd=192.0.2.1%3A7' },
    { words: ['rt'], path: '/rt?' },
    { words: ['route', 'red', '10.1.0.1/32'], path: '/routes?vpn=red&prefix=10.1.0.1%2F32' },
    { words: ['vpn'], path: '/vpns?' },
  ])('show $words asks for $path', async ({ words, path }) => {
    const asked: string[] = [];
    const answer = (name: string) => async (_body: unknown, parameters: Readonly<Record<string, string>>) => {
      asked.push(`${name}?${new URLSearchParams(parameters)}`);
      return [];
    };
    await daemon({
      'GET /status': async () => ({ role: 'route-server' }),
      ...Object.fromEntries(
        ['/bgp', '/bgp/routes', '/rt', '/routes', '/vpns'].map((one) => [`GET ${one}`, answer(one)]),
      ),
    });
    expect(await hostpe('show', ...words, '--socket', socket)).toMatchObject({ exitCode: 0 });
    expect(asked).toEqual([path]);
  });

  test('shows BGP routes, the best of each marked', async () => {
    const path = {
      family: 'vpnv4',
      rd: '10.255.0.1:7',
      prefix: '10.1.0.1/32',
      nexthop: '10.255.0.1',
      label: 1000,
      localPreference: 100,
      origin: 'igp',
      asPath: '',
      routeTargets: ['65000:1'],
      encapsulations: ['gre', 'udp'],
      stale: false,
    };
    await daemon({
      'GET /status': async () => ({ role: 'route-server' }),
      'GET /bgp/routes': async () => [
        { ...path, best: true },
        { ...path, peer: 'rr1', best: false, med: 5, asPath: '65001 {65002,65003}' },
      ],
    });
    expect((await hostpe('show', 'bgp', 'vpnv4', '--socket', socket)).out).toBe(
      [
        'BEST  RD            PREFIX       NEXTHOP     LABEL  ENCAPSULATIONS  PREFERENCE  MED  AS-PATH              TARGETS  FROM         STALE',
        '>     10.255.0.1:7  10.1.0.1/32  10.255.0.1  1000   gre,udp         100         -    -                    65000:1  a forwarder  no',
        '-     10.255.0.1:7  10.1.0.1/32  10.255.0.1  1000   gre,udp         100         5    65001 {65002,65003}  65000:1  rr1          no',
        '',
      ].join('\n'),
    );
  });

  test('shows a status, one fact a line', async () => {
    const kernel = { pending: 1, failures: [{ object: 'route', reason: 'no' }] };
    await daemon({ 'GET /status': async () => ({ role: 'forwarder', uptime: 7325, kernel }) });
    expect((await hostpe('show', 'status', '--socket', socket)).out).toBe(
      [
        'role                       forwarder',
        'uptime                     2h2m',
        'kernel.pending             1',
        'kernel.failures[0].object  route',
        'kernel.failures[0].reason  no',
        '',
      ].join('\n'),
    );
  });

  describe('--check', () => {
    function written(text: string): string {
      const file = join(folder, 'forwarder.yaml');
      writeFileSync(file, text);
      return file;
    }
    const good = () =>
      [
        'name: h1',
        'underlay:',
        '  address: 10.255.0.1',
        'route-servers:',
        '  - host: 192.0.2.1',
        '    domain: dc1.example',
        '    account: h1',
        `    password-file: ${join(folder, 'secret')}`,
        '',
      ].join('\n');

    test('accepts a good configuration', async () => {
      writeFileSync(join(folder, 'secret'), 'secret\n');
      chmodSync(join(folder, 'secret'), 0o600);
      const file = written(good());
      expect(await hostpe('forwarder', '--config', file, '--check')).toEqual({
        exitCode: 0,
        out: `${file}: ok: forwarder h1, PE 10.255.0.1\n`,
        error: '',
      });
    });

    test('names file, line and key of each problem, exit code 2', async () => {
      const file = written(
        `${good().replace('10.255.0.1', '10.255.0.1/32')}attachments:\n  - interface: v-red1\n    vpn: red\n    adresses: []\n`,
      );
      expect(await hostpe('forwarder', '--config', file, '--check')).toEqual({
        exitCode: 2,
        out: '',
        error: [
          `${file}:3: underlay.address: "10.255.0.1/32" is not an IP address`,
          `${file}:10: attachments[0].addresses: missing`,
          `${file}:12: attachments[0].adresses: unknown key`,
          '',
        ].join('\n'),
      });
    });

    test('looks at the files that it names, and says where it names them', async () => {
      const file = written(good());
      expect(await hostpe('forwarder', '--config', file, '--check')).toEqual({
        exitCode: 2,
        out: '',
        error: `${file}:8: route-servers[0].password-file: ${join(folder, 'secret')}: not found\n`,
      });
    });

    test('takes a route server as well', async () => {
      const file = join(folder, 'route-server.yaml');
      expect(await hostpe('route-server', '--config', file, '--check')).toEqual({
        exitCode: 2,
        out: '',
        error: `${file}: not found\n`,
      });
    });
  });
});

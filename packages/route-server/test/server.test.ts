// The route server as a whole: from its configuration file to what forwarders and operators see.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { ApiError, ControlSocketError, callApi } from '@hostpe/daemon';
import { XmppError } from '@hostpe/xmpp';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startRouteServer } from '../src/index.ts';
import { writeCertificate } from './certificate.ts';
import { Forwarder } from './forwarder.ts';
import { route, silent } from './values.ts';

const directory = mkdtempSync(join(tmpdir(), 'route-server-'));
const configFile = join(directory, 'rs.yaml');
const socket = join(directory, 'rs.sock');

beforeAll(() => {
  writeCertificate(directory, 'dc1.example');
  for (const account of ['h1', 'h2'])
    writeFileSync(join(directory, account), `${account} secret\n`, { mode: 0o600 });
});
afterAll(() => rmSync(directory, { recursive: true }));

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task();
});

function configure({ port = 0, restartDelay = 0, controlSocket = socket } = {}): string {
  const forwarder = (name: string, address: string) =>
    `  ${name}: { password-file: ${directory}/${name}, addresses: [${address}], vpns: [red] }`;
  writeFileSync(
    configFile,
    `domain: dc1.example
listen: [ { address: 127.0.0.1, port: ${port} } ]
tls: { certificate: ${directory}/rs.pem, key: ${directory}/rs.key }
vpns:
  red: { import: ['64512:1'], export: ['64512:1'] }
  blue: { import: ['64512:2'], export: ['64512:2'] }
forwarders:
${forwarder('h1', '10.255.0.1')}
${forwarder('h2', '10.255.0.2')}
timers: { restart-delay: ${restartDelay} }
control-socket: ${controlSocket}
state-directory: ${directory}/state
`,
  );
  return configFile;
}

async function start(options: Parameters<typeof configure>[0] = {}) {
  const warnings: string[] = [];
  const log = { ...silent, warn: (_facts: object, message: string) => warnings.push(message) };
  const server = await startRouteServer({ configFile: configure(options), log });
  cleanUp.push(server.stop);
  const port = Number(server.listening[0]?.split(':')[1]);
  return { ...server, port, warnings };
}

async function forwarder(port: number, account: string) {
  const ca = readFileSync(join(directory, 'rs.pem'), 'utf8');
  const one = new Forwarder({ port, account, password: `${account} secret`, ca });
  cleanUp.push(() => one.client.stop());
  return one.online();
}

const p1 = route({ prefix: '10.1.0.1/32', nexthop: '10.255.0.1', label: 1000, sequenceNumber: 3 });
const p1Backup = route({ prefix: '10.1.0.1/32', nexthop: '10.255.0.2', label: 2000 });

test('what an operator sees', async () => {
  const { port } = await start({ restartDelay: 240 });
  const h1 = await forwarder(port, 'h1');
  const h2 = await forwarder(port, 'h2');
  await h1.request({ kind: 'subscribe', vpn: 'red', instanceId: 7 });
  await h2.join('red');
  await h1.request({ kind: 'publish', vpn: 'red', routes: [p1], rejected: [] });
  await h2.request({ kind: 'publish', vpn: 'red', routes: [p1Backup], rejected: [] });
  await h1.request({ kind: 'end-of-rib', vpn: 'red' });

  expect(await callApi(socket, 'GET', '/status')).toEqual({
    role: 'route-server',
    domain: 'dc1.example',
    listening: [`127.0.0.1:${port}`],
    uptime: expect.toSatisfy((seconds) => Number.isInteger(seconds) && seconds >= 0 && seconds < 60),
    vpns: 2,
    forwarders: { configured: 2, online: 2 },
    routes: 1,
    endOfRibHeldBack: ['red'],
  });
  expect(await callApi(socket, 'GET', '/vpns')).toEqual([
    {
      vpn: 'red',
      origin: 'configuration',
      import: ['64512:1'],
      export: ['64512:1'],
      routes: 1,
      keptBack: 0,
      subscribers: ['h1', 'h2'],
      waitingFor: ['h2'],
    },
    {
      vpn: 'blue',
      origin: 'configuration',
      import: ['64512:2'],
      export: ['64512:2'],
      routes: 0,
      keptBack: 0,
      subscribers: [],
      waitingFor: [],
    },
  ]);
  expect(await callApi(socket, 'GET', '/forwarders')).toMatchObject([
    {
      account: 'h1',
      state: 'online',
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      jid: 'h1@dc1.example/hostpe',
      remoteAddress: '127.0.0.1',
      vpns: ['red'],
      subscriptions: [{ vpn: 'red', instanceId: 7 }],
      routes: 1,
      staleRoutes: 0,
    },
    { account: 'h2', subscriptions: [{ vpn: 'red' }], routes: 1 },
  ]);
  const red = [
    {
      vpn: 'red',
      prefix: '10.1.0.1/32',
      nexthops: [{ address: '10.255.0.1', label: 1000, encapsulations: [] }],
      paths: [
        {
          kind: 'forwarder',
          account: 'h1',
          vpn: 'red',
          id: p1.id,
          nexthops: p1.nexthops,
          sequenceNumber: 3,
          used: true,
          reason: 'best',
          stale: false,
        },
        {
          kind: 'forwarder',
          account: 'h2',
          vpn: 'red',
          id: p1Backup.id,
          nexthops: p1Backup.nexthops,
          used: false,
          reason: 'lower sequence number',
          stale: false,
        },
      ],
    },
  ];
  expect(await callApi(socket, 'GET', '/routes?vpn=red')).toEqual(red);
  expect(await callApi(socket, 'GET', '/routes')).toEqual(red);
  expect(await callApi(socket, 'GET', '/routes?vpn=red&prefix=10.1.0.1/32')).toEqual(red);
  expect(await callApi(socket, 'GET', '/routes?vpn=red&prefix=10.1.0.2/32')).toEqual([]);
  await expect(callApi(socket, 'GET', '/routes?prefix=10.1.0.1/33')).rejects.toMatchObject({
    status: 400,
    message: expect.stringMatching(/^prefix: /),
  });
  expect(await callApi(socket, 'GET', '/rt')).toEqual([
    { target: '64512:1', importedBy: ['red'], exportedBy: ['red'], held: false, peers: [], paths: 0 },
    { target: '64512:2', importedBy: ['blue'], exportedBy: ['blue'], held: false, peers: [], paths: 0 },
  ]);
  expect(await callApi(socket, 'GET', '/bgp/routes')).toEqual([]);
  await expect(callApi(socket, 'GET', '/routes?vpn=green')).rejects.toThrow(
    new ApiError(404, 'VPN green is not known here'),
  );
});

test('after a restart End-of-RIB waits until all forwarders have published again', async () => {
  const first = await start({ restartDelay: 240 });
  const h1 = await forwarder(first.port, 'h1');
  await h1.join('red');
  await first.stop();
  await h1.until(() => !h1.client.online);
  // The same port, so that the forwarder comes back by itself.
  const second = await start({ port: first.port, restartDelay: 240 });
  await h1.until(() => h1.client.online);
  await h1.join('red');
  await h1.request({ kind: 'publish', vpn: 'red', routes: [p1], rejected: [] });
  await h1.request({ kind: 'end-of-rib', vpn: 'red' });
  const h2 = await forwarder(second.port, 'h2');
  await h2.join('red');
  await h2.request({ kind: 'publish', vpn: 'red', routes: [p1Backup], rejected: [] });
  expect([...h1.heard, ...h2.heard]).not.toContain('red end-of-rib');
  await h2.request({ kind: 'end-of-rib', vpn: 'red' });
  await h1.hears('red +10.1.0.1/32 10.255.0.1/1000', 'red end-of-rib');
  await h2.hears('red +10.1.0.1/32 10.255.0.1/1000', 'red end-of-rib');
});

test('certificates are read anew; a file that is wrong changes nothing', async () => {
  const errors: string[] = [];
  const infos: string[] = [];
  const log = {
    ...silent,
    error: (_facts: object, message: string) => errors.push(message),
    info: (_facts: object, message: string) => infos.push(message),
  };
  const server = await startRouteServer({ configFile: configure(), log });
  cleanUp.push(server.stop);
  const port = Number(server.listening[0]?.split(':')[1]);
  const shown = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const h1 = await forwarder(port, 'h1');
  const former = await shown();
  const keyFile = join(directory, 'rs.key');
  const key = readFileSync(keyFile);
  const renewed = writeCertificate(directory, 'dc1.example');
  writeFileSync(keyFile, key);
  await server.reload();
  expect(errors).toEqual([expect.stringMatching(/nothing changes: .*rs\.yaml:3: tls\.key: is not the key/)]);
  expect(await shown()).toBe(former);
  writeFileSync(keyFile, renewed.key);
  await server.reload();
  expect(errors).toHaveLength(1);
  expect(infos.at(-1)).toContain('was read anew');
  expect(await shown()).not.toBe(former);
  expect(h1.client.online).toBe(true);
});

test('stop leaves no timer behind', async () => {
  const set = vi.spyOn(globalThis, 'setTimeout');
  const clear = vi.spyOn(globalThis, 'clearTimeout');
  try {
    const { port, stop } = await start({ restartDelay: 240 });
    const h1 = await forwarder(port, 'h1');
    await stop();
    await h1.until(() => !h1.client.online);
    const cleared = clear.mock.calls.map(([timer]) => timer);
    // Restart, withdraw and quiet timers; those of XMPP are shorter or its own business.
    const ours = set.mock.calls.flatMap(([, delay], call) =>
      [240_000, 60_000].includes(delay ?? 0) ? [set.mock.results[call]?.value] : [],
    );
    expect(ours.length).toBeGreaterThanOrEqual(2);
    for (const timer of ours) expect(cleared).toContain(timer);
  } finally {
    set.mockRestore();
    clear.mockRestore();
  }
});

test('a second one on the same control socket does not start, and leaves the first alone', async () => {
  const { port } = await start();
  const failure = startRouteServer({ configFile: configure(), log: silent });
  await expect(failure).rejects.toThrow(ControlSocketError);
  await expect(failure).rejects.toThrow('already running');
  expect(await callApi(socket, 'GET', '/status')).toMatchObject({ listening: [`127.0.0.1:${port}`] });
});

test('a port that is taken: an error that names it, and no control socket left', async () => {
  const { port } = await start();
  const controlSocket = join(directory, 'second.sock');
  const failure = startRouteServer({ configFile: configure({ port, controlSocket }), log: silent });
  await expect(failure).rejects.toThrow(XmppError);
  await expect(failure).rejects.toThrow(`127.0.0.1 port ${port}`);
  await expect(callApi(controlSocket, 'GET', '/status')).rejects.toMatchObject({ code: 'not-running' });
});

test('stop ends sessions and API, mourns no session, and can be followed by a start', async () => {
  const first = await start();
  const h1 = await forwarder(first.port, 'h1');
  await first.stop();
  await h1.until(() => !h1.client.online);
  expect(first.warnings).toEqual([]);
  await expect(callApi(socket, 'GET', '/status')).rejects.toMatchObject({ code: 'not-running' });
  const second = await start({ port: first.port });
  expect(second.port).toBe(first.port);
  await h1.until(() => h1.client.online);
});

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '@hostpe/daemon';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultControlSocket, routeServerConfigSchema } from '../src/config.ts';
import { writeCertificate } from './certificate.ts';

const directory = mkdtempSync(join(tmpdir(), 'route-server-config-'));
const file = join(directory, 'rs.yaml');
const good = `domain: dc1.example
listen:
  - address: 127.0.0.1
tls:
  certificate: ${directory}/rs.pem
  key: ${directory}/rs.key
vpns:
  red: { import: ['64512:1'], export: ['target:64512:1'] }
  blue: { import: ['64512:2', '64512:1'], export: ['192.0.2.1:2'] }
forwarders:
  h1:
    password-file: ${directory}/h1.secret
    addresses: [10.255.0.1, '2001:DB8::1']
    vpns: [red, blue]
`;

beforeAll(() => {
  writeCertificate(directory, 'dc1.example');
  writeFileSync(join(directory, 'h1.secret'), 'not to be seen\n', { mode: 0o600 });
  mkdirSync(join(directory, 'other'));
  writeCertificate(join(directory, 'other'), 'elsewhere.example');
});
afterAll(() => rmSync(directory, { recursive: true }));

function load(text: string) {
  writeFileSync(file, text);
  return loadConfig(file, routeServerConfigSchema);
}

/** The message for a configuration, without the folder. */
async function messageFor(text: string): Promise<string> {
  const error = await load(text).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw new Error(`expected a ConfigError, got ${String(error)}`);
  return error.message.replaceAll(`${directory}/`, '');
}

test('a configuration becomes values, with defaults', async () => {
  const config = await load(good);
  expect(config).toMatchObject({
    domain: 'dc1.example',
    listen: [{ address: '127.0.0.1', port: 5223, transport: 'tcp', tls: 'direct', plain: false }],
    withdrawDelay: 60_000,
    restartDelay: 120_000,
    lowerStale: false,
    controlSocket: defaultControlSocket,
    logLevel: 'info',
  });
  expect([...config.vpns]).toEqual([
    ['red', { import: ['64512:1'], export: ['64512:1'] }],
    ['blue', { import: ['64512:2', '64512:1'], export: ['192.0.2.1:2'] }],
  ]);
  const h1 = config.forwarders.get('h1');
  expect(h1?.addresses).toEqual(new Set(['10.255.0.1', '2001:db8::1']));
  expect(h1?.vpns).toEqual(new Set(['red', 'blue']));
  expect(h1?.credentials?.storedKey).toHaveLength(32);
  expect(config.tls.certificate).toContain('BEGIN CERTIFICATE');
});

test('forwarders come in order of name, whatever file is read first', async () => {
  const names = ['h9', 'h3', 'h12', 'a1'];
  const others = names.map(
    (name) => `  ${name}: { password-file: ${directory}/h1.secret, addresses: [10.255.0.9], vpns: [] }\n`,
  );
  const config = await load(good + others.join(''));
  expect([...config.forwarders.keys()]).toEqual(['a1', 'h1', 'h12', 'h3', 'h9']);
});

test('a forwarder speaks end-system-06 or what it is given', async () => {
  const dialectOf = async (text: string) => (await load(text)).forwarders.get('h1')?.dialect;
  expect(await dialectOf(good)).toBe('end-system-06');
  expect(await dialectOf(`${good}    dialect: end-system-07m\n`)).toBe('end-system-07m');
});

test('a listener may be of WebSockets, begin in plaintext, and take passwords as they are', async () => {
  const listener = async (more: string) =>
    (await load(good.replace('- address: 127.0.0.1', `- { address: 127.0.0.1, ${more} }`))).listen[0];
  expect(await listener('tls: starttls')).toMatchObject({ port: 5222, tls: 'starttls', plain: false });
  expect(await listener('tls: starttls, port: 7')).toMatchObject({ port: 7 });
  expect(await listener('transport: websocket')).toMatchObject({ port: 443, transport: 'websocket' });
  expect(await listener('plain: true')).toMatchObject({ port: 5223, tls: 'direct', plain: true });
});

test('a forwarder may have a certificate in place of a password, or beside it', async () => {
  const withCa = good.replace('  key:', `  client-ca: ${directory}/rs.pem\n  key:`);
  const both = await load(`${withCa}    certificate-name: Host1.Example\n`);
  expect(both.certificateNames).toEqual(new Map([['host1.example', 'h1']]));
  expect(both.forwarders.get('h1')?.credentials).toBeDefined();
  expect(both.tls.clientCa).toBe(both.tls.certificate);
  const certificate = await load(withCa.replace(/password-file:.*/, 'certificate-name: h1.example'));
  expect(certificate.forwarders.get('h1')?.credentials).toBeUndefined();
});

test('timers are in seconds', async () => {
  const config = await load(`${good}timers: { withdraw-delay: 0.5, restart-delay: 0 }\n`);
  expect(config).toMatchObject({ withdrawDelay: 500, restartDelay: 0 });
});

describe('what is wrong is told with file, line and key', () => {
  test.each<[string, string | RegExp, string, string]>([
    [
      'unknown key',
      'vpns: [red, blue]',
      'vpns: [red, blue]\n    vpn: red',
      'rs.yaml:15: forwarders.h1.vpn: unknown key',
    ],
    [
      'bad route target',
      "'64512:1'], export: ['target",
      "'64512'], export: ['target",
      'rs.yaml:8: vpns.red.import[0]: "64512" is not a route target',
    ],
    [
      'bad address',
      '10.255.0.1,',
      '10.255.0.256,',
      'rs.yaml:13: forwarders.h1.addresses[0]: "10.255.0.256" is not an IP address',
    ],
    [
      'unknown VPN',
      '[red, blue]',
      '[red, red, green]',
      'rs.yaml:14: forwarders.h1.vpns[2]: green is not among the VPNs of this file',
    ],
    [
      'no way to log in',
      /password-file:.*\n {4}/,
      '',
      'rs.yaml:11: forwarders.h1: needs password-file, certificate-name or both',
    ],
    [
      'a certificate that nobody signs',
      'password-file:',
      'certificate-name: h1\n    password-file:',
      'rs.yaml:12: forwarders.h1.certificate-name: needs tls.client-ca',
    ],
    [
      'a client CA that is none',
      'tls:',
      `tls:\n  client-ca: ${directory}/h1.secret`,
      'rs.yaml:5: tls.client-ca: is not a certificate in PEM',
    ],
    [
      'bad mode of TLS',
      '- address: 127.0.0.1',
      '- { address: 127.0.0.1, tls: none }',
      'rs.yaml:3: listen[0].tls: ',
    ],
    [
      'STARTTLS in a WebSocket',
      '- address: 127.0.0.1',
      '- { address: 127.0.0.1, transport: websocket, tls: starttls }',
      'rs.yaml:3: listen[0].tls: a WebSocket has no STARTTLS',
    ],
    ['nothing to listen on', '  - address: 127.0.0.1\n', '  []\n', 'rs.yaml:2: listen: '],
    ['bad account', '  h1:', '  H 1:', 'rs.yaml:11: forwarders["H 1"]: is not an account'],
    ['bad VPN name', '  red:', '  réd:', 'rs.yaml:8: vpns["réd"]: is not a VPN name'],
    [
      'bad domain',
      'domain: dc1.example',
      'domain: Dc1.example',
      'rs.yaml:1: domain: is not a domain name in lower case',
    ],
    ['missing key', 'domain: dc1.example\n', '', 'rs.yaml:1: domain: missing'],
    [
      'missing password file',
      'h1.secret',
      'h7.secret',
      'rs.yaml:12: forwarders.h1.password-file: h7.secret: not found',
    ],
    ['missing certificate', 'rs.pem', 'no.pem', 'rs.yaml:5: tls.certificate: no.pem: not found'],
    ['relative path', `${directory}/rs.pem`, 'rs.pem', 'rs.yaml:5: tls.certificate: is not an absolute path'],
    [
      'certificate that is none',
      'certificate: ',
      `certificate: ${directory}/h1.secret #`,
      'rs.yaml:5: tls.certificate: is not a certificate in PEM',
    ],
    [
      'key of another certificate',
      '/rs.key',
      '/other/rs.key',
      'rs.yaml:6: tls.key: is not the key of the certificate',
    ],
    [
      'certificate for another domain',
      'dc1.example',
      'dc2.example',
      'rs.yaml:5: tls.certificate: is not for dc2.example',
    ],
    [
      'delay beyond reason',
      'forwarders:',
      'timers: { restart-delay: 241 }\nforwarders:',
      'rs.yaml:10: timers.restart-delay: is 240 s at the most: forwarders wait 300 s for End-of-RIB',
    ],
  ])('%s', async (_what, from, to, message) => {
    expect(good).toMatch(from);
    const told = await messageFor(good.replace(from, to));
    expect(told).toContain(message);
    expect(told.split('\n')).toHaveLength(1);
    expect(told).not.toContain('not to be seen');
  });

  test('a certificate of two forwarders', async () => {
    const h2 = `  h2: { certificate-name: H1.example, addresses: [10.255.0.2], vpns: [] }\n`;
    const text = good.replace('  key:', `  client-ca: ${directory}/rs.pem\n  key:`);
    expect(await messageFor(`${text}    certificate-name: h1.example\n${h2}`)).toBe(
      'rs.yaml:17: forwarders.h2.certificate-name: is that of h1 too',
    );
  });

  test('a secret that others can read', async () => {
    chmodSync(join(directory, 'h1.secret'), 0o604);
    try {
      expect(await messageFor(good)).toMatch(
        /^rs\.yaml:12: forwarders\.h1\.password-file: h1\.secret: .*\(mode 0604\)/,
      );
    } finally {
      chmodSync(join(directory, 'h1.secret'), 0o600);
    }
  });

  test('several problems, one line each, in order', async () => {
    const bad = good.replace("['64512:2', '64512:1']", '[nonsense]').replace('127.0.0.1', 'localhost');
    expect((await messageFor(bad)).split('\n').map((line) => line.split(':')[1])).toEqual(['3', '9']);
  });
});

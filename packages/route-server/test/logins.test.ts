// The ways to log in that a configuration file has: each listener, each credential, as a forwarder sees them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XmppClient, type XmppClientOptions } from '@hostpe/xmpp';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RunningRouteServer, startRouteServer } from '../src/index.ts';
import { writeCertificate } from './certificate.ts';
import { silent } from './values.ts';

const directory = mkdtempSync(join(tmpdir(), 'route-server-logins-'));
let server: RunningRouteServer;
let ports: readonly number[] = [];
const clients: XmppClient[] = [];

/** Signed by itself, which is its own authority, and good for a client. */
function clientCertificate(name: string, alternativeName: string): { certificate: string; key: string } {
  const [certificate, key] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', certificate, '-subj', `/CN=${name}`],
      ...['-addext', `subjectAltName=${alternativeName}`],
    ],
    { stdio: 'pipe' },
  );
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}

const xmppAddr = (jid: string): string => `otherName:1.3.6.1.5.5.7.8.5;UTF8:${jid}`;
let certificates: Record<'h1' | 'h2' | 'open', { certificate: string; key: string }>;

beforeAll(async () => {
  writeCertificate(directory, 'dc1.example');
  writeFileSync(join(directory, 'secret'), 'h1 secret\n', { mode: 0o600 });
  certificates = {
    h1: clientCertificate('one', xmppAddr('h1@dc1.example')),
    h2: clientCertificate('two', 'DNS:Host2.Example'),
    open: clientCertificate('three', xmppAddr('open@dc1.example')),
  };
  writeFileSync(
    join(directory, 'clients.pem'),
    Object.values(certificates)
      .map(({ certificate }) => certificate)
      .join(''),
  );
  const configFile = join(directory, 'rs.yaml');
  writeFileSync(
    configFile,
    `domain: dc1.example
listen:
  - { address: 127.0.0.1, port: 0 }
  - { address: 127.0.0.1, port: 0, tls: starttls }
  - { address: 127.0.0.1, port: 0, transport: websocket }
open-stream: [ { address: 127.0.0.1, port: 0 } ]
tls: { certificate: ${directory}/rs.pem, key: ${directory}/rs.key, client-ca: ${directory}/clients.pem }
vpns: {}
forwarders:
  h1: { password-file: ${directory}/secret, addresses: [10.255.0.1], vpns: [] }
  h2: { certificate-name: host2.example, addresses: [10.255.0.2], vpns: [] }
  open: { open-stream: { addresses: [127.0.0.1] }, addresses: [10.255.0.3], vpns: [] }
control-socket: ${directory}/rs.sock
`,
  );
  server = await startRouteServer({ configFile, log: silent });
  ports = server.listening.map((endpoint) => Number(endpoint.split(':').at(-1)));
});
afterAll(async () => {
  for (const client of clients) await client.stop();
  await server.stop();
  rmSync(directory, { recursive: true });
});

function start(options: Partial<XmppClientOptions> & Pick<XmppClientOptions, 'port' | 'account'>) {
  const warnings: string[] = [];
  const client = new XmppClient({
    host: '127.0.0.1',
    domain: 'dc1.example',
    resource: 'hostpe',
    ca: readFileSync(join(directory, 'rs.pem'), 'utf8'),
    backoff: { initial: 20, max: 100 },
    log: { ...silent, warn: (_facts: object, message: string) => warnings.push(message) },
    ...options,
  });
  clients.push(client);
  client.start();
  return { client, warnings };
}

const listeners = [
  ['direct TLS', 0, {}],
  ['STARTTLS', 1, { tls: 'starttls' }],
  ['a WebSocket', 2, { transport: 'websocket' }],
] as const;

test.each(listeners)(
  '%s: a password, a JID in a certificate, a name that is configured',
  async (_what, at, options) => {
    const port = ports[at] ?? 0;
    for (const one of [
      { account: 'h1', password: () => 'h1 secret' },
      { account: 'h1', ...certificates.h1 },
      { account: 'h2', ...certificates.h2 },
    ]) {
      const { client } = start({ port, ...options, ...one });
      await vi.waitFor(() => expect(client.jid).toBe(`${one.account}@dc1.example/hostpe`), {
        timeout: 20_000,
      });
      await client.stop();
    }
  },
);

test.each<[string, string, () => Partial<XmppClientOptions> & { account: string }]>([
  ['the certificate of another', 'invalid-authzid', () => ({ account: 'h1', ...certificates.h2 })],
  [
    'a password where there is none',
    'not-authorized',
    () => ({ account: 'h2', password: () => 'h1 secret' }),
  ],
  [
    'the certificate of an account that authenticates nowhere',
    'does not offer EXTERNAL',
    () => ({ account: 'open', ...certificates.open }),
  ],
])('%s: refused', async (_what, why, options) => {
  const { client, warnings } = start({ port: ports[0] ?? 0, ...options() });
  await vi.waitFor(() => expect(warnings.length).toBeGreaterThan(0), { timeout: 20_000 });
  expect(client.online).toBe(false);
  expect(warnings[0]).toContain(why);
  await client.stop();
});

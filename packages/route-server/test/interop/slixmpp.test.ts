// python3-slixmpp in the place of forwarders, against a whole route server: what a generic publish-subscribe client can do.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startRouteServer } from '../../src/index.ts';
import { writeCertificate } from '../certificate.ts';
import { Forwarder } from '../forwarder.ts';
import { route, silent } from '../values.ts';
import { SlixmppClient, type SlixmppOptions } from './slixmpp-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'hostpe-slixmpp-'));
const file = (name: string) => join(folder, name);
const certificates: Record<string, { certificate: string; key: string }> = {};

/** For a client: what it may be called, as openssl writes alternative names. */
function clientCertificate(account: string, name: string): void {
  const [certificate, key] = [file(`${account}.pem`), file(`${account}.key`)];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', certificate, '-subj', '/CN=forwarder'],
      ...['-addext', `subjectAltName=${name}`],
    ],
    { stdio: 'pipe' },
  );
  certificates[account] = { certificate, key };
}

beforeAll(() => {
  writeCertificate(folder, 'dc1.example');
  clientCertificate('h1', 'otherName:1.3.6.1.5.5.7.8.5;UTF8:h1@dc1.example');
  clientCertificate('h2', 'DNS:h2.hosts.example');
  clientCertificate('stranger', 'otherName:1.3.6.1.5.5.7.8.5;UTF8:h1@dc1.example');
  const trusted = ['h1', 'h2'].map((account) => readFileSync(file(`${account}.pem`), 'utf8'));
  writeFileSync(file('clients.pem'), trusted.join(''));
  for (const account of ['h1', 'h2']) writeFileSync(file(account), `${account} secret\n`, { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task();
});

/** h1 and h2 may join red; blue exists, and neither may join it. @returns the port of each kind of TLS */
async function start(): Promise<Readonly<Record<'direct' | 'starttls', number>>> {
  const forwarder = (name: string, address: string) =>
    `  ${name}: { password-file: ${file(name)}, certificate-name: ${name}.hosts.example, addresses: [${address}], vpns: [red] }`;
  const configFile = file('rs.yaml');
  writeFileSync(
    configFile,
    `domain: dc1.example
listen: [ { address: 127.0.0.1, port: 0 }, { address: 127.0.0.1, port: 0, tls: starttls } ]
tls: { certificate: ${file('rs.pem')}, key: ${file('rs.key')}, client-ca: ${file('clients.pem')} }
vpns:
  red: { import: ['64512:1'], export: ['64512:1'] }
  blue: { import: ['64512:2'], export: ['64512:2'] }
forwarders:
${forwarder('h1', '10.255.0.1')}
${forwarder('h2', '10.255.0.2')}
timers: { restart-delay: 0 }
control-socket: ${file('rs.sock')}
`,
  );
  const server = await startRouteServer({ configFile, log: silent });
  cleanUp.push(server.stop);
  const [direct = 0, starttls = 0] = server.listening.map((endpoint) => Number(endpoint.split(':')[1]));
  return { direct, starttls };
}

type Ports = Awaited<ReturnType<typeof start>>;

/** By its password, if nothing else is said. */
function slixmpp(ports: Ports, account: string, options: Partial<SlixmppOptions> = {}): SlixmppClient {
  const { tls = 'direct' } = options;
  const login = options.certificate === undefined ? { password: `${account} secret` } : {};
  const jid = `${account}@dc1.example`;
  const one = new SlixmppClient({ port: ports[tls], tls, jid, ca: file('rs.pem'), ...login, ...options });
  cleanUp.push(() => one.stop());
  return one;
}

/** As draft-ietf-l3vpn-end-system-06 section 6 has it. */
const publish = (node: string, prefix: string, nexthop: string, label: number) =>
  ({
    do: 'publish',
    node,
    id: `${nexthop}:7:${prefix}`,
    entry: `<entry xmlns='urn:ietf:params:xml:ns:bgp:l3vpn:unicast'>
      <nlri><af>1</af><safi>1</safi><address>${prefix}</address></nlri>
      <next-hops><next-hop><af>1</af><address>${nexthop}</address><label>${label}</label>
        <tunnel-encapsulation-list><tunnel-encapsulation>gre</tunnel-encapsulation></tunnel-encapsulation-list>
      </next-hop></next-hops></entry>`,
  }) as const;
const subscribe = { do: 'subscribe', node: 'red' } as const;

const p1 = '10.1.0.1/32';
const p2 = '10.1.0.2/32';

describe('python3-slixmpp', () => {
  describe.each(['direct', 'starttls'] as const)('TLS: %s', (tls) => {
    test('login by SCRAM-SHA-256, and a ping', async () => {
      const h1 = await slixmpp(await start(), 'h1', { tls }).online();
      expect(h1.session).toEqual({
        event: 'online',
        jid: expect.stringMatching(/^h1@dc1\.example\/./),
        mechanism: 'SCRAM-SHA-256',
        starttls: tls === 'starttls',
      });
      expect(await h1.request({ do: 'ping' })).toEqual({ answer: 'done' });
    });

    test.each([
      ['h1', 'the JID'],
      ['h2', 'a name that is configured'],
    ])('login of %s by EXTERNAL: the certificate has %s', async (account) => {
      const one = await slixmpp(await start(), account, { tls, ...certificates[account] }).online();
      expect(one.session).toMatchObject({
        jid: expect.stringMatching(new RegExp(`^${account}@`)),
        mechanism: 'EXTERNAL',
      });
      expect(await one.request(subscribe)).toEqual({ answer: 'subscribed' });
    });
  });

  test('a wrong password', async () => {
    const h1 = slixmpp(await start(), 'h1', { password: 'wrong' });
    await h1.until(() => h1.session['event'] !== undefined);
    expect(h1.session).toMatchObject({ event: 'offline', why: 'authentication' });
  });

  test('EXTERNAL is not offered for a certificate that nobody vouches for', async () => {
    const h1 = slixmpp(await start(), 'h1', { ...certificates['stranger'], mechanism: 'EXTERNAL' });
    await h1.until(() => h1.session['event'] !== undefined);
    expect(h1.session).toMatchObject({ event: 'offline', why: 'authentication' });
  });

  test('two of one VPN exchange routes', async () => {
    const ports = await start();
    const [h1, h2] = await Promise.all([slixmpp(ports, 'h1').online(), slixmpp(ports, 'h2').online()]);
    expect(await h1.request(subscribe)).toEqual({ answer: 'subscribed' });
    expect(await h1.request(publish('red', p1, '10.255.0.1', 1000))).toEqual({ answer: 'done' });
    await h1.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`);
    expect(await h2.request(subscribe)).toEqual({ answer: 'subscribed' });
    await h2.hears(`red +${p1} 10.255.0.1/1000`, 'red end-of-rib');
    await h2.request(publish('red', p1, '10.255.0.2', 2000));
    for (const one of [h1, h2]) await one.hears(`red +${p1} 10.255.0.1/1000,10.255.0.2/2000`);
    expect(await h1.request({ do: 'end-of-rib', node: 'red' })).toEqual({ answer: 'done' });
    await h1.request({ do: 'retract', node: 'red', id: `10.255.0.1:7:${p1}` });
    for (const one of [h1, h2]) await one.hears(`red +${p1} 10.255.0.2/2000`);
    expect(await h2.request({ do: 'unsubscribe', node: 'red' })).toEqual({ answer: 'done' });
    await h1.hears(`red -${p1}`);
    expect(h2.heard).toEqual([]);
  });

  test('beside a forwarder of ours', async () => {
    const ports = await start();
    const h1 = await slixmpp(ports, 'h1').online();
    const ca = readFileSync(file('rs.pem'), 'utf8');
    const h2 = new Forwarder({ port: ports.direct, account: 'h2', password: 'h2 secret', ca });
    cleanUp.push(() => h2.client.stop());
    await h2.online();
    await h1.request(subscribe);
    await h2.join('red');
    await h1.hears('red end-of-rib');
    await h2.hears('red end-of-rib');
    await h1.request(publish('red', p1, '10.255.0.1', 1000));
    const ofH2 = route({ prefix: p2, nexthop: '10.255.0.2', label: 2000 });
    await h2.hears(`red +${p1} 10.255.0.1/1000`);
    await h2.request({ kind: 'publish', vpn: 'red', routes: [ofH2], rejected: [] });
    await h1.hears(`red +${p1} 10.255.0.1/1000`, `red +${p2} 10.255.0.2/2000`);
    await h1.request({ do: 'retract', node: 'red', id: `10.255.0.1:7:${p1}` });
    await h2.hears(`red +${p2} 10.255.0.2/2000`, `red -${p1}`);
    await h2.request({ kind: 'retract', vpn: 'red', ids: [ofH2.id] });
    await h1.hears(`red -${p1}`, `red -${p2}`);
  });

  test('refusals are errors that it understands', async () => {
    const h1 = await slixmpp(await start(), 'h1').online();
    expect(await h1.request({ do: 'subscribe', node: 'green' })).toMatchObject({
      refused: 'cancel item-not-found',
    });
    expect(await h1.request({ do: 'subscribe', node: 'blue' })).toMatchObject({ refused: 'auth forbidden' });
    expect(await h1.request(publish('red', p1, '10.255.0.1', 1000))).toMatchObject({
      refused: 'cancel unexpected-request',
    });
    await h1.request(subscribe);
    expect(await h1.request(publish('red', p1, '10.255.0.2', 1000))).toMatchObject({
      refused: 'auth forbidden',
      text: expect.stringContaining('may not announce next-hop 10.255.0.2'),
    });
    await h1.hears('red end-of-rib');
  });
});

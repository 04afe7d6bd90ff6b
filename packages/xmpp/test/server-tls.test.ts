// The server's certificate, and that it can change while sessions live.
import { Element } from 'ltx';
import { afterAll, afterEach, expect, test } from 'vitest';
import { XmppError } from '../src/errors.ts';
import { XmppServer } from '../src/server/server.ts';
import { ClientPeer } from './support/scripted-peer.ts';
import { DOMAIN, PASSWORD, Setting } from './support/setting.ts';

const setting = new Setting();
const peers: ClientPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.destroy();
  await setting.end();
});
afterAll(() => setting.ca.remove());

async function fingerprint(port: number): Promise<string> {
  const peer = await ClientPeer.connect(port, setting.ca.certificate, DOMAIN);
  peers.push(peer);
  return peer.socket.getPeerCertificate().fingerprint256;
}

test('a new certificate is shown to those who come; sessions that are there live on', async () => {
  const { server, port } = await setting.server();
  const client = await setting.online(port);
  for (const session of server.sessions.values()) session.onRequest(() => new Element('ok'));
  const negotiating = await ClientPeer.connect(port, setting.ca.certificate, DOMAIN);
  peers.push(negotiating);
  const former = await fingerprint(port);
  expect(await fingerprint(port)).toBe(former);
  server.setTls(setting.ca.leaf(DOMAIN));
  expect(await fingerprint(port)).not.toBe(former);
  expect((await client.request(new Element('x', { xmlns: 'urn:x' })))?.name).toBe('ok');
  expect(await negotiating.session(DOMAIN, 'h2', PASSWORD)).toBe(`h2@${DOMAIN}/r`);
  expect(client.online).toBe(true);
});

test.each([
  ['the key of another certificate', () => ({ ...setting.leaf, key: setting.ca.leaf(DOMAIN).key })],
  ['no certificate', () => ({ ...setting.leaf, certificate: 'nonsense' })],
  ['no key', () => ({ ...setting.leaf, key: '' })],
  ['a client CA that is none', () => ({ ...setting.leaf, clientCa: 'nonsense' })],
  [
    'a client CA that is broken',
    () => ({
      ...setting.leaf,
      clientCa: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    }),
  ],
])('%s is refused, and the former certificate stays', async (_what, wrong) => {
  const { server, port } = await setting.server();
  const former = await fingerprint(port);
  expect(() => server.setTls(wrong())).toThrow(XmppError);
  expect(() => server.setTls(wrong())).toThrow(expect.objectContaining({ code: 'tls' }));
  expect(await fingerprint(port)).toBe(former);
});

test('a server that has none does not listen', async () => {
  const server = new XmppServer({
    domain: DOMAIN,
    listen: [{ address: '127.0.0.1', port: 0 }],
    tls: { ...setting.leaf, key: setting.ca.leaf(DOMAIN).key },
    credentials: () => undefined,
    log: setting.log,
  });
  await expect(server.listen()).rejects.toMatchObject({ code: 'tls' });
});

// Our client and our server with each other, in each way that both have.
import { Element } from 'ltx';
import { afterAll, afterEach, expect, test } from 'vitest';
import { DOMAIN, NEVER, Setting, until } from './support/setting.ts';

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

const identity = setting.ca.leaf('h1.example');
const withClientCa = {
  tls: { ...setting.leaf, clientCa: setting.ca.certificate },
  certificateAccount: ({ kind, value }: { kind: string; value: string }) =>
    kind === 'dns' && value === 'h1.example' ? 'h1' : undefined,
};

test('STARTTLS', async () => {
  const { port } = await setting.server({ listen: [{ address: '127.0.0.1', port: 0, tls: 'starttls' }] });
  const client = await setting.online(port, { tls: 'starttls' });
  expect(client.jid).toBe(`h1@${DOMAIN}/forwarder`);
  await client.stop();
});

test('a WebSocket', async () => {
  const { server, port } = await setting.server({
    listen: [{ address: '127.0.0.1', port: 0, transport: 'websocket' }],
  });
  const client = await setting.online(port, { transport: 'websocket' });
  await until(() => server.sessions.size === 1, 'the server has a session');
  const [session] = server.sessions.values();
  session?.onRequest((payload) => new Element('answer', { xmlns: 'urn:test' }).t(payload.getText()));
  const seen: string[] = [];
  client.on('message', (stanza) => seen.push(stanza.getChildText('note') ?? ''));
  session?.sendMessage(new Element('note', { xmlns: 'urn:test' }).t('é€😀'));
  const answer = await client.request(new Element('query', { xmlns: 'urn:test' }).t('<&>'));
  expect(answer?.toString()).toContain('&lt;&amp;&gt;');
  await until(() => seen.length === 1, 'the message came');
  expect(seen).toEqual(['é€😀']);
  await client.stop();
  await until(() => server.sessions.size === 0, 'the server sees the end');
});

test.each([
  ['direct', 'starttls', /in plaintext|no answer/],
  ['starttls', 'direct', /./],
] as const)(
  'the client speaks %s TLS, the server %s: no session, and a reason',
  async (mine, its, reason) => {
    const { port } = await setting.server({ listen: [{ address: '127.0.0.1', port: 0, tls: its }] });
    const client = setting.client(port, { tls: mine, backoff: NEVER, timeout: 1_000 });
    client.start();
    await until(() => setting.log.of('warn').some(({ facts }) => facts['account'] === 'h1'), 'it failed');
    expect(setting.log.of('warn').find(({ facts }) => facts['account'] === 'h1')?.message).toMatch(reason);
  },
);

test.each(['direct', 'starttls'] as const)('EXTERNAL, %s', async (tls) => {
  const { server, port } = await setting.server({
    listen: [{ address: '127.0.0.1', port: 0, tls }],
    ...withClientCa,
    credentials: () => undefined,
  });
  const { certificate, key } = identity;
  await setting.online(port, { tls, certificate, key, password: undefined });
  expect([...server.sessions.keys()]).toEqual([`h1@${DOMAIN}`]);
});

test('a certificate of another account: the client is refused, in words', async () => {
  const { port } = await setting.server(withClientCa);
  const { certificate, key } = setting.ca.leaf('h2.example');
  const client = setting.client(port, { certificate, key, password: undefined, backoff: NEVER });
  client.start();
  const failure = () => setting.log.of('warn').find(({ facts }) => facts['account'] === 'h1');
  await until(() => failure() !== undefined, 'it failed');
  expect(failure()?.message).toMatch(/does not offer EXTERNAL|the server refused the account/);
});

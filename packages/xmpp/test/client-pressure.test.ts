// A client between a server and a consumer of which one is slow: what waits is bounded in both directions.
import { Element } from 'ltx';
import { afterAll, afterEach, expect, test } from 'vitest';
import { sendOneByOne } from './support/one-by-one.ts';
import type { ServerPeer } from './support/scripted-peer.ts';
import { DOMAIN, NEVER, PASSWORD, Setting, until } from './support/setting.ts';

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

const MIB = 1024 * 1024;

async function toSession(peer: ServerPeer): Promise<void> {
  await peer.authenticate(DOMAIN, PASSWORD);
  await peer.bind(DOMAIN, `h1@${DOMAIN}/forwarder`);
}

test('nothing is read while the consumer is behind, and the session outlives it', async () => {
  const server = await setting.scripted(toSession);
  const client = await setting.online(server.port, { pingInterval: 50, timeout: 150 });
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const seen: string[] = [];
  client.on('message', (stanza) => {
    seen.push(stanza.attrs['id']);
    return held;
  });
  const body = 'x'.repeat(16 * 1024);
  const ids = Array.from({ length: 2_000 }, (_, n) => `m${n}`);
  const [peer] = server.peers;
  const sending = sendOneByOne(ids, (id, done) =>
    peer?.socket.write(`<message id='${id}'>${body}</message>`, () => done()),
  );
  // Longer than a ping and its patience: what the client does not read is not the server's silence.
  await sending.stalled(async () => void (await peer?.take(/<iq id="ping-\d+" type="get">/)));
  expect(client.online).toBe(true);
  expect(seen).toHaveLength(1);
  expect(sending.sent).toBeLessThan(1_500);
  release();
  await until(() => seen.length === ids.length, 'all came');
  expect(seen).toEqual(ids);
});

test('a consumer whose promise rejects is told of in the log, and gets the next', async () => {
  const server = await setting.scripted(toSession);
  const client = await setting.online(server.port);
  const seen: string[] = [];
  client.on('message', (stanza) => {
    seen.push(stanza.attrs['id']);
    return Promise.reject(new Error('a listener failed'));
  });
  server.peers[0]?.send(`<message id='1'/><message id='2'/>`);
  await until(() => seen.length === 2, 'both came');
  await until(() => setting.log.of('error').length === 2, 'both are logged');
  expect(client.online).toBe(true);
});

test('a server that does not read ends the session before 17 MiB wait', async () => {
  const server = await setting.scripted(toSession);
  const client = await setting.online(server.port, { backoff: NEVER, timeout: 30_000 });
  server.peers[0]?.socket.pause();
  const reasons: string[] = [];
  client.on('offline', (reason) => reasons.push(`${reason.code}: ${reason.message}`));
  const megabyte = 'x'.repeat(MIB);
  let asked = 0;
  const failures = new Set<string>();
  while (reasons.length === 0 && asked < 100) {
    asked += 1;
    client
      .request(new Element('q', { xmlns: 'urn:q' }).t(megabyte))
      .catch((error: unknown) => failures.add(String(error)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(reasons).toEqual(['timeout: the server does not read: 15 MiB wait to be sent']);
  expect(asked).toBeLessThan(40);
  await until(() => failures.size > 0, 'the requests failed');
  expect([...failures].every((failure) => failure.startsWith('XmppError: the server does not read'))).toBe(
    true,
  );
});

test('and the watchdog notices it earlier where little is sent', async () => {
  const server = await setting.scripted(toSession);
  const client = await setting.online(server.port, { backoff: NEVER, pingInterval: 50, timeout: 300 });
  server.peers[0]?.socket.pause();
  const reasons: string[] = [];
  client.on('offline', (reason) => reasons.push(`${reason.code}: ${reason.message}`));
  await until(() => reasons.length === 1, 'it is noticed');
  expect(reasons).toEqual(['timeout: no answer within 0.3 s (session)']);
});

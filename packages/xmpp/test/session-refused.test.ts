// Client and server against each other over TLS on loopback: who gets no session, and what an operator reads of it.
import { connect } from 'node:net';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { XmppClient } from '../src/client/client.ts';
import { XmppError } from '../src/errors.ts';
import { DOMAIN, NEVER, PASSWORD, Setting, until } from './support/setting.ts';

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

describe('what is refused', () => {
  /** The first failure of a client against this port. */
  async function failure(port: number, options: Parameters<Setting['client']>[1] = {}) {
    const client = setting.client(port, { backoff: NEVER, ...options });
    client.start();
    await until(() => setting.log.of('warn').some(({ facts }) => 'server' in facts), 'an attempt failed');
    expect(client.online).toBe(false);
    return setting.log.of('warn').find(({ facts }) => 'server' in facts);
  }

  test('a wrong password', async () => {
    const { server, port } = await setting.server();
    const line = await failure(port, { password: () => 'wrong' });
    expect(line?.facts).toMatchObject({ code: 'authentication', condition: 'not-authorized' });
    expect(line?.message).toContain('the server refused the account: not-authorized');
    expect(server.sessions.size).toBe(0);
  });

  test('an account that does not exist, in the same words', async () => {
    const { port } = await setting.server();
    const unknown = await failure(port, { account: 'ghost' });
    await setting.end();
    const again = await setting.server();
    const wrong = await failure(again.port, { password: () => 'wrong' });
    const words = (line: typeof wrong) => line?.message.replace(/;.*/, '');
    expect(words(unknown)).toBe(words(wrong));
    expect(unknown?.facts).toMatchObject({ code: 'authentication', condition: 'not-authorized' });
  });

  test('a password that cannot be read', async () => {
    const { port } = await setting.server();
    const line = await failure(port, { password: () => Promise.reject(new Error('h1.secret: not found')) });
    expect(line?.facts).toMatchObject({ code: 'authentication' });
    expect(line?.message).toContain('no password: h1.secret: not found');
  });

  test('credentials that cannot be looked up: a failure for the time being', async () => {
    const { port } = await setting.server({
      credentials: () => Promise.reject(new Error('the disk is gone')),
    });
    expect((await failure(port))?.facts).toMatchObject({ condition: 'temporary-auth-failure' });
  });

  test('a CA that is not ours', async () => {
    const { port } = await setting.server();
    const other = new Setting();
    other.ca.remove();
    const line = await failure(port, { ca: other.ca.certificate });
    expect(line?.facts).toMatchObject({ code: 'tls' });
    expect(line?.message).toContain('is signed by an unknown CA');
  });

  test("the system's CAs when none is given", async () => {
    const { port } = await setting.server();
    const options = {
      host: '127.0.0.1',
      port,
      domain: DOMAIN,
      account: 'h1',
      resource: 'r',
      log: setting.log,
    };
    const client = new XmppClient({ ...options, password: () => PASSWORD });
    client.start();
    await until(() => setting.log.of('warn').length === 1, 'it failed');
    await client.stop();
    expect(setting.log.of('warn')[0]?.facts).toMatchObject({ code: 'tls' });
  });

  test('a certificate of another name, even of the host itself', async () => {
    for (const name of ['dc2.example', 'localhost']) {
      const { port } = await setting.server({ tls: setting.ca.leaf(name) });
      const line = await failure(port, { host: 'localhost' });
      expect(line?.facts).toMatchObject({ code: 'tls' });
      expect(line?.message).toContain('is not for this domain');
      await setting.end();
    }
  });

  test('an expired certificate', async () => {
    const { port } = await setting.server({ tls: setting.ca.leaf(DOMAIN, -1) });
    const line = await failure(port);
    expect(line?.facts).toMatchObject({ code: 'tls' });
    expect(line?.message).toContain('has expired');
  });

  test('a CA file that is none', async () => {
    const { port } = await setting.server();
    const ca = '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n';
    expect((await failure(port, { ca }))?.facts).toMatchObject({
      code: expect.stringMatching(/connect|tls/),
    });
  });

  test('an address where another program listens', async () => {
    const { port } = await setting.server();
    const listening = setting.server({ listen: [{ address: '127.0.0.1', port }] });
    await expect(listening).rejects.toThrow(XmppError);
    await expect(listening).rejects.toMatchObject({
      code: 'listen',
      message: expect.stringContaining(`127.0.0.1 port ${port}`),
    });
  });

  test('plaintext at the server: the connection is closed, others go on', async () => {
    const { port, client } = await setting.pair();
    const socket = connect(port, '127.0.0.1');
    let received = '';
    let closed = false;
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      closed = true;
    });
    socket.write("<?xml version='1.0'?><stream:stream to='dc1.example'>");
    await until(() => closed, 'it is closed');
    expect(received).not.toContain('stream');
    expect(client.online).toBe(true);
  });
});

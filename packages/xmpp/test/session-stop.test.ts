// Client and server against each other over TLS on loopback: the end that one of them wants.
import { connect } from 'node:net';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { Setting, until } from './support/setting.ts';

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

describe('stop', () => {
  test('ends a session in order: the server sees its end, not a loss', async () => {
    const { server, client, session } = await setting.pair();
    const reasons: string[] = [];
    session.on('close', (reason) => reasons.push(reason));
    const offline: string[] = [];
    client.on('offline', (reason) => offline.push(reason.code));
    await client.stop();
    expect(client.online).toBe(false);
    expect(client.jid).toBeUndefined();
    expect(offline).toEqual(['closed']);
    await until(() => reasons.length === 1, 'the server is told');
    expect(reasons).toEqual(['closed by the peer']);
    expect(server.sessions.size).toBe(0);
    await client.stop();
  });

  test('before the start, twice, and between attempts; a client can start again', async () => {
    const { port } = await setting.server();
    const client = setting.client(port);
    await client.stop();
    client.start();
    client.start();
    await until(() => client.online, 'online');
    await client.stop();
    client.start();
    await until(() => client.online, 'online again');
    await Promise.all([client.stop(), client.stop()]);
  });

  test('between two attempts: there is no other', async () => {
    const backoff = { initial: 20, max: 20 };
    const refusing = () => setting.scripted((peer) => void peer.socket.destroy());
    const [first, second] = [await refusing(), await refusing()];
    const stopped = setting.client(first.port, { backoff });
    stopped.start();
    await until(() => setting.log.of('warn').length === 1, 'it waits for its second attempt');
    await stopped.stop();
    // Another, started only now, is further than the stopped one could have come.
    setting.client(second.port, { backoff }).start();
    await until(() => second.peers.length === 5, 'five attempts');
    expect(first.peers).toHaveLength(1);
  });

  test('close of the server ends with everybody connected, at whatever step', async () => {
    const { server, port, client } = await setting.pair();
    const silent = connect(port, '127.0.0.1');
    silent.on('error', () => {});
    let closed = false;
    silent.on('close', () => {
      closed = true;
    });
    await new Promise((resolve) => silent.once('connect', resolve));
    const gone = client.stop();
    await server.close();
    await gone;
    await until(() => closed, 'the silent one is cut off');
    expect(server.sessions.size).toBe(0);
  });
});
